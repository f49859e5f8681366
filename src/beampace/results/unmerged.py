"""Scaled, unmerged observations, read from an MTZ file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.results.reflections import Indices

Values = NDArray[np.float64]

INTENSITY_LABELS = ("I", "IOBS")
SIGMA_LABELS = ("SIGI", "SIGIOBS")
SCALE_LABEL = "SCALEUSED"
"""DIALS writes the factor by which an observation was divided: strength relative to the model."""

FLAG_LABEL = "FLAG"
MISFIT = 64
"""Bit of FLAG for what XDS rejected: its negative sigma becomes this flag when gemmi makes an MTZ file of
XDS_ASCII.HKL, and the sigma positive."""


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Scaled observations of reflections.

    Attributes:
        cell, group: unit cell and space group they are indexed in.
        hkl: original indices (not moved to an asymmetric unit), (n, 3).
        intensity, sigma: scaled, (n,); sigma is positive.
        frame: frame (batch) number, (n,).
        scale: factor by which each was divided, (n,), or None when the file does not say.
    """

    cell: gemmi.UnitCell
    group: gemmi.SpaceGroup
    hkl: Indices
    intensity: Values
    sigma: Values
    frame: NDArray[np.int64]
    scale: Values | None = None

    def __len__(self) -> int:
        return len(self.intensity)

    def select(self, keep: NDArray[np.bool_]) -> Observations:
        """The observations for which `keep` is true."""
        scale = None if self.scale is None else self.scale[keep]
        return Observations(
            self.cell,
            self.group,
            self.hkl[keep],
            self.intensity[keep],
            self.sigma[keep],
            self.frame[keep],
            scale,
        )


def read_mtz(path: Path) -> gemmi.Mtz:
    """Read an MTZ file.

    Raises:
        InfrastructureError: it cannot be read, or names no space group.
    """
    try:
        mtz = gemmi.read_mtz_file(str(path))
    except (OSError, RuntimeError, ValueError) as error:
        raise failure(Failure.ENGINE_FAILED, f"{path.name} is not a readable MTZ file: {error}.") from error
    if mtz.spacegroup is None:
        raise failure(Failure.ENGINE_FAILED, f"{path.name} names no space group.")
    return mtz


def read_unmerged(path: Path) -> Observations:
    """Read scaled observations (columns I, SIGI, BATCH, M/ISYM; SCALEUSED and FLAG when there).

    Observations without a positive sigma or a finite intensity are left out, and those that XDS rejected.

    Raises:
        InfrastructureError: the file cannot be read or lacks one of the columns.
    """
    mtz = read_mtz(path)
    return observations(mtz, path.name)


def observations(mtz: gemmi.Mtz, name: str) -> Observations:
    """The observations in an MTZ object; see `read_unmerged`."""
    intensity, sigma = _column(mtz, INTENSITY_LABELS, name), _column(mtz, SIGMA_LABELS, name)
    frame = _column(mtz, ("BATCH",), name)
    scale = mtz.column_with_label(SCALE_LABEL)
    scales = None if scale is None else np.array(scale.array, dtype=np.float64)
    if mtz.column_with_label("M/ISYM") is not None:
        mtz.switch_to_original_hkl()
    hkl = np.array(mtz.make_miller_array(), dtype=np.int32)
    found = Observations(
        mtz.cell, mtz.spacegroup, hkl, intensity, sigma, np.rint(frame).astype(np.int64), scales
    )
    return found.select(np.isfinite(intensity) & np.isfinite(sigma) & (sigma > 0) & ~_misfits(mtz))


def _misfits(mtz: gemmi.Mtz) -> NDArray[np.bool_]:
    if FLAG_LABEL not in mtz.column_labels():
        return np.zeros(mtz.nreflections, dtype=bool)
    flags = np.nan_to_num(mtz.column_with_label(FLAG_LABEL).array).astype(np.int64)
    return np.asarray(flags & MISFIT, dtype=bool)


def _column(mtz: gemmi.Mtz, labels: tuple[str, ...], name: str) -> Values:
    for label in labels:
        column = mtz.column_with_label(label)
        if column is not None:
            return np.array(column.array, dtype=np.float64)
    raise failure(Failure.ENGINE_FAILED, f"{name} has no column {labels[0]}.")
