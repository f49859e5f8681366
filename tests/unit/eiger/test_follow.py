"""Following a dataset with a clock that only moves when somebody sleeps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError
from beampace.core.frames import FrameState
from beampace.core.taxonomy import Failure
from beampace.eiger import FollowSettings, FrameReader, follow
from beampace.simulate.files import write_dataset
from beampace.simulate.options import Faults, FileLayout, WriteOptions
from beampace.simulate.patches import patch_master
from tests.support.eiger_data import small_dataset, small_frame, small_frames, small_mask


class Stage:
    """Time, and files that appear at given moments."""

    def __init__(self, events: dict[float, Callable[[], object]]) -> None:
        self.now = 0.0
        self.events = sorted(events.items(), key=lambda event: event[0])

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        while self.events and self.events[0][0] <= self.now:
            self.events.pop(0)[1]()


def snapshots(master, stage, **settings):
    return list(follow(master, FollowSettings(poll_s=0.25, **settings), clock=stage.clock, sleep=stage.sleep))


@pytest.fixture
def source(tmp_path) -> Path:
    """A finished dataset of 10 frames in 4 data files, to be copied file by file."""
    options = WriteOptions(images_per_file=3)
    return write_dataset(small_dataset(10), small_mask(), small_frames(10), tmp_path / "source", options)


def copies(source: Path, to: Path, part: float = 1.0) -> Callable[[str], Callable[[], object]]:
    """A maker of events that copy a file (or its beginning) of `source`."""
    to.mkdir(exist_ok=True)

    def event(name: str) -> Callable[[], object]:
        content = (source.parent / name).read_bytes()
        return lambda: (to / name).write_bytes(content[: int(len(content) * part)])

    return event


def test_a_finished_dataset_is_one_snapshot_at_once(source):
    stage = Stage({})
    (only,) = snapshots(source, stage)
    assert (only.growing, only.ledger.usable, stage.now) == (False, 10, 0.0)


def test_frames_become_readable_file_by_file(source, tmp_path):
    copy, raw = copies(source, tmp_path / "raw"), tmp_path / "raw"
    events = {1.0: copy(source.name)} | {2.0 + k: copy(f"lyso_1_data_{k:06d}.h5") for k in (1, 2, 3, 4)}
    stage = Stage(events)
    seen = snapshots(raw / source.name, stage, appear_s=5.0)
    assert [snapshot.ledger.usable for snapshot in seen] == [3, 6, 9, 10, 10]
    assert [snapshot.growing for snapshot in seen] == [True, True, True, True, False]
    assert all(snapshot.ledger.count(FrameState.FAILED) == 0 for snapshot in seen)
    frame = FrameReader(seen[1].container, seen[1].blocks).read(5)
    np.testing.assert_array_equal(frame, small_frame(5))


def test_a_file_that_is_not_yet_whole_is_not_yet(source, tmp_path):
    raw, name = tmp_path / "raw", "lyso_1_data_000002.h5"
    copy, begin = copies(source, raw), copies(source, raw, part=0.5)
    for other in (source.name, *(f"lyso_1_data_{k:06d}.h5" for k in (1, 3, 4))):
        copy(other)()
    stage = Stage({1.0: begin(name), 6.0: copy(name)})
    seen = snapshots(raw / source.name, stage, quiet_s=10.0)
    assert [snapshot.ledger.usable for snapshot in seen] == [7, 10, 10]
    assert not seen[-1].ledger.failures


@pytest.mark.parametrize(
    ("faults", "code"),
    [({"missing": (2,)}, Failure.FRAMES_MISSING), ({"truncated": (2,)}, Failure.FILE_TRUNCATED)],
)
def test_what_is_missing_fails_only_when_growth_has_stopped(tmp_path, faults, code):
    options = WriteOptions(images_per_file=3, faults=Faults(**faults))
    master = write_dataset(small_dataset(10), small_mask(), small_frames(10), tmp_path, options)
    stage = Stage({})
    seen = snapshots(master, stage, quiet_s=4.0)
    assert [snapshot.growing for snapshot in seen] == [True, False]
    assert not seen[0].ledger.failures
    assert {n: r.code for n, r in seen[1].ledger.failures.items()} == dict.fromkeys((4, 5, 6), code)
    assert 4.0 <= stage.now < 4.6


def test_quiet_time_zero_takes_what_is_there(tmp_path):
    options = WriteOptions(images_per_file=3, faults=Faults(missing=(2,)))
    master = write_dataset(small_dataset(10), small_mask(), small_frames(10), tmp_path, options)
    stage = Stage({})
    (only,) = snapshots(master, stage, quiet_s=0.0)
    assert (only.growing, only.ledger.usable, stage.now) == (False, 7, 0.0)


def test_slow_growth_is_growth(source, tmp_path):
    raw = tmp_path / "raw"
    copy = copies(source, raw)
    copy(source.name)()
    stage = Stage({5.0 * k: copy(f"lyso_1_data_{k:06d}.h5") for k in (1, 2, 3, 4)})
    assert snapshots(raw / source.name, stage, quiet_s=6.0)[-1].ledger.usable == 10


def test_a_master_that_never_appears_is_an_error_after_the_time_given(tmp_path):
    stage = Stage({})
    with pytest.raises(InputError, match="There is no file"):
        snapshots(tmp_path / "x_master.h5", stage, appear_s=3.0)
    assert 3.0 <= stage.now < 3.5


def test_a_master_that_does_not_exist_is_an_error_at_once_by_default(tmp_path):
    stage = Stage({})
    with pytest.raises(InputError):
        snapshots(tmp_path / "x_master.h5", stage)
    assert stage.now == 0.0


def test_a_master_that_vanishes_for_a_moment_is_not_an_end(source, tmp_path):
    raw = tmp_path / "raw"
    copy = copies(source, raw)
    for name in (source.name, "lyso_1_data_000001.h5"):
        copy(name)()
    half = copies(source, raw, part=0.5)(source.name)
    rest = [copy(f"lyso_1_data_{k:06d}.h5") for k in (2, 3, 4)]
    stage = Stage({1.0: half, 2.0: copy(source.name), 3.0: lambda: [event() for event in rest]})
    assert [snapshot.ledger.usable for snapshot in snapshots(raw / source.name, stage)] == [3, 10, 10]


def test_another_series_in_the_same_place_is_looked_at_anew(tmp_path):
    raw = tmp_path / "raw"
    options = WriteOptions(images_per_file=3, faults=Faults(stop_after=3))
    master = write_dataset(small_dataset(6), small_mask(), small_frames(6), raw, options)

    def begin_again() -> None:
        shutil.rmtree(raw)
        again = replace(small_dataset(6), collected=datetime(2026, 5, 4, 4, tzinfo=UTC))
        write_dataset(again, small_mask(), small_frames(6), raw, WriteOptions(images_per_file=6))

    seen = snapshots(master, Stage({1.0: begin_again}))
    assert [snapshot.ledger.usable for snapshot in seen] == [3, 6, 6]
    assert len({snapshot.container.dataset.id for snapshot in seen}) == 2


def test_the_last_snapshot_has_the_patched_angles(tmp_path):
    dataset = small_dataset(width=0.1, starts=(0.0, 90.0), kind=DatasetKind.SCREENING)
    options = WriteOptions(images_per_file=1, layout=FileLayout.FW18)
    directory = tmp_path / "screening_001"
    master = write_dataset(dataset, small_mask(), small_frames(2), directory, options)
    held = master.with_name("lyso_1_data_000002.h5")
    shutil.move(held, tmp_path / "held")
    stage = Stage(
        {
            1.0: lambda: shutil.move(tmp_path / "held", held),
            2.0: lambda: patch_master(master, dataset, options),
        }
    )
    seen = snapshots(master, stage)
    assert seen[0].container.dataset.scan.width == 90.0
    assert seen[-1].container.dataset.scan.width == 0.1
    assert seen[-1].container.dataset.scan.starts == (0.0, 90.0)
