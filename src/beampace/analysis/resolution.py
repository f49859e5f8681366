"""The resolution a frame shows, from its spots.

The `estimated_d_min` of `dials.per_image_analysis`: ln(I/sigma) against 1/d**2 in bins of equal population,
Wilson outliers rejected per bin (E cut-off sqrt(-ln 0.01); Read 1999, Acta Cryst. D55, 1759), a line through
the 90th percentiles of the bins; the estimate is the largest 1/d**2 of the spots below that line. One
departure: the `BEYOND`-th largest is taken, so that no single false spot in a corner decides.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

LEAST_SPOTS = 11
PER_BIN = 20
FEWEST_BINS, MOST_BINS = 5, 20
UPPER = 0.9
E_CUTOFF = math.sqrt(-math.log(0.01))
BEYOND = 0.01
"""Fraction of the spots allowed beyond the estimate (none below 100 spots)."""

Floats = npt.NDArray[np.float64]


def estimate_d_min(d_star_sq: Floats, intensity: Floats, variance: Floats) -> float | None:
    """Resolution estimate in A, or None with fewer than `LEAST_SPOTS` spots.

    Args:
        d_star_sq: 1/d**2 of the spots, ice rings already left out.
        intensity: summed signal of the spots.
        variance: of the intensity.
    """
    usable = (variance > 0) & (intensity > 0) & (d_star_sq > 0)
    if np.count_nonzero(usable) < LEAST_SPOTS:
        return None
    order = np.argsort(d_star_sq[usable], kind="stable")
    squared, signal = d_star_sq[usable][order], intensity[usable][order]
    log_ratio = np.log(signal / np.sqrt(variance[usable][order]))
    bins = _equal_bins(squared.shape[0])
    inlier = np.concatenate([wilson_inliers(signal[part]) for part in bins])
    slope, offset = _upper_line(squared, log_ratio, inlier, bins)
    below = np.sort(squared[inlier & (log_ratio <= slope * squared + offset)])
    if below.size == 0:
        return None
    return float(1 / math.sqrt(below[-1 - int(BEYOND * below.size)]))


def wilson_inliers(intensity: Floats) -> npt.NDArray[np.bool_]:
    """Spots whose normalised amplitude stays below the cut-off, found again until none is left to reject."""
    inlier = np.ones(intensity.shape[0], dtype=np.bool_)
    while True:
        limit = E_CUTOFF**2 * intensity[inlier].mean()
        kept = inlier & (intensity < limit)
        if not kept.any() or kept.sum() == inlier.sum():
            return inlier
        inlier = kept


def _equal_bins(n: int) -> list[slice]:
    n_bins = max(FEWEST_BINS, min(MOST_BINS, n // PER_BIN))
    edges = [round(n * index / n_bins) for index in range(n_bins + 1)]
    return [slice(low, high) for low, high in pairwise(edges)]


def _upper_line(
    squared: Floats, log_ratio: Floats, inlier: npt.NDArray[np.bool_], bins: list[slice]
) -> tuple[float, float]:
    """Slope and offset of the least-squares line through the upper percentile of each bin."""
    points = []
    for part in bins:
        inside = np.flatnonzero(inlier[part]) + part.start
        ranked = inside[np.argsort(log_ratio[inside], kind="stable")]
        points.append(ranked[min(ranked.size - 1, math.floor(UPPER * ranked.size))])
    x, y = squared[points], log_ratio[points]
    spread = ((x - x.mean()) ** 2).sum()
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / spread) if spread > 0 else 0.0
    return slope, float(y.mean() - slope * x.mean())
