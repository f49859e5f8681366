"""How much the observations scatter beyond counting statistics.

sigma'^2 = a^2 (sigma^2 + (b g <I>)^2), the form of dials.scale, at the mean of the group and not at the
observation's own intensity: otherwise what came out low by chance would count more. ISa = 1/(a b) is the
I/sigma that no observation exceeds (Diederichs 2010, Acta Cryst. D66, 733).

The squared deviation y = (I - g <I>)^2/((1 - w g^2/W) sigma^2) has the mean E = a^2 + a^2 b^2 t with
t = (g <I>/sigma)^2, a straight line, and the variance 2 E^2. It is fitted by weighted least squares with
weights 1/E^2 until they settle, which is what maximum likelihood does for normal deviates; each y counts no
more than 9 E, so that a few deviates of a long tail do not decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from beampace.analysis.rotation.observations import Flags, Floats

FEWEST = 250
"""Observations with equivalents that a fit needs."""
DEFAULT_B = 0.03
LEAST_A, MOST_A = 0.2, 20.0
CAP = 9.0
CAPPED_MEAN = 0.9950
"""Mean of chi^2 of one degree of freedom, each value cut at `CAP`."""
MEDIAN = 0.4549
"""Median of the same."""
SETTLED = 1e-6
FREE = 0.1
"""Share of its own variance that an observation's deviation must keep to be told from nil."""
CYCLES = 30
SIGNIFICANT = 3.0


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """The model of the module.

    Attributes:
        a: factor of the e.s.d.
        b: share of the intensity that is uncertain besides.
        isa: largest I/sigma of an observation; None when the data are too weak or too few to tell.
        fitted: whether a and b come from the data.
    """

    a: float = 1.0
    b: float = DEFAULT_B
    isa: float | None = None
    fitted: bool = False

    def variance(self, variance: Floats, expected: Floats) -> Floats:
        """Variance of observations.

        Args:
            variance: from counting, at the expected intensity, (n,).
            expected: g <I>, (n,).
        """
        return np.asarray(self.a**2 * (variance + (self.b * np.maximum(expected, 0.0)) ** 2))


def expected_variance(sigma: Floats, intensity: Floats, expected: Floats, photon: Floats | None) -> Floats:
    """Counting variance where the mean of the equivalents lies (rotation-methods.md 8.1, 11.4).

    sigma^2 came with the counts as they fell; photon (<expected> - <measured>) is what those of the expected
    intensity have more.
    """
    own = sigma**2
    if photon is None:
        return np.asarray(own)
    moved = own + photon * (np.maximum(expected, 0.0) - np.maximum(intensity, 0.0))
    return np.asarray(np.maximum(moved, 0.1 * own))


def fit_error_model(variance: Floats, expected: Floats, residual: Floats, free: Floats) -> ErrorModel:
    """Fit a and b; the default when there are too few observations.

    Args:
        variance: from counting, at the expected intensity, (n,).
        expected: g <I>, (n,).
        residual: I - g <I>, (n,).
        free: share 1 - w g^2/W of the variance that is left in the residual, (n,).
    """
    usable: Flags = (free > FREE) & (variance > 0) & np.isfinite(residual)
    if int(usable.sum()) < FEWEST:
        return ErrorModel()
    y = residual[usable] ** 2 / (free[usable] * variance[usable])
    t = np.maximum(expected[usable], 0.0) ** 2 / variance[usable]
    level, slope, error = _line(y, t)
    a = min(max(math.sqrt(level), LEAST_A), MOST_A)
    b = math.sqrt(slope) / a
    isa = 1 / (a * b) if slope > SIGNIFICANT * error else None
    return ErrorModel(a, b, isa, fitted=True)


def _line(y: Floats, t: Floats) -> tuple[float, float, float]:
    """(level, slope, e.s.d. of the slope) of the mean of y against t, none of them negative."""
    level, slope, error = _constant(y), 0.0, math.inf
    for _ in range(CYCLES):
        w, wt, wtt, wy, wty = _sums(y, t, level, slope)
        determinant = w * wtt - wt * wt
        if determinant < 1e-9 * w * wtt:
            return _constant(y), 0.0, math.inf
        steeper = (w * wty - wt * wy) / determinant
        if steeper <= 0:
            return _constant(y), 0.0, math.inf
        higher = max((wtt * wy - wt * wty) / determinant, LEAST_A**2)
        error = math.sqrt(2 * w / determinant)
        settled = abs(higher - level) < SETTLED * level and abs(steeper - slope) < SETTLED * steeper
        level, slope = higher, steeper
        if settled:
            break
    return level, slope, error


def _constant(y: Floats) -> float:
    """Mean of y, each counted up to `CAP` times the mean."""
    level = max(float(np.median(y)) / MEDIAN, LEAST_A**2)
    for _ in range(CYCLES):
        level = max(float(np.mean(np.minimum(y, CAP * level))) / CAPPED_MEAN, LEAST_A**2)
    return level


@njit(cache=True, nogil=True)
def _sums(y, t, level, slope):  # type: ignore[no-untyped-def]
    """Sums of w, w t, w t^2, w y, w t y with w = 1/(level + slope t)^2 and y capped."""
    w = wt = wtt = wy = wty = 0.0
    for i in range(len(y)):
        mean = level + slope * t[i]
        weight = 1 / (mean * mean)
        value = min(y[i], CAP * mean) / CAPPED_MEAN
        w += weight
        wt += weight * t[i]
        wtt += weight * t[i] * t[i]
        wy += weight * value
        wty += weight * t[i] * value
    return w, wt, wtt, wy, wty
