"""Connected regions of a map or of a volume."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(cache=True, nogil=True)
def label_regions(flags):  # type: ignore[no-untyped-def]
    """Number the regions of set cells, neighbours sharing a face, an edge or a corner.

    Args:
        flags: shape (depth, rows, columns), bool; a flat map has depth 1.

    Returns:
        (labels, number of regions): 0 for cells not set, else 1, 2, ... in reading order of the first cell.
    """
    depth, rows, columns = flags.shape
    labels = np.zeros(flags.shape, np.int32)
    stack = np.zeros((flags.size, 3), np.int32)
    n_regions = 0
    for start in range(flags.size):
        z, rest = divmod(start, rows * columns)
        y, x = divmod(rest, columns)
        if not flags[z, y, x] or labels[z, y, x]:
            continue
        n_regions += 1
        labels[z, y, x] = n_regions
        stack[0, 0], stack[0, 1], stack[0, 2] = z, y, x
        filled = 1
        while filled:
            filled -= 1
            z, y, x = stack[filled, 0], stack[filled, 1], stack[filled, 2]
            for zz in range(max(0, z - 1), min(depth, z + 2)):
                for yy in range(max(0, y - 1), min(rows, y + 2)):
                    for xx in range(max(0, x - 1), min(columns, x + 2)):
                        if flags[zz, yy, xx] and not labels[zz, yy, xx]:
                            labels[zz, yy, xx] = n_regions
                            stack[filled, 0], stack[filled, 1], stack[filled, 2] = zz, yy, xx
                            filled += 1
    return labels, n_regions


def regions(flags: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """Cells of each region, an array (cells, dimensions) per region; for two or three dimensions."""
    volume = np.ascontiguousarray(flags if flags.ndim == 3 else flags[None])
    labels, n_regions = label_regions(volume)
    cells = np.argwhere(labels > 0)
    owner = labels[labels > 0]
    kept = cells if flags.ndim == 3 else cells[:, 1:]
    return [kept[owner == label] for label in range(1, n_regions + 1)]
