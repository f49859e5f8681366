from dataclasses import replace

import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError, ScienceError
from beampace.core.frames import FrameFailure, FrameLedger, FrameState
from beampace.core.scan import Scan
from beampace.core.taxonomy import Failure
from beampace.work.frames import check_kind, choose, patience_for
from tests.support.eiger_data import small_dataset


def ledger(n: int, lost=()) -> FrameLedger:
    reason = FrameFailure(Failure.FILE_TRUNCATED, "x_data_000002.h5 is cut short.")
    readable = [number for number in range(1, n + 1) if number not in lost]
    return FrameLedger.announced(n).mark(readable, FrameState.READABLE).fail(dict.fromkeys(lost, reason))


def test_everything_when_nothing_is_lost():
    assert choose(small_dataset(100), ledger(100), None) == (1, 100)
    assert choose(small_dataset(100), ledger(100), (11, 20)) == (11, 20)


def test_a_few_lost_frames_do_not_cost_the_rest():
    assert choose(small_dataset(100), ledger(100, lost=(50, 51)), None) == (1, 100)


def test_the_longest_run_when_much_is_lost():
    assert choose(small_dataset(100), ledger(100, lost=range(31, 61)), None) == (61, 100)
    assert choose(small_dataset(100), ledger(100, lost=range(51, 101)), None) == (1, 50)


def test_only_one_sweep_at_a_time():
    data = small_dataset(30)
    starts = (*(0.1 * i for i in range(10)), *(90 + 0.1 * i for i in range(20)))
    data = replace(data, scan=Scan(starts, 0.1, 0.01, 0.01))
    assert choose(data, ledger(30), None) == (11, 30)


@pytest.mark.parametrize("asked", [(0, 5), (1, 101), (7, 3)])
def test_a_range_that_is_not_there_is_a_bad_request(asked):
    with pytest.raises(InputError) as caught:
        choose(small_dataset(100), ledger(100), asked)
    assert caught.value.code is Failure.BAD_REQUEST
    assert "1 to 100" in caught.value.words


def test_nothing_usable_ends_with_the_reason_of_the_frames():
    with pytest.raises(InputError) as caught:
        choose(small_dataset(4), ledger(4, lost=(1, 2, 3, 4)), None)
    assert caught.value.code is Failure.FILE_TRUNCATED
    assert "x_data_000002.h5" in caught.value.words


@pytest.mark.parametrize(
    ("kind", "word"),
    [(DatasetKind.GRID, "beampace map"), (DatasetKind.SCREENING, "collect a rotation scan")],
)
def test_what_is_not_a_rotation_is_told_what_to_use(kind, word):
    with pytest.raises(ScienceError) as caught:
        check_kind(replace(small_dataset(19), kind=kind, kind_reason="all at one angle"))
    assert caught.value.code is Failure.NOT_A_ROTATION
    assert "19 frames" in caught.value.words
    assert word in caught.value.next_step


def test_patience_covers_a_data_file_of_a_thousand_frames():
    slow = small_dataset(3600)
    slow = replace(slow, scan=replace(slow.scan, frame_time=0.1))
    assert patience_for(slow) >= 100
