"""Which reflections are integrated together; pure, with numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

Array = np.ndarray
Range = tuple[float, float]
"""Of reflection centres in frames, the end not included."""

SLACK = 0.5
"""Frames by which a part of a growing scan reaches into its neighbours: their models differ a little."""


@dataclass(frozen=True)
class Wish:
    """What ranges must be like.

    Attributes:
        cores: processes at the same time.
        most: bytes of shoeboxes in one.
        frames: wanted in each where memory allows, for reference profiles.
        part: frames to integrate alone, by array index, the last one not included; None for all.
    """

    cores: int
    most: float
    frames: float
    part: Sequence[int] | None = None


def ranges_of(centre: Array, sizes: Array, left: Array, wish: Wish) -> list[tuple[Range, Array]]:
    """Ranges of reflection centres, each with the reflections in it: every one that is left is in one.

    Args:
        centre: of each reflection, in frames.
        sizes: bytes of its shoebox.
        left: which are still to be integrated.
        wish: what ranges must be like.
    """
    if wish.part is not None:
        low, high = wish.part[0] - SLACK, wish.part[1] + SLACK
        left = left & (centre >= low) & (centre < high)
    if not left.any():
        return []
    low, high = float(np.floor(centre[left].min())), float(np.floor(centre[left].max()) + 1)
    number = max(ceil(sizes[left].sum() / wish.most), min(wish.cores, int((high - low) / wish.frames)), 1)
    borders = np.linspace(low, high, number + 1)
    found = []
    for begin, end in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        here = left & (centre >= begin) & (centre < end)
        if here.any():
            found.append(((begin, end), here))
    return found
