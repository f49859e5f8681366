"""Gaps between the modules of a detector as rectangles, from its mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rectangle = tuple[int, int, int, int]
"""x1, x2, y1, y2 as in UNTRUSTED_RECTANGLE: pixels strictly between them, counted from 1."""

GAP = 1
"""Bit of the mask (NXmx `pixel_mask`): a pixel without a sensor."""


def gap_rectangles(mask: NDArray[np.uint32]) -> tuple[Rectangle, ...]:
    """Rows and columns that are gaps from edge to edge, adjoining ones as one rectangle.

    Args:
        mask: as stored, shape (slow, fast).
    """
    gap = (mask & GAP).astype(bool)
    ny, nx = gap.shape
    columns = ((x1, x2, 0, ny + 1) for x1, x2 in _runs(np.asarray(gap.all(axis=0))))
    rows = ((0, nx + 1, y1, y2) for y1, y2 in _runs(np.asarray(gap.all(axis=1))))
    return (*columns, *rows)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of true flags: the numbers, from 1, of the neighbours before and after each."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(begin), int(end) + 1) for begin, end in edges.reshape(-1, 2)]
