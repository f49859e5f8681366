"""Which reflections have boxes that touch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis.rotation.predict import Predictions

Starts = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


def neighbours(chosen: Predictions, everything: Predictions) -> tuple[Starts, Rows]:
    """Neighbours of reflections.

    Args:
        chosen: those whose neighbours are wanted.
        everything: those that may be neighbours, the chosen ones among them.

    Returns:
        (where the list of each begins, (n + 1,); rows of `everything`, one list after another).
    """
    if not len(chosen) or not len(everything):
        return np.zeros(len(chosen) + 1, np.int64), np.zeros(0, np.int32)
    spans = everything.box[:, 1::2] - everything.box[:, ::2]
    cell = int(max(8, spans[:, :2].max(), (chosen.box[:, 1::2] - chosen.box[:, ::2])[:, :2].max()))
    find: Any = _find
    found = find(chosen.box, chosen.xyz, everything.box, everything.xyz, cell)
    return found[0], found[1]


@njit(cache=True, nogil=True)
def _touch(one: Rows, two: Rows) -> bool:
    """Whether a box shares a voxel with another, without the pixel of background around that."""
    for axis in range(3):
        rim = 1 if axis < 2 else 0
        if one[2 * axis] >= two[2 * axis + 1] - rim or two[2 * axis] + rim >= one[2 * axis + 1]:
            return False
    return True


@njit(cache=True, nogil=True)
def _grid(box: Rows, low: int, high: int, cell: int, nx: int, ny: int) -> tuple[Starts, Rows]:
    """Rows by the cell of their first corner: where each cell begins, and the rows."""
    heads = np.zeros(nx * ny + 1, np.int64)
    where = np.full(box.shape[0], -1)
    for row in range(box.shape[0]):
        if box[row, 4] < high and box[row, 5] > low:
            where[row] = (box[row, 2] // cell) * nx + box[row, 0] // cell
            heads[where[row] + 1] += 1
    for place in range(nx * ny):
        heads[place + 1] += heads[place]
    filled, rows = heads.copy(), np.empty(heads[nx * ny], np.int32)
    for row in range(box.shape[0]):
        if where[row] >= 0:
            rows[filled[where[row]]] = row
            filled[where[row]] += 1
    return heads, rows


@njit(cache=True, nogil=True)
def _find(box: Rows, xyz: Floats, other_box: Rows, other_xyz: Floats, cell: int) -> tuple[Starts, Rows]:
    """The lists, by way of a grid of cells on the detector no smaller than a box."""
    nx = max(box[:, 1].max(), other_box[:, 1].max()) // cell + 2
    ny = max(box[:, 3].max(), other_box[:, 3].max()) // cell + 2
    heads, rows = _grid(other_box, box[:, 4].min(), box[:, 5].max(), cell, nx, ny)
    starts, found, count = (
        np.zeros(box.shape[0] + 1, np.int64),
        np.empty(max(1024, box.shape[0]), np.int32),
        0,
    )
    for entry in range(box.shape[0]):
        left, right = max(0, box[entry, 0] // cell - 1), min(nx, box[entry, 1] // cell + 1)
        for line in range(max(0, box[entry, 2] // cell - 1), min(ny, box[entry, 3] // cell + 1)):
            for at in range(heads[line * nx + left], heads[line * nx + right]):
                row = rows[at]
                if not _touch(box[entry], other_box[row]) or np.all(xyz[entry] == other_xyz[row]):
                    continue
                if count == found.shape[0]:
                    found = np.concatenate((found, np.empty_like(found)))
                found[count] = row
                count += 1
        starts[entry + 1] = count
    return starts, found[:count].copy()
