"""What an indexed reflection table says of the lattice: how much it explains, and how well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beampace.engines.dials import reflections as table
from beampace.engines.dials.reflections import ReflectionTable

USED_IN_REFINEMENT = 1 << 3

TESTABLE_FROM_DEG = 5.0
"""A spindle axis of the wrong sign fits wedges shorter than this (rotation methods: handedness check)."""

LOW_FRACTION = 0.35
BAD_RMSD_Z_DEG = 0.5
LOOSE_FRACTION, LOOSE_RMSD_Z, LOOSE_RMSD_Z_DEG = 0.9, 0.5, 0.1
SECOND_LATTICE_SHARE = 0.15
UNEXPLAINED_SHARE = 0.3
UNEXPLAINED_SPOTS = 100


@dataclass(frozen=True, slots=True)
class Lattice:
    """Fit of a lattice to the spots.

    Attributes:
        n_spots, n_indexed: strong spots, and those the lattice explains.
        rmsd: (x px, y px, z frames) of the spots used in refinement, or None.
    """

    n_spots: int
    n_indexed: int
    rmsd: tuple[float, float, float] | None

    @property
    def fraction(self) -> float:
        """Share of the spots that is explained."""
        return self.n_indexed / self.n_spots if self.n_spots else 0.0

    @property
    def unexplained(self) -> bool:
        """Whether enough spots are left over for another lattice."""
        left = self.n_spots - self.n_indexed
        return left >= UNEXPLAINED_SPOTS and left >= UNEXPLAINED_SHARE * self.n_spots

    def loose(self, width: float) -> bool:
        """Whether spots are left out or lie so far off that the lattice deserves a second look.

        Args:
            width: degrees per frame.
        """
        off = self.rmsd[2] if self.rmsd else 0.0
        return self.fraction < LOOSE_FRACTION or (off > LOOSE_RMSD_Z and off * abs(width) > LOOSE_RMSD_Z_DEG)

    def doubt(self, degrees: float, width: float) -> str:
        """Why the lattice cannot be believed, or "" when it can.

        Args:
            degrees: rotation covered; short wedges cannot be tested.
            width: degrees per frame.
        """
        if degrees < TESTABLE_FROM_DEG:
            return ""
        if self.fraction < LOW_FRACTION:
            return f"only {self.fraction:.0%} of {self.n_spots} spots fit the best lattice"
        off = self.rmsd[2] * abs(width) if self.rmsd else 0.0
        if off > BAD_RMSD_Z_DEG:
            return f"spots are {off:.2f} degrees away from where the best lattice puts them"
        return ""


def lattice_of(reflections: ReflectionTable) -> Lattice:
    """The fit of the first lattice of an indexed or refined table."""
    indexed = reflections.flagged(table.INDEXED)
    used = reflections.flagged(USED_IN_REFINEMENT)
    rmsd = None
    if used.any():
        away = reflections["xyzcal.px"][used] - reflections["xyzobs.px.value"][used]
        x, y, z = np.sqrt(np.mean(np.square(away), axis=0))
        rmsd = (float(x), float(y), float(z))
    return Lattice(len(reflections), int(indexed.sum()), rmsd)


def second_lattice_share(reflections: ReflectionTable) -> float:
    """Share of the spots that a second lattice explains."""
    second = reflections.flagged(table.INDEXED) & (reflections["id"] == 1)
    return float(second.sum()) / max(1, len(reflections))


def indexed_per_frame(reflections: ReflectionTable, frames: tuple[int, int]) -> tuple[int, ...]:
    """Explained spots per frame."""
    z = reflections["xyzobs.px.value"][reflections.flagged(table.INDEXED)][:, 2]
    edges = np.arange(frames[0] - 1, frames[1] + 1)
    return tuple(int(n) for n in np.histogram(z, bins=edges)[0])
