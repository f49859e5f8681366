"""Spots of a scan joined block by block while frames come, so that memory hardly grows with its length."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field, fields, replace

import numpy as np

from beampace.analysis import FrameAnalysis, JoinSettings, Reflections, Spots, join_spots

BLOCK = 200
"""Frames whose reflections are made at a time."""
_PLACE = 2
"""Columns of a table of spots that say where they are, the first ones."""


@dataclass(slots=True)
class Joiner:
    """The reflections `join_spots` finds, made from a part of the frames at a time.

    A reflection belongs to the block its first frame lies in. Each block is joined together with the frame
    before it, which shows what began earlier, and with as many frames after it as a reflection may be long.

    Attributes:
        first, last: frames of the scan.
        block: frames of a block.
    """

    first: int
    last: int
    block: int = BLOCK
    _next: int = 0
    _parts: list[Reflections] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._next = self.first

    def settle(self, analyses: MutableMapping[int, FrameAnalysis], *, complete: bool = False) -> None:
        """Join the blocks of which every frame is there; of theirs, only the places of the spots are kept.

        Args:
            analyses: by frame number, none of which will change.
            complete: whether frames that are not there will never be.
        """
        beyond = JoinSettings().most_frames + 1
        while self._next <= self.last:
            begin, end = self._next, self._next + self.block
            if not complete and not all(
                n in analyses for n in range(begin, min(end + beyond, self.last + 1))
            ):
                return
            self._join(analyses, begin, end, beyond)
            self._next = end

    def reflections(self) -> Reflections:
        """All reflections in the order of `join_spots`: by z, then y."""
        whole = Reflections(
            *(
                np.concatenate([getattr(part, one.name) for part in self._parts])
                for one in fields(Reflections)
            )
        )
        return _rows(whole, np.lexsort((whole.xyz[:, 1], whole.xyz[:, 2])))

    def _join(self, analyses: MutableMapping[int, FrameAnalysis], begin: int, end: int, beyond: int) -> None:
        found = join_spots([analyses[n] for n in range(begin - 1, end + beyond) if n in analyses])
        starts = found.box[:, 4] + 1  # number of the first frame
        self._parts.append(_rows(found, np.flatnonzero((starts >= begin) & (starts < end))))
        for number in range(begin - 1, end - 1):  # the last one is still needed by the next block
            if number in analyses:
                analyses[number] = places_only(analyses[number])


def places_only(analysis: FrameAnalysis) -> FrameAnalysis:
    """The analysis with no more of its spots than where they are and which are good."""
    spots = analysis.spots
    table = spots.table[:, :_PLACE].copy()
    return replace(analysis, spots=Spots(table, spots.d_star_sq[:0], spots.in_ice[:0], spots.good))


def _rows(found: Reflections, rows: np.ndarray) -> Reflections:
    return Reflections(*(getattr(found, one.name)[rows] for one in fields(Reflections)))
