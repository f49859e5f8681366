"""The kernel that tells the voxels of a box apart: of the reflection, of a neighbour, background.

A voxel lies at u = (W (dx, dy), zeta (z - z_crossing) width / sigma_m) in standard deviations of its
reflection. It is foreground where its corner nearest to the spot has |u| <= 3, and belongs to the nearest of
the reflections whose spots it lies in (`rotation-methods`, 8.4); it is background where it lies outside 1.3
times the foreground of every reflection predicted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis.rotation import predict_kernel as table_of
from beampace.analysis.rotation.crop_kernel import OVERLOADED, Store, count_of

Floats = npt.NDArray[np.float64]

LARGEST_KNOWN = 64
"""Counts of background that have a place of their own in a histogram; larger ones share the last."""


class Kept(NamedTuple):
    """Foreground voxels of reflections, one reflection after another.

    Attributes:
        start: where each begins, (n + 1,).
        counts: float32; -1 where the voxel is not known (masked, no data, missing) or not ours.
        place: dx, dy, dz: voxel's first corner minus the box's, (voxels, 3) int16.
    """

    start: npt.NDArray[np.int64]
    counts: npt.NDArray[np.float32]
    place: npt.NDArray[np.int16]


FOREGROUND_PIXELS, LOST, OVERLAP, OVERLOAD, TAKEN, TAKEN_SUM, SIGNAL, USED, TALLIES = range(9)
"""Per reflection: foreground voxels; those of them not known; lost to a neighbour; overloaded; background
voxels and counts after rejection; counts and number of the foreground voxels that are known and its own."""


class Terms(NamedTuple):
    """By what voxels are told apart.

    Attributes:
        edge: standard deviations at the edge of the foreground.
        outer: factor from there to where the background begins.
        per_frame: standard deviations of sigma_m per frame at zeta = 1.
        step: counts per step above `EXACT`.
    """

    edge: float
    outer: float
    per_frame: float
    step: int


@njit(cache=True, nogil=True)
def _distance(row: Floats, terms: Terms, x: float, y: float, z: float) -> float:
    """Squared distance of a point from a reflection in its standard deviations; infinite when far away."""
    far = terms.edge * terms.outer
    u3 = (z - row[table_of.Z]) * row[table_of.ZETA] * terms.per_frame
    dx, dy = x - row[table_of.X], y - row[table_of.Y]
    if abs(u3) > far or abs(dx) > far * row[table_of.REACH_X] or abs(dy) > far * row[table_of.REACH_Y]:
        return math.inf
    u1 = row[table_of.W00] * dx + row[table_of.W01] * dy
    u2 = row[table_of.W10] * dx + row[table_of.W11] * dy
    return float(u1 * u1 + u2 * u2 + u3 * u3)


@njit(cache=True, nogil=True)
def _less(value: float, by: float) -> float:
    """A distance made smaller by `by`, not beyond zero."""
    return math.copysign(max(0.0, abs(value) - by), value)


@njit(cache=True, nogil=True)
def without_high(histogram: npt.NDArray[np.int64], n: int, total: float) -> tuple[int, float]:
    """Voxels and counts of a background without what is too high for it.

    One-sided: counts y with P(Y >= y) < 1/(10 n) are dropped, twice (`rotation-methods`, section 7). What a
    clean background loses by this is put back: E[Y | Y < L] = b P(Y < L - 1)/P(Y < L).

    Args:
        histogram: voxels per count, the last place for all larger ones.
        n: voxels.
        total: counts on them.
    """
    share = 1.0
    kept, kept_sum = n, total
    for _ in range(2):
        if kept == 0 or kept_sum == 0.0:
            return kept, kept_sum
        limit, share = _limit(kept_sum * share / kept, 0.1 / n)
        if limit > LARGEST_KNOWN:
            return n, total
        kept, kept_sum = 0, 0.0
        for count in range(limit):
            kept += histogram[count]
            kept_sum += count * histogram[count]
    return kept, kept_sum * share


@njit(cache=True, nogil=True)
def _limit(mean: float, probability: float) -> tuple[int, float]:
    """Smallest L with P(Y >= L) below a probability, and P(Y < L)/P(Y < L - 1), for a Poisson number."""
    if mean > 30.0:
        return LARGEST_KNOWN + 1, 1.0
    term, below, before, count = math.exp(-mean), 0.0, 0.0, 0
    while 1.0 - below >= probability and count < 2 * LARGEST_KNOWN:
        before = below
        below += term
        count += 1
        term *= mean / count
    return count, below / before if before > 0.0 else 1.0


class Others(NamedTuple):
    """Neighbours of reflections.

    Attributes:
        start: where the list of each begins, (n + 1,).
        row: the lists, rows of `table`.
        table: predictions.
    """

    start: npt.NDArray[np.int64]
    row: npt.NDArray[np.int32]
    table: Floats


@njit(cache=True, nogil=True)
def _nearest(others: Others, entry: int, terms: Terms, x: float, y: float, z: float) -> float:
    """Squared distance of a point from the nearest neighbour of a reflection."""
    least = math.inf
    for k in range(others.start[entry], others.start[entry + 1]):
        least = min(least, _distance(others.table[others.row[k]], terms, x, y, z))
    return least


@njit(cache=True, nogil=True)
def _planes(row: Floats, box: npt.NDArray[np.int32], mask: npt.NDArray[np.bool_], flat: Floats) -> None:
    """Squared distances within the plane of the detector, of the centre of each pixel and its nearest corner.

    They are written to `flat`, (pixels, 2); the first is infinite where the pixel is bad.
    """
    at = 0
    for y in range(box[2], box[3]):
        dy = y + 0.5 - row[table_of.Y]
        ny = _less(dy, 0.5)
        for x in range(box[0], box[1]):
            dx = x + 0.5 - row[table_of.X]
            nx = _less(dx, 0.5)
            u1 = row[table_of.W00] * nx + row[table_of.W01] * ny
            u2 = row[table_of.W10] * nx + row[table_of.W11] * ny
            flat[at, 1] = u1 * u1 + u2 * u2
            u1 = row[table_of.W00] * dx + row[table_of.W01] * dy
            u2 = row[table_of.W10] * dx + row[table_of.W11] * dy
            flat[at, 0] = math.inf if mask[y, x] else u1 * u1 + u2 * u2
            at += 1


@njit(cache=True, nogil=True)
def _keep(kept: Kept, at: int, count: float, pixel: int, width: int, dz: int) -> None:
    """Note a foreground voxel."""
    kept.counts[at] = count
    kept.place[at, 0], kept.place[at, 1], kept.place[at, 2] = pixel % width, pixel // width, dz


@njit(cache=True, nogil=True)
def _sort_one(
    store: Store,
    row: Floats,
    entry: int,
    missing: npt.NDArray[np.bool_],
    others: Others,
    terms: Terms,
    flat: Floats,
    kept: Kept,
    used: int,
    tally: Floats,
    histogram: npt.NDArray[np.int64],
) -> tuple[int, float]:
    """Foreground voxels of one reflection into `kept` from `used` on, the others into the histogram.

    Returns:
        (foreground voxels, counts on the background).
    """
    box = store.box[entry]
    width, pixels = box[1] - box[0], (box[1] - box[0]) * (box[3] - box[2])
    inside, outside = terms.edge * terms.edge, (terms.edge * terms.outer) ** 2
    slope = row[table_of.ZETA] * terms.per_frame
    alone = others.start[entry] == others.start[entry + 1]
    at, n, total, other = store.offset[entry], 0, 0.0, math.inf
    for z in range(box[4], box[5]):
        far = z + 0.5 - row[table_of.Z]
        along, along_near = (far * slope) ** 2, (_less(far, 0.5) * slope) ** 2
        for pixel in range(pixels):
            code, own = store.voxels[at + pixel], flat[pixel, 0] + along
            foreground = flat[pixel, 1] + along_near <= inside
            known = not missing[z] and own < math.inf and code < OVERLOADED
            if not foreground and (not known or own <= outside):
                continue
            if not alone:
                x, y = box[0] + pixel % width + 0.5, box[2] + pixel // width + 0.5
                other = _nearest(others, entry, terms, x, y, z + 0.5)
            if foreground:
                mine = other >= own or other > inside
                tally[FOREGROUND_PIXELS] += 1
                tally[OVERLOAD] += code == OVERLOADED and not missing[z] and own < math.inf
                tally[LOST] += not known
                tally[OVERLAP] += known and not mine
                count = -1.0
                if known and mine:
                    count = count_of(code, terms.step)
                    tally[SIGNAL] += count
                    tally[USED] += 1
                _keep(kept, used + n, count, pixel, width, z - box[4])
                n += 1
            elif other > outside:
                count = count_of(code, terms.step)
                histogram[min(int(count), LARGEST_KNOWN)] += 1
                total += count
        at += pixels
    return n, total


@njit(cache=True, nogil=True)
def _grown(kept: Kept, used: int, wanted: int) -> Kept:
    """The same with room for more voxels."""
    room = max(wanted, 2 * kept.counts.shape[0])
    count, place = np.empty(room, np.float32), np.empty((room, 3), np.int16)
    count[:used], place[:used] = kept.counts[:used], kept.place[:used]
    return Kept(kept.start, count, place)


@njit(cache=True, nogil=True)
def sort_voxels(
    store: Store,
    table: Floats,
    mask: npt.NDArray[np.bool_],
    missing: npt.NDArray[np.bool_],
    others: Others,
    terms: Terms,
) -> tuple[Kept, Floats]:
    """Foreground voxels and background of reflections.

    Args:
        store: boxes and voxels.
        table: their predictions.
        mask: True for bad pixels, (slow, fast).
        missing: True for frames that did not come.
        others: their neighbours.
        terms: by what voxels are told apart.

    Returns:
        (foreground voxels, tallies (n, TALLIES)).
    """
    n = store.box.shape[0]
    room = max(1024, store.voxels.shape[0] // 4)
    kept = Kept(np.zeros(n + 1, np.int64), np.empty(room, np.float32), np.empty((room, 3), np.int16))
    tallies, histogram = np.zeros((n, TALLIES)), np.zeros(LARGEST_KNOWN + 1, np.int64)
    used, flat = 0, np.empty((1024, 2))
    for entry in range(n):
        size = store.offset[entry + 1] - store.offset[entry]
        if used + size > kept.counts.shape[0]:
            kept = _grown(kept, used, used + size)
        tally = tallies[entry]
        histogram[:] = 0
        pixels = (store.box[entry, 1] - store.box[entry, 0]) * (store.box[entry, 3] - store.box[entry, 2])
        if pixels > flat.shape[0]:
            flat = np.empty((2 * pixels, 2))
        _planes(table[entry], store.box[entry], mask, flat)
        found, total = _sort_one(
            store, table[entry], entry, missing, others, terms, flat, kept, used, tally, histogram
        )
        used += found
        tally[TAKEN], tally[TAKEN_SUM] = without_high(histogram, histogram.sum(), total)
        kept.start[entry + 1] = used
    return Kept(kept.start, kept.counts[:used].copy(), kept.place[:used].copy()), tallies
