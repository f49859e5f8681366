"""The background under reflections, unbiased also where most pixels hold no count.

Of each box the mean of its background voxels, counts beyond a one-sided Poisson limit left out
(`sort_kernel`); boxes with few counts are drawn towards what their surroundings have. With B what the
surroundings let expect, y counts on n voxels, and the boxes scattering about B with relative variance
1/alpha, the posterior of a gamma prior is b = (alpha + y)/(alpha/B + n) (`rotation-methods`, section 7). B
is the mean over rings of resolution times the ratio to it in coarse squares of the detector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis.rotation import sort_kernel

Floats = npt.NDArray[np.float64]

RING_VOXELS = 20_000
"""Background voxels wanted in a ring of resolution; RINGS: most rings."""
RINGS = 30
SQUARES = 6
"""The detector is divided into so many squares along each side."""
SQUARE_COUNTS = 200.0
"""Counts that count as much as the surroundings in the ratio of a square."""
SMALLEST_EXCESS = 1e-4
"""Least relative variance assumed between boxes, so that a well measured box keeps its own mean."""
TRIMMED = 0.99


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Of each reflection.

    Attributes:
        level: counts per voxel.
        voxels: how many clean voxels would give the same precision: the variance of `level` is level/voxels.
        expected: what the surroundings let expect, counts per voxel.
    """

    level: Floats
    voxels: Floats
    expected: Floats


def pooled(counts: Floats, voxels: Floats, d_star: Floats, place: Floats) -> Background:
    """Background of boxes, each helped by the others.

    Args:
        counts: on background voxels, (n,).
        voxels: number of them.
        d_star: resolution, 1/angstrom.
        place: x and y over the size of the detector, (n, 2).
    """
    expected = np.maximum(_rings(counts, voxels, d_star), 1e-9)
    expected = expected * _squares(counts, voxels * expected, place)
    alpha = 1 / _excess(counts, voxels * expected)
    weight = alpha / expected + voxels
    return Background((alpha + counts) / weight, weight, expected)


def _rings(counts: Floats, voxels: Floats, d_star: Floats) -> Floats:
    """Mean of the boxes of similar resolution, interpolated."""
    n = int(np.clip(voxels.sum() // RING_VOXELS, 1, min(RINGS, max(1, len(counts) // 10))))
    order = np.argsort(d_star, kind="stable")
    parts = np.array_split(order, n)
    middle = np.array([d_star[part].mean() if len(part) else 0.0 for part in parts])
    level = np.array([counts[part].sum() / max(1.0, voxels[part].sum()) for part in parts])
    return np.asarray(np.interp(d_star, middle, level))


def _squares(counts: Floats, expected: Floats, place: Floats) -> Floats:
    """Counts over expected ones in the square of each box."""
    at = np.clip((place * SQUARES).astype(np.int64), 0, SQUARES - 1)
    square = at[:, 0] + SQUARES * at[:, 1]
    seen = np.bincount(square, counts, SQUARES**2) + SQUARE_COUNTS
    return np.asarray((seen / (np.bincount(square, expected, SQUARES**2) + SQUARE_COUNTS))[square])


def _excess(counts: Floats, expected: Floats) -> float:
    """Relative variance of the boxes about what is expected, beyond Poisson's; the worst few left out."""
    squared = (counts - expected) ** 2 / np.maximum(expected, 1e-9)
    kept = squared <= np.quantile(squared, TRIMMED) if len(squared) else np.zeros(0, np.bool_)
    relative = ((counts - expected) ** 2 - expected)[kept].sum() / max(1e-9, (expected[kept] ** 2).sum())
    return float(max(SMALLEST_EXCESS, relative))


def clipped_means(counts: npt.NDArray[np.int64]) -> Floats:
    """Mean of each row of counts without what is too high for it, (boxes, voxels) to (boxes,)."""
    means: Any = _clipped_means
    return np.asarray(means(np.ascontiguousarray(counts, dtype=np.int64)))


@njit(cache=True, nogil=True)
def _clipped_means(counts: npt.NDArray[np.int64]) -> Floats:
    out = np.zeros(counts.shape[0])
    histogram = np.zeros(sort_kernel.LARGEST_KNOWN + 1, np.int64)
    for box in range(counts.shape[0]):
        histogram[:] = 0
        total = 0
        for voxel in range(counts.shape[1]):
            histogram[min(counts[box, voxel], sort_kernel.LARGEST_KNOWN)] += 1
            total += counts[box, voxel]
        n, kept = sort_kernel.without_high(histogram, counts.shape[1], total)
        out[box] = kept / max(1, n)
    return out
