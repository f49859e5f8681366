"""The unit cell."""

from __future__ import annotations

import math
from dataclasses import dataclass

EDGES = (1.0, 5000.0)
"""Edges between which a crystal may have its cell, angstrom; a virus capsid's stay below 2000."""


@dataclass(frozen=True, slots=True)
class UnitCell:
    """Unit cell: edges in angstrom, angles in degrees.

    Raises:
        ValueError: an edge is not between 1 and 5000 angstrom, or the angles enclose no volume.
    """

    a: float
    b: float
    c: float
    alpha: float
    beta: float
    gamma: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in self.parameters):
            raise ValueError(f"a cell is six finite numbers, not {self.parameters}")
        edges = self.parameters[:3]
        if not all(EDGES[0] <= edge <= EDGES[1] for edge in edges):
            raise ValueError(f"cell edges lie between {EDGES[0]:g} and {EDGES[1]:g} angstrom, not {edges}")
        if not all(0 < angle < 180 for angle in self.parameters[3:]) or not self._squared_volume_factor() > 0:
            raise ValueError(f"cell angles enclose no volume: {self}")

    @classmethod
    def parse(cls, text: str) -> UnitCell:
        """Read `a,b,c,alpha,beta,gamma` (commas or blanks).

        Raises:
            ValueError: not six numbers, or not a cell.
        """
        words = text.replace(",", " ").split()
        if len(words) != 6:
            raise ValueError(f"a unit cell is six numbers a,b,c,alpha,beta,gamma, not {text!r}")
        return cls(*(float(word) for word in words))

    @property
    def parameters(self) -> tuple[float, float, float, float, float, float]:
        """(a, b, c, alpha, beta, gamma)."""
        return (self.a, self.b, self.c, self.alpha, self.beta, self.gamma)

    @property
    def volume(self) -> float:
        """Volume in cubic angstrom (International Tables for Crystallography C, 1.1)."""
        return self.a * self.b * self.c * math.sqrt(self._squared_volume_factor())

    def worst_deviation(self, other: UnitCell) -> float:
        """Largest relative difference of an edge, or of an angle against 90 degrees."""
        pairs = zip(self.parameters, other.parameters, strict=True)
        return max(abs(one - two) / (two if index < 3 else 90.0) for index, (one, two) in enumerate(pairs))

    def _squared_volume_factor(self) -> float:
        ca, cb, cg = (math.cos(math.radians(angle)) for angle in (self.alpha, self.beta, self.gamma))
        return 1 - ca * ca - cb * cb - cg * cg + 2 * ca * cb * cg

    def __str__(self) -> str:
        edges = " ".join(f"{edge:.2f}" for edge in self.parameters[:3])
        return edges + " " + " ".join(f"{angle:.1f}" for angle in self.parameters[3:])
