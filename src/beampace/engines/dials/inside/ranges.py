"""Which reflections are integrated together; pure, with numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

Array = np.ndarray
Range = tuple[float, float]
"""Of reflection centres in frames, the end not included."""
Frames = tuple[int, int]
"""By array index, the last one not included."""

SLACK = 0.5
"""Frames by which a part of a growing scan reaches into its neighbours: their models differ a little."""


@dataclass(frozen=True)
class Wish:
    """What ranges must be like.

    Attributes:
        cores: processes at the same time.
        most: bytes of shoeboxes in one.
        number: of ranges the strong reflections are enough for, as each makes its own reference profiles.
    """

    cores: int
    most: float
    number: int


def ranges_of(centre: Array, sizes: Array, wish: Wish) -> list[tuple[Range, Array]]:
    """Ranges of reflection centres, each with the reflections in it: every one is in one.

    Args:
        centre: of each reflection, in frames.
        sizes: bytes of its shoebox.
        wish: what ranges must be like.
    """
    if not len(centre):
        return []
    number = max(ceil(sizes.sum() / wish.most), min(wish.cores, wish.number), 1)
    # By size, not by frames: centres of reflections near the spindle lie far beyond the first frame.
    order = np.argsort(centre, kind="stable")
    share = np.cumsum(sizes[order]) / sizes.sum()
    inner = centre[order][np.searchsorted(share, np.arange(1, number) / number)]
    borders = np.array([np.floor(centre.min()), *inner, np.floor(centre.max()) + 1])
    found = []
    for begin, end in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        here = (centre >= begin) & (centre < end)
        if here.any():
            found.append(((begin, end), here))
    return found


def with_slack(part: Frames) -> Range:
    """Centres of a part of a scan, a little wider."""
    return (part[0] - SLACK, part[1] + SLACK)


def gaps(spans: Sequence[Frames], whole: Frames) -> list[Frames]:
    """What some spans leave of the whole."""
    found, cursor = [], whole[0]
    for begin, end in sorted(spans):
        if begin > cursor:
            found.append((cursor, begin))
        cursor = max(cursor, end)
    return [*found, (cursor, whole[1])] if cursor < whole[1] else found
