"""Curves over a scan: uniform quadratic B-splines.

Three neighbouring coefficients make the value at any place, as in the gaussian smoother of DIALS
(refinement/gaussian_smoother.h), but straight lines and parabolas are reproduced exactly, up to the ends.
De Boor (1978), A Practical Guide to Splines, chapter IX.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Curve:
    """A family of curves on [low, high] in `intervals` pieces of equal length."""

    low: float
    high: float
    intervals: int

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return self.intervals + 2

    @property
    def step(self) -> float:
        """Length of a piece."""
        return max(self.high - self.low, 1e-9) / self.intervals

    def weights(self, z: Floats) -> tuple[Places, Floats]:
        """(first of the three coefficients that matter, their weights (n, 3)); constant beyond the ends."""
        u = np.clip((z - self.low) / self.step, 0.0, self.intervals)
        first = np.minimum(u.astype(np.int64), self.intervals - 1)
        t = u - first
        weights = np.stack([0.5 * (1 - t) ** 2, 0.5 + t * (1 - t), 0.5 * t**2], axis=1)
        return first, weights

    def matrix(self, z: Floats) -> Floats:
        """What to multiply coefficients with to have the values at z, (n, size)."""
        first, weights = self.weights(z)
        rows = np.zeros((len(z), self.size))
        np.put_along_axis(rows, first[:, None] + np.arange(3), weights, axis=1)
        return rows

    def stiffness(self, sigma: float) -> Floats:
        """The restraint sum (p_j - p_{j-1})^2 / sigma^2 as a matrix, (size, size)."""
        difference = np.diff(np.eye(self.size), axis=0)
        return np.asarray(difference.T @ difference / sigma**2)
