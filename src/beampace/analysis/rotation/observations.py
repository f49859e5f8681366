"""Integrated observations as scaling takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.core.cell import UnitCell

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

RECORDED = 0.4
"""Partiality below which an observation says too little to be scaled (rotation-methods.md 5.4)."""
WHOLE = 0.95
"""Partiality above which an observation may shape the scaling model."""

PER_OBSERVATION = ("hkl", "intensity", "sigma", "z", "d", "partiality", "photon", "s1", "source", "xy")


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Observations of one scan; build them with `observed`.

    Attributes:
        cell: the hkl are in its basis.
        hkl: (n, 3) int32.
        intensity: of the whole reflection, corrected for Lorentz, polarisation and the sensor, (n,).
        sigma: its e.s.d., (n,).
        z: frames from the beginning of the first one, (n,).
        d: spacing, angstrom, (n,).
        width: degrees per frame.
        partiality: share of the reflection that was recorded, (n,).
        photon: intensity that one photon stands for, i.e. the product of all corrections, (n,). With it the
            variance is taken where the mean of the equivalents lies and not where the observation does;
            without it sigma is taken to be free of the observation's own fluctuation.
        s1: directions of the diffracted beam and
        source: of the source (-s0), both in the crystal's frame, unit vectors, (n, 3); for absorption.
        xy: pixels on the detector, (n, 2); only passed through to files.
    """

    cell: UnitCell
    hkl: Indices
    intensity: Floats
    sigma: Floats
    z: Floats
    d: Floats
    width: float
    partiality: Floats
    photon: Floats | None = None
    s1: Floats | None = None
    source: Floats | None = None
    xy: Floats | None = None

    def __len__(self) -> int:
        return len(self.intensity)

    def select(self, which: Flags | npt.NDArray[np.intp]) -> Observations:
        """Those that a mask or an index array chooses."""
        chosen: dict[str, Any] = {name: _taken(getattr(self, name), which) for name in PER_OBSERVATION}
        return replace(self, **chosen)

    def reindexed(self, change: npt.NDArray[np.int64], cell: UnitCell) -> Observations:
        """In another basis.

        Args:
            change: rows are the new axes in terms of the old ones, (3, 3).
            cell: of the new basis.
        """
        hkl = np.asarray(self.hkl.astype(np.int64) @ change.T, dtype=np.int32)
        return replace(self, cell=cell, hkl=hkl, d=spacings(cell, hkl))

    def usable(self) -> Flags:
        """Whether each has a finite intensity, a positive sigma and was mostly recorded."""
        finite = np.isfinite(self.intensity) & np.isfinite(self.sigma) & np.isfinite(self.z)
        return np.asarray(finite & (self.sigma > 0) & (self.partiality > RECORDED))

    @property
    def degrees(self) -> float:
        """The range they come from."""
        return float(np.ptp(self.z)) * self.width if len(self) else 0.0


def _taken(values: npt.NDArray[Any] | None, which: Flags | npt.NDArray[np.intp]) -> npt.NDArray[Any] | None:
    return None if values is None else values[which]


def observed(
    cell: UnitCell,
    hkl: Indices,
    intensity: Floats,
    sigma: Floats,
    z: Floats,
    width: float,
    *,
    partiality: Floats | None = None,
    photon: Floats | None = None,
    s1: Floats | None = None,
    source: Floats | None = None,
    xy: Floats | None = None,
) -> Observations:
    """Observations with their spacings; wholly recorded unless told otherwise. See `Observations`."""
    hkl = np.asarray(hkl, dtype=np.int32)
    whole = np.ones(len(hkl)) if partiality is None else partiality
    d = spacings(cell, hkl)
    return Observations(cell, hkl, intensity, sigma, z, d, width, whole, photon, s1, source, xy)


def spacings(cell: UnitCell, hkl: Indices) -> Floats:
    """Spacing of each reflection, angstrom."""
    squares = gemmi.UnitCell(*cell.parameters).calculate_1_d2_array(np.ascontiguousarray(hkl))
    return np.asarray(1 / np.sqrt(np.asarray(squares)), dtype=np.float64)
