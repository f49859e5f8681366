"""Which frame numbers a data file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from beampace.core.frames import FrameFailure
from beampace.eiger.links import Link


@dataclass(frozen=True, slots=True)
class FileState:
    """What was found behind a link.

    Attributes:
        count: frames the dataset has room for.
        low: `image_nr_low`, or None.
        error: why nothing can be read, or None.
        bad: index in the dataset -> why that frame cannot be read.
    """

    count: int = 0
    low: int | None = None
    error: FrameFailure | None = None
    bad: Mapping[int, FrameFailure] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def whole(self) -> bool:
        """Whether every frame it has room for can be read."""
        return self.error is None and not self.bad and self.count > 0


@dataclass(frozen=True, slots=True)
class Block:
    """Frames `first` to `first + count - 1` lie behind a link, from index `link.offset` on."""

    link: Link
    first: int
    count: int

    def index(self, number: int) -> int | None:
        """Index in the dataset of frame `number`, or None when it is not here."""
        here = number - self.first
        return self.link.offset + here if 0 <= here < self.count else None


def place(links: tuple[Link, ...], states: tuple[FileState, ...], n_frames: int) -> tuple[Block, ...]:
    """Frame numbers of every link, also of those that cannot be opened.

    All files of a series hold the same number of frames but the last; `image_nr_low` corrects that
    where it is given and possible.
    """
    usual = _per_file(states, n_frames, len(links))
    base = (states[0].low or 1) - 1 if states else 0
    blocks, cursor = [], 1
    for link, state in zip(links, states, strict=True):
        low = (state.low or 0) - base
        first = link.first or (low if cursor <= low <= n_frames else cursor)
        count = link.count or state.count or usual
        count = max(0, min(count, n_frames - first + 1))
        blocks.append(Block(link, first, count))
        cursor = first + count
    return tuple(blocks)


def _per_file(states: tuple[FileState, ...], n_frames: int, n_files: int) -> int:
    """Frames of a full data file."""
    base = (states[0].low or 1) - 1 if states else 0
    for order, state in enumerate(states):
        low = (state.low or 0) - base
        if order and low > 1 and (low - 1) % order == 0:
            return (low - 1) // order
    largest = max((state.count for state in states), default=0)
    return largest or -(-n_frames // max(1, n_files))
