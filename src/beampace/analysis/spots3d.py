"""Spots of adjacent rotation frames joined into reflections.

z is in frames as DIALS counts them: the middle of the first frame of the scan is 0.5 (array index). A spot
joins one of the frame before when their boxes overlap or touch and their centroids are close; a reflection
ends where a frame has no member, or is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis import spot_kernel as kernel
from beampace.analysis.frame import FrameAnalysis
from beampace.analysis.spots import intensity_variance

NEAR = 1.5
"""Centroids closer than this (px) join."""
OVERLAP = 0.5
"""Centroids of overlapping boxes join within this fraction of the larger box."""
REACH = 8.0
"""Farthest two centroids that join may be apart, px."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class JoinSettings:
    """What is taken for a reflection.

    Attributes:
        fewest_pixels: over all its frames, as DIALS's `min_spot_size` for photon counters.
        least_signal: counts above background in standard deviations, (background and signal).
        max_separation: px and frames between the highest pixel and the centroid, as in DIALS.
        most_frames: longer ones are rings, streaks or hot pixels.
    """

    fewest_pixels: int = 3
    least_signal: float = 3.0
    max_separation: float = 2.0
    most_frames: int = 200


@dataclass(frozen=True, slots=True, eq=False)
class Reflections:
    """Strong reflections, sorted by z.

    Attributes:
        xyz: centroid in px, px, frames; shape (n, 3).
        variance: of the centroid, px**2, px**2, frames**2; shape (n, 3).
        intensity: counts above background, summed over frames; intensity_variance: of it.
        background: mean counts per pixel.
        n_pixels: over all frames; n_frames: frames it is on.
        peak: highest count.
        box: half-open x0 x1 y0 y1 z0 z1 in px and frames, z from 0; shape (n, 6), int32.
        overloaded: whether a pixel is saturated.
        in_ice: whether most of it lies in a ring of hexagonal ice.
    """

    xyz: Floats
    variance: Floats
    intensity: Floats
    intensity_variance: Floats
    background: Floats
    n_pixels: npt.NDArray[np.int32]
    n_frames: npt.NDArray[np.int32]
    peak: Floats
    box: npt.NDArray[np.int32]
    overloaded: npt.NDArray[np.bool_]
    in_ice: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.xyz.shape[0])


def join_spots(analyses: Iterable[FrameAnalysis], settings: JoinSettings | None = None) -> Reflections:
    """Reflections of a rotation scan.

    Args:
        analyses: the frames that were analysed, in any order; frames not given are missing.
        settings: what is taken for a reflection.
    """
    chosen = settings or JoinSettings()
    ordered = sorted(analyses, key=lambda analysis: analysis.number)
    tables = [analysis.spots.table.astype(np.float64) for analysis in ordered]
    table = np.concatenate([np.zeros((0, kernel.COLUMNS)), *tables])
    sizes = np.array([len(rows) for rows in tables], dtype=np.int64)
    frame = np.repeat(np.array([analysis.number for analysis in ordered], dtype=np.int64), sizes)
    ice = np.concatenate([np.zeros(0, np.bool_), *(analysis.spots.in_ice for analysis in ordered)])
    order = np.lexsort((table[:, kernel.Y], frame))
    table, frame, ice = table[order], frame[order], ice[order]
    owner = _groups(join_frames(table, frame, NEAR, OVERLAP, REACH))
    return _select(_sum(table, frame, ice, owner), table, frame, owner, chosen)


@njit(cache=True, nogil=True)
def _root(parent, index):  # type: ignore[no-untyped-def]
    """Representative of a set, with path halving."""
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index


@njit(cache=True, nogil=True)
def _joins(one, two, near, overlap):  # type: ignore[no-untyped-def]
    """Whether two spots of adjacent frames belong together."""
    distance = np.hypot(one[kernel.X] - two[kernel.X], one[kernel.Y] - two[kernel.Y])
    if distance <= near:
        return True
    apart_x = max(one[kernel.X0], two[kernel.X0]) - min(one[kernel.X1], two[kernel.X1])
    apart_y = max(one[kernel.Y0], two[kernel.Y0]) - min(one[kernel.Y1], two[kernel.Y1])
    if apart_x > 0 or apart_y > 0:
        return False
    size = max(
        max(one[kernel.X1] - one[kernel.X0], two[kernel.X1] - two[kernel.X0]),
        max(one[kernel.Y1] - one[kernel.Y0], two[kernel.Y1] - two[kernel.Y0]),
    )
    return distance <= overlap * size


