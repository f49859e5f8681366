from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from beampace.core.frames import FrameFailure, FrameLedger, FrameState
from beampace.core.taxonomy import Failure
from beampace.eiger.blocks import FileState, place
from beampace.eiger.links import Link
from beampace.eiger.segments import Source, segments

LOST = FileState(error=FrameFailure(Failure.FRAMES_MISSING, "gone"))


def links(count):
    return tuple(Link(Path(f"data_{order}"), "/entry/data/data", order) for order in range(count))


@given(st.integers(1, 60), st.integers(1, 12), st.data())
def test_every_frame_keeps_its_number_when_files_are_missing(n_frames, per_file, data):
    lengths = [min(per_file, n_frames - start) for start in range(0, n_frames, per_file)]
    gone = data.draw(st.sets(st.integers(0, len(lengths) - 1), max_size=len(lengths) - 1))
    states = tuple(
        LOST if order in gone else FileState(length, 1 + order * per_file)
        for order, length in enumerate(lengths)
    )
    blocks = place(links(len(lengths)), states, n_frames)
    for order, block in enumerate(blocks):
        if order not in gone:
            assert (block.first, block.count) == (1 + order * per_file, lengths[order])


@given(st.integers(1, 40), st.integers(1, 9), st.data())
def test_segments_cover_the_frames_once_up_to_the_last_usable(n_frames, per_file, data):
    lengths = [min(per_file, n_frames - start) for start in range(0, n_frames, per_file)]
    states = tuple(FileState(length, 1 + order * per_file) for order, length in enumerate(lengths))
    usable = data.draw(st.sets(st.integers(1, n_frames)))
    ledger = FrameLedger.announced(n_frames).mark(usable, FrameState.READABLE)
    found = segments(place(links(len(lengths)), states, n_frames), ledger)
    covered = [n for part in found for n in range(part.first, part.first + part.count)]
    assert covered == list(range(1, max(usable, default=0) + 1))
    for part in found:
        inside = usable & set(range(part.first, part.first + part.count))
        expected = Source.LINKED if len(inside) == part.count else Source.REPAIRED
        assert part.source is (expected if inside else Source.PLACEHOLDER)


def test_a_low_number_that_cannot_be_is_not_believed():
    states = (FileState(5, 1), FileState(5, 10**9))
    assert [block.first for block in place(links(2), states, 10)] == [1, 6]


def test_more_frames_than_announced_are_left_out():
    assert place(links(1), (FileState(50, 1),), 10)[0].count == 10
