"""The ledger under any sequence of events."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.frames import FrameFailure, FrameLedger, FrameState
from beampace.core.taxonomy import Failure

SIZE = 12
LOST = FrameFailure(Failure.FRAMES_MISSING, "gone")
numbers = st.sets(st.integers(1, SIZE))
events = st.lists(
    st.one_of(
        st.tuples(st.just("mark"), numbers, st.sampled_from(FrameState)),
        st.tuples(st.just("fail"), numbers, st.none()),
        st.tuples(st.just("grow"), st.just(set()), st.integers(0, 3 * SIZE)),
    ),
    max_size=8,
)


def after(ledger: FrameLedger, event: tuple) -> FrameLedger:
    what, which, value = event
    if what == "mark":
        return ledger.mark(which, value)
    return ledger.fail(dict.fromkeys(which, LOST)) if what == "fail" else ledger.grown(value)


@given(events)
def test_frames_only_move_forward_and_none_is_lost(history):
    ledger = FrameLedger.announced(SIZE)
    for event in history:
        new = after(ledger, event)
        assert len(new) >= len(ledger)
        assert all(b >= a for a, b in zip(ledger.states, new.states, strict=False))
        assert set(ledger.failures) <= set(new.failures)
        ledger = new
    assert sum(ledger.count(state) for state in FrameState) == len(ledger)
    assert all(ledger.state(number) is FrameState.FAILED for number in ledger.failures)


@given(events)
def test_an_analysed_frame_never_fails(history):
    ledger = FrameLedger.announced(SIZE).mark([3], FrameState.ANALYSED)
    failed = ledger.fail({3: LOST})
    assert failed.state(3) is FrameState.ANALYSED
    assert 3 not in failed.failures


@given(numbers, st.sampled_from([FrameState.ANNOUNCED, FrameState.READABLE]))
def test_ranges_are_the_numbers_in_runs(which, state):
    ledger = FrameLedger.announced(SIZE).mark(which, FrameState.READABLE)
    runs = ledger.ranges(state)
    assert [n for first, last in runs for n in range(first, last + 1)] == list(ledger.numbers(state))
    assert all(one[1] + 1 < two[0] for one, two in itertools.pairwise(runs))


@given(numbers)
def test_the_longest_usable_run_is_usable_and_longest(which):
    ledger = FrameLedger.announced(SIZE).mark(which, FrameState.READABLE)
    longest = ledger.longest_usable()
    if not which:
        assert longest is None
        return
    assert set(range(longest[0], longest[1] + 1)) <= which
    assert all(last - first <= longest[1] - longest[0] for first, last in ledger.ranges(FrameState.READABLE))


@pytest.mark.parametrize("number", [0, -1, SIZE + 1])
def test_there_is_no_frame_outside(number):
    with pytest.raises(IndexError, match="there is no frame"):
        FrameLedger.announced(SIZE).state(number)
