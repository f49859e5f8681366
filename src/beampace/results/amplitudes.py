"""French-Wilson amplitudes as columns of a merged MTZ file."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import gemmi
import numpy as np

from beampace.results.french_wilson import LEAST_H, LEAST_RATIO, Flags, Values, amplitudes
from beampace.results.wilson import LEAST, mean_intensity

MEAN = ("IMEAN", "SIGIMEAN")
OF_INTENSITIES = MappingProxyType(
    {
        MEAN: (("F", "F"), ("SIGF", "Q")),
        ("I(+)", "SIGI(+)"): (("F(+)", "G"), ("SIGF(+)", "L")),
        ("I(-)", "SIGI(-)"): (("F(-)", "G"), ("SIGF(-)", "L")),
    }
)
"""Labels of intensities and errors, and labels and types of the amplitudes made from them."""


@dataclass(frozen=True, slots=True, eq=False)
class _Wilson:
    """What is expected of each reflection: mean intensity (epsilon included), and whether it is centric."""

    mean: Values
    centric: Flags


def add_amplitudes(mtz: gemmi.Mtz) -> str:
    """Add F and SIGF, and those of Friedel mates, unless the file has amplitudes or has no mean intensities.

    All are made with the mean intensity by resolution of IMEAN.

    Returns:
        Why there are none, or of how many reflections there are none, as a sentence; "" otherwise.
    """
    if mtz.columns_with_type("F"):
        return ""
    if any(mtz.column_with_label(label) is None for label in MEAN):
        return f"The merged file has no amplitudes (F): it has no mean intensities ({', '.join(MEAN)})."
    expected = _expected(mtz)
    if expected is None:
        return (
            f"The merged file has no amplitudes (F): their mean by resolution takes {LEAST} reflections with "
            "intensities; use IMEAN."
        )
    _add(mtz, expected)
    return _rejected(mtz)


def _add(mtz: gemmi.Mtz, expected: _Wilson) -> None:
    for labels, wanted in OF_INTENSITIES.items():
        if all(mtz.column_with_label(label) is not None for label in labels):
            intensity, sigma = _measured(mtz, labels)
            found = amplitudes(intensity, sigma, expected.mean, expected.centric)
            for (label, kind), values in zip(wanted, found, strict=True):
                mtz.add_column(label, kind, dataset_id=mtz.datasets[-1].id).array[:] = values


def _rejected(mtz: gemmi.Mtz) -> str:
    """How many mean intensities have no amplitude."""
    measured = np.isfinite(_measured(mtz, MEAN)).all(axis=0)
    n = int((measured & np.isnan(mtz.column_with_label("F").array)).sum())
    if not n:
        return ""
    return (
        f"{n} of {int(measured.sum())} reflections have no amplitude (F): their intensity is below "
        f"{LEAST_RATIO:g} sigma, or too little to say anything (h of French and Wilson below {LEAST_H:g})."
    )


def _expected(mtz: gemmi.Mtz) -> _Wilson | None:
    """None with too few reflections."""
    intensity, sigma = _measured(mtz, MEAN)
    there = np.isfinite(intensity) & np.isfinite(sigma)
    if there.sum() < LEAST:
        return None
    hkl, operations = mtz.make_miller_array(), mtz.spacegroup.operations()
    centric = np.asarray(operations.centric_flag_array(hkl), dtype=bool)
    epsilon = np.asarray(operations.epsilon_factor_without_centering_array(hkl), dtype=np.float64)
    inverse_d2 = np.asarray(mtz.cell.calculate_1_d2_array(hkl), dtype=np.float64)
    mean = np.full(len(hkl), np.nan)
    mean[there] = mean_intensity(
        inverse_d2[there], intensity[there] / epsilon[there], sigma[there] / epsilon[there], centric[there]
    )
    return _Wilson(mean * epsilon, centric)


def _measured(mtz: gemmi.Mtz, labels: tuple[str, str]) -> tuple[Values, Values]:
    """Intensities and errors; NaN where there is no positive error."""
    intensity, sigma = (np.array(mtz.column_with_label(label).array, dtype=np.float64) for label in labels)
    return intensity, np.where(sigma > 0, sigma, np.nan)
