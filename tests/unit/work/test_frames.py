from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError, ScienceError
from beampace.core.frames import FrameFailure, FrameLedger, FrameState
from beampace.core.ports import RecordedProgress
from beampace.core.scan import Scan
from beampace.core.taxonomy import Failure
from beampace.simulate.files import write_dataset
from beampace.work.frames import OLD_PATIENCE_S, check_kind, choose, first_look, patience_for
from tests.support.eiger_data import small_dataset, small_frames, small_mask


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


def test_what_was_collected_long_ago_is_not_waited_for_as_long_as_a_running_scan():
    taken = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    data = replace(small_dataset(3600), collected=taken)
    data = replace(data, scan=replace(data.scan, frame_time=0.1))
    assert patience_for(data, taken + timedelta(days=30)) == OLD_PATIENCE_S
    assert patience_for(replace(data, collected=taken.replace(tzinfo=None)), taken + timedelta(days=2)) == 5.0
    # A running scan, a clock that is ahead, and a file that does not say when.
    assert patience_for(data, taken + timedelta(hours=1)) == patience_for(data) == 115.0
    assert patience_for(data, taken - timedelta(days=30)) == 115.0
    assert patience_for(replace(data, collected=None), taken) == 115.0


@pytest.fixture
def written(tmp_path) -> Path:
    return write_dataset(small_dataset(4), small_mask(), small_frames(4), tmp_path / "raw")


class Finishing(RecordedProgress):
    """Completes a file the third time it is asked whether to stop."""

    def __init__(self, path: Path, content: bytes) -> None:
        super().__init__()
        self.path, self.content, self.left = path, content, 3

    def check(self) -> None:
        self.left -= 1
        if not self.left:
            self.path.write_bytes(self.content)


@pytest.mark.parametrize("part", [0.0, 0.6])
def test_a_master_that_is_being_written_is_waited_for(written, part):
    content = written.read_bytes()
    written.write_bytes(content[: int(part * len(content))])
    progress = Finishing(written, content)
    assert first_look(written, 30.0, None, progress).dataset.n_announced == 4
    assert progress.stages[0][0] == "wait for the master"


def test_a_master_that_stays_cut_short_is_told_after_the_patience(written):
    written.write_bytes(written.read_bytes()[:3000])
    now = iter(range(100))
    with pytest.raises(InputError) as caught:
        first_look(written, 4.0, None, RecordedProgress(), clock=lambda: float(next(now)))
    assert caught.value.code is Failure.FILE_TRUNCATED
    assert 4 < next(now) < 20


@pytest.mark.parametrize(
    "content", [None, b"no HDF5 at all, but long enough to be told from a beginning" * 99]
)
def test_what_is_no_master_is_told_at_once(tmp_path, content):
    if content is not None:
        (tmp_path / "x_master.h5").write_bytes(content)
    progress = RecordedProgress()
    with pytest.raises(InputError) as caught:
        first_look(tmp_path / "x_master.h5", 600.0, None, progress)
    assert caught.value.code is Failure.NOT_A_DATASET
    assert not progress.stages
