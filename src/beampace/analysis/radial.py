"""The radial profile of a frame, and the rings that stand out of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis.geometry import BIN_WIDTH
from beampace.analysis.spot_kernel import TILE

HEXAGONAL_ICE = (3.90, 3.67, 3.44, 2.67, 2.25, 2.07, 1.95, 1.92, 1.88, 1.72, 1.52, 1.47, 1.44, 1.37)
"""d in A of the rings of hexagonal ice; cubic ice shows 3.67, 2.25 and 1.92 of them."""
RING_HALF_WIDTH = 0.002
"""Half the width of an ice ring in 1/d**2 (1/A**2), as in DIALS's powder-ring filter."""
FLANK_BINS = 6
"""Bins on either side from which the background below a ring is taken."""
GAP_BINS = 2
"""Bins between a ring and its flanks."""
LEAST_PIXELS = 100
"""Sampled pixels a ring and its flanks must have."""
LEAST_SIGMA = 6.0
ICE_SIGMA = 4.0
"""Less is asked of a ring of ice: its place is known, and two are needed."""
LEAST_EXCESS = 0.1
"""A ring must stand this fraction above its flanks: less is what curvature of the background can do."""
POWDER_EXCESS = 0.25
POWDER_RINGS = 3
LOWEST_RESOLUTION = 1 / 20.0**2


@dataclass(frozen=True, slots=True)
class Rings:
    """Rings of a radial profile.

    Attributes:
        ice_score: excess of the strongest significant ice ring over its flanks, as a fraction of them.
        ice: whether at least two rings of ice stand out.
        powder: whether several sharp rings stand out that are not ice.
    """

    ice_score: float
    ice: bool
    powder: bool


@njit(cache=True, nogil=True)
def sum_profile(frame, index, step, levels, table, sums, counts):  # type: ignore[no-untyped-def]
    """Sum the sampled pixels below their tile's seed threshold into radial bins.

    Args:
        frame: counts, shape (slow, fast).
        index: see `RadialBins`.
        step: see `RadialBins`.
        levels: threshold level per tile, int32.
        table: seed threshold per level, uint32.
        sums: output, counts per bin, int64.
        counts: output, pixels per bin, int64.
    """
    sums[:] = 0
    counts[:] = 0
    for row in range(index.shape[0]):
        y = row * step
        for column in range(index.shape[1]):
            where = index[row, column]
            if where < 0:
                continue
            x = column * step
            value = frame[y, x]
            if value < table[levels[y // TILE, x // TILE]]:
                sums[where] += value
                counts[where] += 1


def ice_ring_bins(n_bins: int) -> npt.NDArray[np.bool_]:
    """Which bins of a profile belong to a ring of hexagonal ice."""
    return in_ice_ring((np.arange(n_bins) + 0.5) * BIN_WIDTH)


def in_ice_ring(d_star_sq: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Which values of 1/d**2 lie in a ring of hexagonal ice."""
    rings = 1.0 / np.asarray(HEXAGONAL_ICE) ** 2
    return np.asarray((np.abs(d_star_sq[:, None] - rings[None, :]) < RING_HALF_WIDTH).any(axis=1))


def find_rings(sums: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> Rings:
    """Judge a profile: score of a ring is (ring - mean of flanks) / sigma, sigma by counting statistics."""
    excess, sigmas = _excess(sums, counts)
    edges = (np.arange(sums.shape[0]) + 0.5) * BIN_WIDTH
    scores = []
    for d in HEXAGONAL_ICE:
        near = np.abs(edges - 1 / d**2) < RING_HALF_WIDTH
        stands = near & (excess > LEAST_EXCESS) & (sigmas > ICE_SIGMA)
        scores.append(float(excess[stands].max()) if stands.any() else 0.0)
    found = sum(score > 0 for score in scores)
    other = (excess > POWDER_EXCESS) & (sigmas > LEAST_SIGMA) & (edges > LOWEST_RESOLUTION)
    other &= ~_widened(ice_ring_bins(sums.shape[0]))
    n_other = int(np.count_nonzero(np.diff(other.astype(np.int8), prepend=0) == 1))
    return Rings(max(scores), found >= 2, n_other >= POWDER_RINGS)


def _excess(
    sums: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Per bin: excess over its flanks as a fraction of them, and in standard deviations.

    The flanks are the bins `GAP_BINS` + 1 to `GAP_BINS` + `FLANK_BINS` away; the higher of the two sides and
    their mean is taken as background, so that neither a slope nor an edge makes a ring.
    """
    left, left_n = _side(sums, -1), _side(counts, -1)
    right, right_n = _side(sums, 1), _side(counts, 1)
    enough = (counts >= LEAST_PIXELS) & (left_n >= LEAST_PIXELS) & (right_n >= LEAST_PIXELS)
    safe = np.where(enough, counts, 1), np.where(enough, left_n, 1), np.where(enough, right_n, 1)
    mean = sums / safe[0]
    flank = np.maximum(left / safe[1], right / safe[2])
    variance = np.maximum(flank, 1e-6) * (1 / safe[0] + 1 / np.minimum(safe[1], safe[2]))
    excess = np.where(enough, (mean - flank) / np.maximum(flank, 1e-6), 0.0)
    return excess, np.where(enough, (mean - flank) / np.sqrt(variance), 0.0)


def _side(values: npt.NDArray[np.int64], sign: int) -> npt.NDArray[np.int64]:
    """Sum of the flank of each bin on one side; shorter at the ends of the profile."""
    total = np.concatenate(([0], np.cumsum(values)))
    here = np.arange(values.shape[0])
    near, far = here + sign * (GAP_BINS + 1), here + sign * (GAP_BINS + FLANK_BINS)
    low = np.clip(np.minimum(near, far), 0, values.shape[0])
    high = np.clip(np.maximum(near, far) + 1, 0, values.shape[0])
    return np.asarray(total[high] - total[low], dtype=np.int64)


def _widened(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Flags with two neighbours on either side set as well."""
    wide = np.convolve(flags.astype(np.int8), np.ones(5, dtype=np.int8))
    return np.asarray(wide[2 : 2 + flags.size] > 0)
