"""Amplitudes from merged intensities: the posterior of French & Wilson (1978), Acta Cryst. A34, 517.

The true intensity J has Wilson's distribution with the mean S as its prior, exp(-J/S)/S for acentric and
exp(-J/2S)/sqrt(2 pi S J) for centric reflections; the observation I is normal about J with error sigma. With
c = 1 (acentric) or 2 (centric), h = I/sigma - sigma/(c S) and x = sqrt(J/sigma), the posterior of x is

    p(x) ~ x^(2/c - 1) exp(-(x^2 - h)^2 / 2),  x >= 0,

so the amplitude F = sqrt(sigma) x depends on h alone, but for its scale. F is its mean, sigma(F) its standard
deviation. Both are integrated where the printed tables interpolate. An observation far below zero is no
chance, and one of which h is far below zero says nothing: neither has an amplitude, as in cctbx and DIALS.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

NODES = 40
"""Points of the Gauss-Legendre quadrature."""

REACH = 7.0
"""The integral ends where the exponent has fallen by REACH^2/2 below its greatest value: 2e-11 of it."""

LEAST_H = -4.0
LEAST_RATIO = LEAST_H + 0.3
"""h and I/sigma below which there is no amplitude: the limits of cctbx and DIALS."""

CHUNK = 1 << 14
"""Reflections worked on at a time, so that memory stays small."""


def amplitudes(intensity: Values, sigma: Values, mean: Values, centric: Flags) -> tuple[Values, Values]:
    """Posterior mean and standard deviation of each amplitude; NaN below `LEAST_RATIO` or `LEAST_H`.

    Args:
        intensity: merged, (n,); NaN gives NaN.
        sigma: its error, (n,); positive.
        mean: expected intensity S of each reflection, its multiplicity factor included, (n,); positive.
        centric: which reflections are centric, (n,).
    """
    ratio = intensity / sigma
    excess = ratio - sigma / (np.where(centric, 2.0, 1.0) * mean)
    x, spread = np.full((2, len(excess)), np.nan)
    wanted = np.flatnonzero((ratio >= LEAST_RATIO) & (excess >= LEAST_H))
    for start in range(0, len(wanted), CHUNK):
        part = wanted[start : start + CHUNK]
        x[part], spread[part] = posterior(excess[part], centric[part])
    return np.sqrt(sigma) * x, np.sqrt(sigma) * spread


def posterior(excess: Values, centric: Flags) -> tuple[Values, Values]:
    """Mean and standard deviation of x for each h; see the module.

    The exponent is written so that its greatest value is 0 for either sign of h, and the variance is summed
    about the mean: nothing cancels for strong reflections.
    """
    above, below = np.maximum(excess, 0), np.minimum(excess, 0)
    low, high = limits(excess)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    x = (low + high)[:, None] / 2 + (high - low)[:, None] / 2 * nodes
    density = weights * np.exp(-((x**2 - above[:, None]) ** 2 - 2 * below[:, None] * x**2) / 2)
    density *= np.where(centric[:, None], 1.0, x)
    total = density.sum(axis=1)
    mean = (density * x).sum(axis=1) / total
    variance = (density * (x - mean[:, None]) ** 2).sum(axis=1) / total
    return mean, np.sqrt(variance)


def limits(excess: Values) -> tuple[Values, Values]:
    """Limits of x beyond which the density is nothing."""
    low = np.sqrt(np.maximum(excess - REACH, 0))
    root = np.hypot(excess, REACH)
    high = np.sqrt(np.where(excess > 0, excess + REACH, REACH**2 / (root - np.minimum(excess, 0))))
    return low, high
