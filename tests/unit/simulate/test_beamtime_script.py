"""The script of a beamtime: reproducible, in order, and with everything that was asked for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError
from beampace.simulate.beamtime.acts import Deed, Fate
from beampace.simulate.beamtime.script import write_script
from beampace.simulate.beamtime.wishes import DETAILED, Fault, Wishes

BEGINS = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def script(**wishes):
    return write_script(Wishes(**wishes), BEGINS)


def test_same_seed_same_script():
    assert script(datasets=40, seed=5) == script(datasets=40, seed=5)
    assert script(datasets=40, seed=5) != script(datasets=40, seed=6)


def test_everything_asked_for_is_in_it():
    faults = {
        Fault.DAEMON_KILLED: 20, Fault.JOB_KILLED: 10, Fault.TRUNCATED: 3, Fault.LATE: 2, Fault.DISK_FULL: 1,
        Fault.CLOCK_STEP: 4,
    }  # fmt: skip
    made = script(datasets=300, detailed=12, faults=faults, groups=3)
    deeds = Counter(act.deed for act in made.acts)
    fates = Counter(play.fate for play in made.plays)
    assert (deeds[Deed.KILL_DAEMON], deeds[Deed.KILL_JOB], deeds[Deed.STEP_CLOCK]) == (20, 10, 4)
    assert deeds[Deed.FILL_DISK] == deeds[Deed.FREE_DISK] == 1
    assert (fates[Fate.TRUNCATED], fates[Fate.LATE]) == (3, 2)
    assert fates[Fate.ABORTED] == 25
    assert fates[Fate.REPLACED] > 0
    assert deeds[Deed.CUT_FILE] == 3
    assert sum(play.stock == DETAILED for play in made.plays) == 12
    assert {play.group for play in made.plays} == {"user1", "user2", "user3"}
    assert all(deeds[deed] for deed in (Deed.COPY_MASTER, Deed.RENAME_MASTER, Deed.HALF_FILE, Deed.PRE_START))
    assert {play.kind for play in made.plays} == set(DatasetKind)


def test_acts_are_in_order_and_the_beamtime_spans_them():
    made = script(datasets=60)
    times = [act.at for act in made.acts]
    assert times == sorted(times)
    assert [act.deed for act in made.acts[:2]] == [Deed.PRE_START, Deed.START]
    assert made.acts[-1].deed is Deed.STOP


def test_files_come_after_their_master_and_each_becomes_whole_once():
    made = script(datasets=80, pace_s=1.0, faults={Fault.TRUNCATED: 2, Fault.LATE: 2})
    for play in made.plays:
        acts = [act for act in made.acts if act.play == play.number]
        master = next(act.at for act in acts if act.deed is Deed.MASTER)
        whole = [act.file for act in acts if act.deed in (Deed.FILE, Deed.CUT_FILE)]
        assert sorted(whole) == list(range(1, len(play.file_frames) + 1))
        assert all(act.at > master for act in acts if act.file)
        halves = {act.file: act.at for act in acts if act.deed is Deed.HALF_FILE}
        assert all(act.at > halves[act.file] for act in acts if act.deed is Deed.FILE and act.file in halves)


def test_places_and_names_tell_datasets_apart_unless_one_was_written_over():
    made = script(datasets=200)
    paths = Counter((play.place, play.name) for play in made.plays)
    doubled = [path for path, count in paths.items() if count > 1]
    replaced = [(play.place, play.name) for play in made.plays if play.fate is Fate.REPLACED]
    assert sorted(doubled) == sorted(replaced)
    assert len({play.collected for play in made.plays}) == 200


def test_a_dataset_written_over_is_over_before_the_next_begins():
    made = script(datasets=200, pace_s=0.1)
    for play in made.plays:
        if play.fate is Fate.REPLACED:
            last = max(act.at for act in made.acts if act.play == play.number)
            assert min(act.at for act in made.acts if act.play == play.number + 1) > last


def test_both_naming_schemes():
    plays = script(datasets=60, habits=False).plays
    control = [play for play in plays if play.name.startswith("lyso")]
    mxcube = [play for play in plays if play.name.startswith("thau")]
    assert control
    assert mxcube
    assert all(play.name == play.place.split("/")[1] + "_" + play.place.split("/")[2] for play in control)
    assert all(play.name.rsplit("_", 1)[1] == str(int(play.place[-3:])) for play in mxcube)


@pytest.mark.parametrize(("name", "value"), [("datasets", 0), ("rate", 0.0), ("groups", 27), ("frames", 1)])
def test_impossible_numbers_are_refused_by_name(name, value):
    with pytest.raises(InputError, match=f"--{name} takes"):
        Wishes(**{name: value})


def test_no_kind_is_refused():
    with pytest.raises(InputError, match="--kinds"):
        Wishes(kinds=())
