"""The unit cell."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UnitCell:
    """Unit cell: edges in angstrom, angles in degrees.

    Raises:
        ValueError: an edge is not positive, or the angles enclose no volume.
    """

    a: float
    b: float
    c: float
    alpha: float
    beta: float
    gamma: float

    def __post_init__(self) -> None:
        if min(self.a, self.b, self.c) <= 0:
            raise ValueError(f"cell edges must be positive: {self}")
        if not self._squared_volume_factor() > 0:
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
