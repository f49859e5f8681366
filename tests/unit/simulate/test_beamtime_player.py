"""The player on a clock of its own: what lies in the directory is what `played.json` says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h5py
import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.errors import InfrastructureError
from beampace.eiger.container import read_dataset
from beampace.simulate.beamtime.acts import Act, Deed, Fate
from beampace.simulate.beamtime.daemon import Daemon
from beampace.simulate.beamtime.metadata import Beamtime
from beampace.simulate.beamtime.played import PLAYED_FILE, read_played
from beampace.simulate.beamtime.player import Player
from beampace.simulate.beamtime.script import write_script
from beampace.simulate.beamtime.stage import stage_of
from beampace.simulate.beamtime.stock import lay_in
from beampace.simulate.beamtime.wishes import Fault, Wishes

BEGINS = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Time that passes only when somebody sleeps."""

    seconds: float = 0.0
    seen: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def now(self) -> datetime:
        return BEGINS + timedelta(seconds=self.seconds)


@pytest.fixture(scope="module")
def stocks():
    kinds = [*DatasetKind, *(f"blank {kind}" for kind in (DatasetKind.ROTATION, DatasetKind.GRID))]
    return {str(name): lay_in(name) for name in kinds}


WISHES = Wishes(
    datasets=48, pace_s=2.0, seed=3, late_s=100, linger_s=5, faults={Fault.LATE: 2, Fault.TRUNCATED: 2}
)


@pytest.fixture(scope="module")
def played(stocks, tmp_path_factory):
    root = tmp_path_factory.mktemp("beamtime")
    clock, happened = Clock(), []
    script = write_script(WISHES, BEGINS)
    stage = stage_of(script, Beamtime("11010000", root), stocks, WISHES.rate, WISHES.seed, clock.now)

    def told(act: Act) -> None:
        happened.append((clock(), act, sorted(path.name for path in root.glob("*metadata*"))))

    truth = Player(stage, clock=clock, sleep=clock.sleep, told=told).play()
    return truth, root, script, happened


def masters(root: Path) -> Iterator[Path]:
    return root.glob("raw/*/*/*/*_master.h5")


def test_acts_happen_at_their_times(played):
    _, _, script, happened = played
    assert [act for _, act, _ in happened] == list(script.acts)
    assert all(abs(at - act.at) < 1e-6 for at, act, _ in happened)


def test_metadata_comes_first_and_goes_last(played):
    truth, _, _, happened = played
    names = [found for _, _, found in happened]
    assert all(found == ["beamtime-metadata-11010000.json"] for found in names[:-1])
    assert names[-1] == []
    assert truth.started < truth.stopped


def test_the_record_is_on_disk_outside_raw(played):
    truth, root, _, _ = played
    assert read_played(root / PLAYED_FILE) == truth


def test_identities_are_those_the_reader_finds_and_all_differ(played):
    truth, _, _, _ = played
    assert len({one.identity for one in truth.datasets}) == len(truth.datasets) == 48
    for one in truth.datasets:
        if one.fate != Fate.REPLACED:
            assert read_dataset(Path(one.path)).id == one.identity


def test_kinds_and_frames_are_as_the_record_says(played):
    truth, _, _, _ = played
    for one in truth.datasets:
        if one.fate == Fate.REPLACED:
            continue
        found = read_dataset(Path(one.path))
        assert (found.kind, found.n_announced) == (one.kind, one.n_announced)
        assert frames_on_disk(Path(one.path).parent, one) == one.readable


def frames_on_disk(directory: Path, one) -> int:
    """Frames of the data files that HDF5 opens."""
    count = 0
    for name in {file.name for file in one.files}:
        try:
            with h5py.File(directory / name, "r", locking=False) as handle:
                count += len(handle["entry/data/data"])
        except OSError:
            assert one.fate == Fate.TRUNCATED
    return count


def test_fates(played):
    truth, _, _, _ = played
    by_fate = {fate: [one for one in truth.datasets if one.fate == fate] for fate in Fate}
    assert len(by_fate[Fate.TRUNCATED]) == len(by_fate[Fate.LATE]) == 2
    assert all(one.readable < one.n_written for one in by_fate[Fate.TRUNCATED])
    assert all(one.readable == one.n_announced for one in by_fate[Fate.LATE])
    assert all(one.late_after_s > 90 for one in by_fate[Fate.LATE])
    assert all(one.readable == one.n_written < one.n_announced for one in by_fate[Fate.ABORTED])
    assert by_fate[Fate.REPLACED]
    assert all(one.readable == one.n_announced for one in by_fate[Fate.COMPLETE])


def test_other_names_lead_to_the_same_dataset(played):
    truth, _, _, _ = played
    copied = [Path(alias) for one in truth.datasets for alias in one.aliases if Path(alias).exists()]
    renamed = [one for one in truth.datasets for alias in one.aliases if not Path(alias).exists()]
    assert copied
    assert renamed
    for one in truth.datasets:
        for alias in map(Path, one.aliases):
            if alias.exists():
                assert read_dataset(alias).id == one.identity
    assert all(Path(one.path).name.startswith("best_") for one in renamed)


def test_nothing_hidden_is_left(played):
    _, root, _, _ = played
    assert not list(root.glob("raw/**/.*"))


def test_half_a_file_is_no_file(stocks, tmp_path):
    script = write_script(Wishes(datasets=1, kinds=(DatasetKind.ROTATION,), habits=False), BEGINS)
    stage = stage_of(script, Beamtime("1", tmp_path), stocks, 20.0, 1)
    stage.beamtime.make()
    stage.carry_out(Act(0, Deed.MASTER, 1))
    stage.carry_out(Act(0, Deed.HALF_FILE, 1, 1))
    path = next(tmp_path.glob("raw/*/*/*/*_data_000001.h5"))
    with pytest.raises(OSError, match="open file"):
        h5py.File(path, "r", locking=False)
    stage.carry_out(Act(0, Deed.FILE, 1, 1))
    with h5py.File(path, "r", locking=False) as handle:
        assert handle["entry/data/data"][4].any()


def test_a_daemon_that_ends_by_itself_is_told_of(stocks, tmp_path):
    script = write_script(Wishes(datasets=1, kinds=(DatasetKind.GRID,), linger_s=60), BEGINS)
    stage = stage_of(script, Beamtime("1", tmp_path), stocks, 20.0, 1)
    stage.beamtime.make()
    player = Player(stage, daemon=Daemon(("/bin/false",), tmp_path, {}))
    with pytest.raises(InfrastructureError, match="ended by itself"):
        player.play()
    assert (tmp_path / PLAYED_FILE).exists()


def test_the_end_waits_until_all_is_settled_but_not_for_ever(stocks, tmp_path):
    clock = Clock()
    wishes = Wishes(datasets=1, kinds=(DatasetKind.GRID,), habits=False, linger_s=1)
    script = write_script(wishes, BEGINS)
    stage = stage_of(script, Beamtime("1", tmp_path), stocks, 20.0, 1, clock.now)
    Player(stage, clock=clock, sleep=clock.sleep, settled=lambda: False, settle_s=50).play()
    assert 50 <= clock() - script.seconds < 51
