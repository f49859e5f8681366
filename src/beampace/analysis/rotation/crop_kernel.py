"""Cutting boxes out of a frame, and keeping them in 16 bits.

A voxel is kept in 16 bits: counts up to `EXACT` as they are, larger ones in steps so coarse that all up to
the detector's saturation fit, yet finer than their own Poisson noise; the two largest values are marks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Voxels = npt.NDArray[np.uint16]

EXACT = 60_000
OVERLOADED = 65_534
NO_DATA = 65_535
STEPS = OVERLOADED - EXACT - 1


class Store(NamedTuple):
    """Boxes and their voxels.

    Attributes:
        box: half open x0 x1 y0 y1 z0 z1, (n, 6).
        offset: where the voxels of each begin, (n + 1,); x fastest, then y, then z.
        voxels: 16-bit counts.
    """

    box: npt.NDArray[np.int32]
    offset: npt.NDArray[np.int64]
    voxels: Voxels


@njit(cache=True, nogil=True)
def crop(frame: npt.NDArray[Any], index: int, store: Store, highest: int, saturation: int, step: int) -> None:
    """Copy what boxes have on a frame.

    Args:
        frame: counts, (slow, fast).
        index: of the frame, from 0.
        store: the boxes.
        highest: largest value that is a count; above it the value means "no data".
        saturation: largest count that can be trusted.
        step: counts per step above `EXACT`.
    """
    box, offset, voxels = store.box, store.offset, store.voxels
    plain = min(EXACT, saturation)
    for entry in range(box.shape[0]):
        if box[entry, 4] > index or box[entry, 5] <= index:
            continue
        x0, x1 = box[entry, 0], box[entry, 1]
        width = x1 - x0
        at = offset[entry] + np.int64(index - box[entry, 4]) * width * (box[entry, 3] - box[entry, 2])
        for y in range(box[entry, 2], box[entry, 3]):
            row = frame[y]
            for x in range(width):
                count = row[x0 + x]
                if count <= plain:
                    voxels[at + x] = count
                elif count > highest:
                    voxels[at + x] = NO_DATA
                elif count > saturation:
                    voxels[at + x] = OVERLOADED
                else:
                    voxels[at + x] = np.uint16(EXACT + (np.int64(count) - EXACT) // step)
            at += width


@njit(cache=True, nogil=True)
def count_of(code: int, step: int) -> float:
    """Counts of a voxel that is neither mark."""
    if code <= EXACT:
        return float(code)
    return EXACT + (code - EXACT + 0.5) * step
