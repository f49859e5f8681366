"""Runs of frames for the companion master: linked as they are, repaired, or stood in for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from beampace.core.frames import FrameLedger, FrameState
from beampace.eiger.blocks import Block


class Source(StrEnum):
    """Where the frames of a segment come from."""

    LINKED = "linked"
    REPAIRED = "repaired"
    PLACEHOLDER = "placeholder"


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames `first` to `first + count - 1`; `block` is where they lie, if anywhere."""

    first: int
    count: int
    source: Source
    block: Block | None = None


def segments(blocks: tuple[Block, ...], ledger: FrameLedger) -> tuple[Segment, ...]:
    """Segments that cover frames 1 to the last usable one without gaps; () when none is usable."""
    usable = frozenset(ledger.numbers(FrameState.READABLE, FrameState.ANALYSED))
    last, cursor = max(usable, default=0), 1
    found: list[Segment] = []
    for block in sorted(blocks, key=lambda block: block.first):
        count = min(block.count, last - block.first + 1)
        if count <= 0 or block.first < cursor:
            continue
        if block.first > cursor:
            found.append(Segment(cursor, block.first - cursor, Source.PLACEHOLDER))
        found.append(Segment(block.first, count, _source(block, count, usable), block))
        cursor = block.first + count
    return tuple(found)


def _source(block: Block, count: int, usable: frozenset[int]) -> Source:
    there = sum(number in usable for number in range(block.first, block.first + count))
    if there == count:
        return Source.LINKED
    return Source.REPAIRED if there else Source.PLACEHOLDER