@njit(cache=True, nogil=True)
def join_frames(table, frame, near, overlap, reach):  # type: ignore[no-untyped-def]
    """Union of spots of adjacent frames.

    Args:
        table: spots sorted by frame, then y.
        frame: frame number of each.
        near: see `NEAR`.
        overlap: see `OVERLAP`.
        reach: see `REACH`.

    Returns:
        Representative of each spot's reflection, int64.
    """
    n = table.shape[0]
    parent = np.arange(n)
    begin_before, begin = 0, 0
    while begin < n:
        end = begin
        while end < n and frame[end] == frame[begin]:
            end += 1
        if begin_before < begin and frame[begin_before] == frame[begin] - 1:
            low = begin_before
            for here in range(begin, end):
                while low < begin and table[low, kernel.Y] < table[here, kernel.Y] - reach:
                    low += 1
                there = low
                while there < begin and table[there, kernel.Y] <= table[here, kernel.Y] + reach:
                    close = abs(table[there, kernel.X] - table[here, kernel.X]) <= reach
                    if close and _joins(table[there], table[here], near, overlap):
                        one, two = _root(parent, there), _root(parent, here)
                        parent[max(one, two)] = min(one, two)
                    there += 1
        begin_before, begin = begin, end
    for index in range(n):
        parent[index] = _root(parent, index)
    return parent


def _groups(parent: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Representatives renumbered 0, 1, 2, ..."""
    return np.asarray(np.unique(parent, return_inverse=True)[1], dtype=np.int64).reshape(-1)


def _sum(
    table: Floats, frame: npt.NDArray[np.int64], ice: npt.NDArray[np.bool_], owner: npt.NDArray[np.int64]
) -> Reflections:
    """Add up the members of each reflection; moments of the parts combine exactly (parallel-axis theorem)."""
    n = int(owner.max()) + 1 if owner.size else 0

    def total(values: npt.NDArray[np.floating]) -> Floats:
        return np.bincount(owner, weights=values, minlength=n).astype(np.float64)

    weight = table[:, kernel.SUM]
    intensity = total(weight)
    place = np.stack([table[:, kernel.X], table[:, kernel.Y], frame - 0.5], axis=1)
    inner = np.zeros_like(place)
    # A frame's own variance is sigma**2/I + 1/12: take it apart to get sigma**2 back; in a frame z has none.
    inner[:, :2] = (table[:, [kernel.VAR_X, kernel.VAR_Y]] - 1 / 12) * weight[:, None]
    xyz = np.stack([total(weight * place[:, axis]) / intensity for axis in range(3)], axis=1)
    spread = inner + (place - xyz[owner]) ** 2
    second = np.stack([total(weight * spread[:, axis]) / intensity for axis in range(3)], axis=1)
    pixels = total(table[:, kernel.PIXELS])
    return Reflections(
        xyz=xyz,
        variance=np.maximum(second, 0) / intensity[:, None] + 1 / 12,
        intensity=intensity,
        intensity_variance=total(intensity_variance(table)),
        background=total(table[:, kernel.BACKGROUND] * table[:, kernel.PIXELS]) / pixels,
        n_pixels=pixels.astype(np.int32),
        n_frames=np.bincount(owner, minlength=n).astype(np.int32),
        peak=_extreme(owner, n, table[:, kernel.PEAK], np.maximum),
        box=_boxes(table, frame, owner, n),
        overloaded=total(table[:, kernel.OVERLOADED]) > 0,
        in_ice=total(weight * ice) > 0.5 * intensity,
    )


def _extreme(
    owner: npt.NDArray[np.int64], n: int, values: npt.NDArray[np.floating], which: np.ufunc
) -> Floats:
    start = -np.inf if which is np.maximum else np.inf
    result = np.full(n, start)
    which.at(result, owner, values)
    return result


def _boxes(
    table: Floats, frame: npt.NDArray[np.int64], owner: npt.NDArray[np.int64], n: int
) -> npt.NDArray[np.int32]:
    low, high = np.minimum, np.maximum
    edges = (
        (table[:, kernel.X0], low), (table[:, kernel.X1], high),
        (table[:, kernel.Y0], low), (table[:, kernel.Y1], high),
        (frame - 1.0, low), (frame - 0.0, high),
    )  # fmt: skip
    columns = [_extreme(owner, n, values, which) for values, which in edges]
    return np.stack(columns, axis=1).astype(np.int32)


def _select(
    found: Reflections,
    table: Floats,
    frame: npt.NDArray[np.int64],
    owner: npt.NDArray[np.int64],
    settings: JoinSettings,
) -> Reflections:
    """Drop what is too small, too weak, too long, or whose highest pixel lies far from its centroid."""
    length = found.box[:, 5] - found.box[:, 4]
    peak_rows = np.flatnonzero(table[:, kernel.PEAK] == found.peak[owner])
    separation = np.full(len(found), np.inf)
    place = np.stack([table[:, kernel.PEAK_X] + 0.5, table[:, kernel.PEAK_Y] + 0.5, frame - 0.5], axis=1)
    apart = np.sqrt(((place[peak_rows] - found.xyz[owner[peak_rows]]) ** 2).sum(axis=1))
    np.minimum.at(separation, owner[peak_rows], apart)
    kept = found.n_pixels >= settings.fewest_pixels
    kept &= found.intensity > settings.least_signal * np.sqrt(found.intensity_variance)
    kept &= (separation <= settings.max_separation) & (length <= settings.most_frames)
    rows = np.flatnonzero(kept)
    rows = rows[np.lexsort((found.xyz[rows, 1], found.xyz[rows, 2]))]
    return Reflections(*(getattr(found, name)[rows] for name in Reflections.__slots__))
