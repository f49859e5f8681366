"""The kernels of profile fitting, in the space of the detector.

A profile is a table over (u3, u2, u1) in standard deviations of a reflection: in u1, u2 a density at nodes
between which it is interpolated linearly, in u3 the share of a cell. What is expected on a voxel is

    p = |det W| / NODE**2 * sum over cells of u3 (share of the cell that lies in the frame) * table(u1, u2)

so that Poisson's independence and the masks stay where they are, in pixels (`rotation-methods`, 8.2, 8.3).

Fit: I = sum p (c - b)/v / sum p**2/v with v = b + I p, repeated: the maximum of Poisson's likelihood.
Its variance is 1/sum(p**2/v) + (sum(p/v)/sum(p**2/v))**2 var(b), at the intensity that is *expected*:
its own fluctuation must not choose the weight of a reflection, so I is drawn towards the mean S of its
neighbourhood by Wilson's prior (`rotation-methods`, 8.1).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis.rotation import predict_kernel as table_of
from beampace.analysis.rotation.sort_kernel import Kept

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int32]

NODES = 15
NODE = 0.6
"""Standard deviations between nodes of u1 and u2; they reach to 4.2."""
CELLS = 15
CELL = 0.6
"""Width of a cell of u3 in standard deviations; they reach to 4.5."""
MOST_STEPS = 25
SETTLED = 1e-4
"""Squared change, over the variance, at which a fit ends."""
SMALLEST = 1e-6
"""Counts of variance that a voxel has at least."""
LEAST_SHARE = 1e-3
"""Of a profile, without which nothing is measured."""

INTENSITY, VARIANCE, SUM, SUM_VARIANCE, SHARE, CORRELATION, SEEN_X, SEEN_Y, SEEN_Z, VOXELS = range(10)
KNOWN_SHARE, DROPPED, SUM_AT, FIT_AT, FITS = range(10, 15)
"""Columns of the outcome: fitted intensity and variance; summed ones, both of the whole reflection; share of
the profile on the voxels that count; correlation of counts and profile; centroid in px and frames; voxels;
share of the profile on all recorded frames that lies on known voxels; voxels dropped because they fire by
themselves; the intensities at which the variances were taken."""

FIRES = 36.0
"""Squared deviation over its variance beyond which a voxel is no part of a spot; MISFIT: relative error
that a profile may have there."""
MISFIT = 0.3
FEWEST_COUNTS = 5.0


@njit(cache=True, nogil=True)
def frame_shares(row: Floats, per_frame: float, z0: int, z1: int, out: Floats) -> None:
    """Share of each cell of u3 that lies in each frame from z0, (frames, CELLS)."""
    slope = row[table_of.ZETA] * per_frame
    for z in range(z0, z1):
        low, high = (z - row[table_of.Z]) * slope, (z + 1 - row[table_of.Z]) * slope
        for cell in range(CELLS):
            left = (cell - 0.5 * CELLS) * CELL
            out[z - z0, cell] = max(0.0, min(high, left + CELL) - max(low, left)) / CELL


@njit(cache=True, nogil=True)
def collapse(
    profile: npt.NDArray[np.float32], shares: Floats, frames: int, out: npt.NDArray[np.float32]
) -> None:
    """The profile as each frame sees it, (frames, NODES, NODES)."""
    for frame in range(frames):
        plane = out[frame].reshape(-1)
        plane[:] = 0.0
        for cell in range(CELLS):
            share = np.float32(shares[frame, cell])
            if share > 0.0:
                layer = profile[cell].reshape(-1)
                for k in range(NODES * NODES):
                    plane[k] += share * layer[k]


@njit(cache=True, nogil=True)
def corner_of(row: Floats, dx: float, dy: float) -> tuple[int, int, float, float]:
    """Node below and to the left of a point, and how far the point is from it; node -1 outside."""
    u1 = (row[table_of.W00] * dx + row[table_of.W01] * dy) / NODE + 0.5 * (NODES - 1)
    u2 = (row[table_of.W10] * dx + row[table_of.W11] * dy) / NODE + 0.5 * (NODES - 1)
    if u1 < 0.0 or u2 < 0.0 or u1 >= NODES - 1 or u2 >= NODES - 1:
        return -1, -1, 0.0, 0.0
    i, j = int(u1), int(u2)
    return i, j, u1 - i, u2 - j


@njit(cache=True, nogil=True)
def pixel_area(row: Floats) -> float:
    """Area of a pixel in squares between nodes."""
    determinant = row[table_of.W00] * row[table_of.W11] - row[table_of.W01] * row[table_of.W10]
    return float(abs(determinant) / (NODE * NODE))


@njit(cache=True, nogil=True)
def expected_on(
    row: Floats, corner: Index, kept: Kept, begin: int, end: int, planes: npt.NDArray[np.float32], out: Floats
) -> tuple[float, float]:
    """Profile on voxels; its sum over those that count, and over all."""
    area, share, everything = pixel_area(row), 0.0, 0.0
    for voxel in range(begin, end):
        place = kept.place[voxel]
        i, j, f, g = corner_of(
            row, corner[0] + place[0] + 0.5 - row[table_of.X], corner[2] + place[1] + 0.5 - row[table_of.Y]
        )
        p = 0.0
        if i >= 0:
            plane = planes[place[2]]
            p = (1.0 - g) * ((1.0 - f) * plane[j, i] + f * plane[j, i + 1])
            p += g * ((1.0 - f) * plane[j + 1, i] + f * plane[j + 1, i + 1])
            p *= area
        out[voxel - begin] = p
        everything += p
        if kept.counts[voxel] >= 0.0:
            share += p
    return share, everything


@njit(cache=True, nogil=True)
def expected_intensity(intensity: float, variance: float, mean: float) -> float:
    """Mean of what an intensity may truly be, given those of its neighbourhood.

    Wilson's exponential prior of mean S times a normal likelihood is a normal distribution about I - V/S, cut
    off below zero (French & Wilson 1978, Acta Cryst. A34, 517).
    """
    if mean <= 0.0 or variance <= 0.0:
        return max(0.0, intensity)
    sigma = math.sqrt(variance)
    h = (intensity - variance / mean) / sigma
    if h < -6.0:
        return sigma / -h * (1.0 - 2.0 / (h * h))
    density = math.exp(-0.5 * h * h) / math.sqrt(2.0 * math.pi)
    return sigma * (h + density / (0.5 * math.erfc(-h / math.sqrt(2.0))))


@njit(cache=True, nogil=True)
def _bright(intensity: float, dark: float, share: float, mean: float) -> float:
    """The same of a summed intensity, whose variance it makes itself: (dark + I share)/share**2."""
    bright = max(intensity, 1.0)
    for _ in range(3):
        bright = expected_intensity(intensity, (dark + bright * share) / share**2, mean)
    return bright


@njit(cache=True, nogil=True)
def _fitted(count: npt.NDArray[np.float32], p: Floats, b: float, intensity: float) -> float:
    """The repeated weighted fit from a first intensity."""
    for _ in range(MOST_STEPS):
        bright, numerator, denominator = max(0.0, intensity), 0.0, 0.0
        for k in range(count.shape[0]):
            if count[k] >= 0.0 and p[k] > 0.0:
                weight = p[k] / max(SMALLEST, b + bright * p[k])
                numerator += weight * (count[k] - b)
                denominator += weight * p[k]
        if denominator == 0.0:
            return 0.0
        change = numerator / denominator - intensity
        intensity += change
        if change * change * denominator < SETTLED:
            break
    return intensity


@njit(cache=True, nogil=True)
def _variance(
    count: npt.NDArray[np.float32], p: Floats, b: float, bright: float, n_background: float
) -> float:
    """Of the fit at an intensity."""
    first, second = 0.0, 0.0
    for k in range(count.shape[0]):
        if count[k] >= 0.0 and p[k] > 0.0:
            weight = p[k] / max(SMALLEST, b + bright * p[k])
            first += weight
            second += weight * p[k]
    if second == 0.0:
        return math.inf
    return 1.0 / second + (first / second) ** 2 * b / max(1.0, n_background)


@njit(cache=True, nogil=True)
def _describe(
    row: Floats, corner: Index, kept: Kept, begin: int, end: int, p: Floats, b: float, out: Floats
) -> None:
    """Centroid of what is above the background, and correlation with the profile."""
    n, total, sx, sy, sz = 0, 0.0, 0.0, 0.0, 0.0
    sp, spp, scc, scp = 0.0, 0.0, 0.0, 0.0
    for voxel in range(begin, end):
        if kept.counts[voxel] < 0.0:
            continue
        c, q, place = kept.counts[voxel] - b, p[voxel - begin], kept.place[voxel]
        n += 1
        total += c
        sx += c * place[0]
        sy += c * place[1]
        sz += c * place[2]
        sp += q
        spp += q * q
        scc += c * c
        scp += c * q
    out[VOXELS] = n
    out[SEEN_X], out[SEEN_Y], out[SEEN_Z] = row[table_of.X], row[table_of.Y], row[table_of.Z]
    if n < 2:
        return
    spread = (spp - sp * sp / n) * (scc - total * total / n)
    out[CORRELATION] = (scp - sp * total / n) / math.sqrt(spread) if spread > 0.0 else 0.0
    if total > 3.0 * math.sqrt(n * b + max(total, 1.0)):
        out[SEEN_X] = corner[0] + 0.5 + sx / total
        out[SEEN_Y] = corner[2] + 0.5 + sy / total
        out[SEEN_Z] = corner[4] + 0.5 + sz / total


@njit(cache=True, nogil=True)
def _drop_firing(kept: Kept, begin: int, end: int, p: Floats, b: float, intensity: float) -> int:
    """Drop the pixel, on all frames, that lies farthest above what is expected; returns its voxels or 0."""
    worst, where = FIRES, -1
    for voxel in range(begin, end):
        count, model = kept.counts[voxel], b + max(0.0, intensity) * p[voxel - begin]
        if count > FEWEST_COUNTS and count > model:
            excess = (count - model) ** 2 / (max(model, b, SMALLEST) + (MISFIT * model) ** 2 + 0.5)
            if excess > worst:
                worst, where = excess, voxel
    if where < 0:
        return 0
    x, y, dropped = kept.place[where, 0], kept.place[where, 1], 0
    for voxel in range(begin, end):
        if kept.place[voxel, 0] == x and kept.place[voxel, 1] == y and kept.counts[voxel] >= 0.0:
            kept.counts[voxel] = -1.0
            dropped += 1
    return dropped


@njit(cache=True, nogil=True)
def _above(count: npt.NDArray[np.float32], b: float) -> float:
    """Counts above the background."""
    total = 0.0
    for k in range(count.shape[0]):
        if count[k] >= 0.0:
            total += count[k] - b
    return total


@njit(cache=True, nogil=True)
def _measure(
    row: Floats,
    corner: Index,
    kept: Kept,
    begin: int,
    end: int,
    planes: npt.NDArray[np.float32],
    level: Floats,
    mean: float,
    p: Floats,
    out: Floats,
) -> None:
    """Write the outcome of one reflection."""
    count, b, worth = kept.counts[begin:end], level[0], max(1.0, level[1])
    share, everything = expected_on(row, corner, kept, begin, end, planes, p)
    _describe(row, corner, kept, begin, end, p, b, out)
    out[SHARE], out[KNOWN_SHARE] = share, share / everything if everything > 0.0 else 0.0
    out[VARIANCE], out[SUM_VARIANCE] = math.inf, math.inf
    if share < LEAST_SHARE:
        return
    counted, voxels = _above(count, b), out[VOXELS]
    dark = voxels * b * (1.0 + voxels / worth)
    out[SUM] = counted / share
    bright = _bright(out[SUM], dark, share, mean)
    out[SUM_VARIANCE], out[SUM_AT] = (dark + bright * share) / share**2, bright
    out[INTENSITY] = _fitted(count, p, b, max(0.0, out[SUM]))
    bright = expected_intensity(out[INTENSITY], _variance(count, p, b, bright, worth), mean)
    out[VARIANCE], out[FIT_AT] = _variance(count, p, b, bright, worth), bright


@njit(cache=True, nogil=True)
def fit(
    kept: Kept,
    table: Floats,
    box: Index,
    background: Floats,
    mean: Floats,
    region: Index,
    profiles: npt.NDArray[np.float32],
    per_frame: float,
) -> Floats:
    """Fitted and summed intensities.

    Args:
        kept: foreground voxels; those that fire by themselves are dropped from it.
        table: predictions.
        box: their boxes.
        background: counts per voxel and voxels that it is worth, (n, 2).
        mean: intensity that reflections of this resolution have, counts, (n,).
        region: whose profile each takes, (n,).
        profiles: (regions, CELLS, NODES, NODES).
        per_frame: standard deviations of sigma_m per frame at zeta = 1.

    Returns:
        (n, FITS).
    """
    n = table.shape[0]
    out, frames, most = np.zeros((n, FITS)), 1, 1
    for entry in range(n):
        frames = max(frames, box[entry, 5] - box[entry, 4])
        most = max(most, kept.start[entry + 1] - kept.start[entry])
    shares, planes = np.empty((frames, CELLS)), np.empty((frames, NODES, NODES), np.float32)
    scratch = np.empty(most)
    for entry in range(n):
        begin, end, row, corner = kept.start[entry], kept.start[entry + 1], table[entry], box[entry]
        p, level, result = scratch[: end - begin], background[entry], out[entry]
        frame_shares(row, per_frame, corner[4], corner[5], shares)
        collapse(profiles[region[entry]], shares, corner[5] - corner[4], planes)
        _measure(row, corner, kept, begin, end, planes, level, mean[entry], p, result)
        result[DROPPED] = _drop_firing(kept, begin, end, p, level[0], result[INTENSITY])
        if result[DROPPED] > 0.0:
            _measure(row, corner, kept, begin, end, planes, level, mean[entry], p, result)
    return out
