"""How many spots of a frame go on in the next: what drops when the crystal jumps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis.frame import FrameAnalysis

NEAR = 1.5
"""A spot goes on when the next frame has one within this distance, px."""


@njit(cache=True, nogil=True)
def goes_on(x, y, next_x, next_y, near):  # type: ignore[no-untyped-def]
    """Number of points that have one of the next frame within `near`; both sorted by y."""
    found, low = 0, 0
    for here in range(x.shape[0]):
        while low < next_y.shape[0] and next_y[low] < y[here] - near:
            low += 1
        there = low
        while there < next_y.shape[0] and next_y[there] <= y[here] + near:
            if (next_x[there] - x[here]) ** 2 + (next_y[there] - y[here]) ** 2 <= near * near:
                found += 1
                break
            there += 1
    return found


def continuity(analyses: Sequence[FrameAnalysis]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Per frame but the last: good spots that go on in the next given frame, and good spots.

    Frames whose successor is missing count no spots.
    """
    places = [_places(analysis) for analysis in analyses]
    going, all_spots = [], []
    for index in range(len(analyses) - 1):
        adjoining = analyses[index + 1].number == analyses[index].number + 1
        x, y = places[index][0][places[index][2]], places[index][1][places[index][2]]
        going.append(goes_on(x, y, places[index + 1][0], places[index + 1][1], NEAR) if adjoining else 0)
        all_spots.append(len(x) if adjoining else 0)
    return np.array(going, np.int64), np.array(all_spots, np.int64)


def _places(
    analysis: FrameAnalysis,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    order = np.argsort(analysis.spots.y, kind="stable")
    x, y = analysis.spots.x[order], analysis.spots.y[order]
    return np.ascontiguousarray(x), np.ascontiguousarray(y), analysis.spots.good[order]
