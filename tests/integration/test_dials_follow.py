"""The `dials` engine on a scan that is being written gives what it gives on the finished one."""

import json
import shutil
import threading

import numpy as np
import pytest

from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.engines.dials import DialsEngine
from beampace.engines.dials.reflections import read_table
from beampace.engines.dials.scout import Scout
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.files import write_dataset
from beampace.simulate.options import WriteOptions
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.work import ProcessOptions, Switch, process
from tests.support.played_set import Played

pytestmark = [
    pytest.mark.dials,
    pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed"),
]
CRYSTAL = CrystalSpec(UnitCell(58, 58, 38, 90, 90, 90), "P43212", b_factor=20)
FRAMES, PER_FILE, EVERY_S = 100, 10, 2.5
PRF = 1 << 9


@pytest.fixture(scope="module")
def finished_set(tmp_path_factory):
    root = tmp_path_factory.mktemp("set")
    made = simulate_scan(Scenario(name="sim", crystal=CRYSTAL, n_frames=FRAMES, width=0.4))
    return write_dataset(
        made.dataset, made.mask, made.frames, root / "raw", WriteOptions(images_per_file=PER_FILE)
    )


@pytest.fixture(scope="module")
def whole(finished_set, tmp_path_factory):
    return processed(finished_set, tmp_path_factory.mktemp("whole") / "out")


def processed(master, out, engine=None, switch=None):
    options = ProcessOptions(master, out=out, cores=2, patience_s=60.0)
    return process(options, {"dials": engine or DialsEngine()}, switch or Switch())


def intensities(finished):
    """(h, k, l, frame to the nearest two) on the axes of the file -> profile-fitted intensity."""
    table = read_table(finished.directory / "dials_1" / "scaled.refl")
    used = table.flagged(PRF)
    z = np.rint(table["xyzcal.px"][:, 2] / 2).astype(int)
    keys = [(*row, at) for row, at in zip(table["miller_index"].tolist(), z.tolist(), strict=True)]
    values = table["intensity.prf.value"]
    return {key: values[n] for n, key in enumerate(keys) if used[n]}


def assert_the_same(one, other):
    """Number within 0.5 %, correlation at least 0.999; axes are those of the final indexing of each."""
    ours, theirs = intensities(one), intensities(other)
    assert len(ours) == pytest.approx(len(theirs), rel=0.005)
    best = 0.0
    for axes in ((0, 1, 2), (1, 0, 2)):
        for signs in (
            (1, 1, 1),
            (-1, -1, 1),
            (1, -1, -1),
            (-1, 1, -1),
            (-1, -1, -1),
            (1, 1, -1),
            (1, -1, 1),
            (-1, 1, 1),
        ):
            moved = {
                (*(signs[n] * key[axes[n]] for n in range(3)), key[3]): value for key, value in ours.items()
            }
            shared = sorted(moved.keys() & theirs.keys())
            if len(shared) > 0.95 * len(theirs):
                pair = np.array([[moved[key], theirs[key]] for key in shared])
                best = max(best, np.corrcoef(pair.T)[0, 1])
    assert best > 0.999


def log_of(finished):
    return (finished.directory / "log.txt").read_text()


def test_a_scan_that_is_being_written_gives_the_same_observations(finished_set, whole, tmp_path):
    with Played(finished_set, tmp_path / "raw") as played:
        followed = processed(played.master, tmp_path / "out")
    assert followed.result.verdict.code == whole.result.verdict.code
    log = log_of(followed)
    assert log.count("integrate: ended with 0") >= 3
    assert "work ahead went wrong" not in log
    done = (followed.directory / "dials_1" / "integrate.out.txt").read_text()
    assert int(done.split(" reflections were integrated before")[0].split()[-1]) > 1000
    assert "integrated again" not in done
    assert_the_same(followed, whole)


def test_what_goes_wrong_ahead_changes_nothing(finished_set, whole, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(Scout, "model", fail)
    with Played(finished_set, tmp_path / "raw", every=1.0) as played:
        followed = processed(played.master, tmp_path / "out")
    assert "work ahead went wrong" in log_of(followed)
    assert_the_same(followed, whole)


def test_blocks_of_another_crystal_are_integrated_again(finished_set, whole, tmp_path, monkeypatch):
    """The model of the blocks is a little turned: they are found out, not taken over."""
    plain = Scout._refined

    def turned(self, chain, request, found):
        refined = plain(self, chain, request, found)
        model = json.loads(refined[0].read_text())
        angle = np.radians(0.3)
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        for crystal in model["crystal"]:
            for axis in "abc":
                name = f"real_space_{axis}"
                crystal[name] = (turn @ np.array(crystal[name])).tolist()
            crystal.pop("A_at_scan_points", None)
        refined[0].write_text(json.dumps(model))
        return refined

    monkeypatch.setattr(Scout, "_refined", turned)
    with Played(finished_set, tmp_path / "raw") as played:
        followed = processed(played.master, tmp_path / "out")
    done = (followed.directory / "dials_1" / "integrate.out.txt").read_text()
    assert "integrated again" in done
    assert_the_same(followed, whole)


def test_a_scan_that_stops_is_processed_as_far_as_it_came(finished_set, tmp_path):
    with Played(finished_set, tmp_path / "raw", every=1.0, upto=7) as played:
        options = ProcessOptions(played.master, out=tmp_path / "out", cores=2, patience_s=3.0)
        finished = process(options, {"dials": DialsEngine()}, Switch())
    assert finished.result.dataset.frames.used == (1, 70)
    assert finished.result.crystal.laue_group == "4/mmm"


def test_cancelling_while_the_scan_goes_on_leaves_nothing_running(finished_set, tmp_path):
    switch = Switch()
    timer = threading.Timer(9.0, switch.switch_off, ("asked to",))
    timer.start()
    with Played(finished_set, tmp_path / "raw", every=3.0, upto=5) as played:
        finished = processed(played.master, tmp_path / "out", switch=switch)
    assert finished.result.verdict.code == "cancelled"
    assert not any(thread.name == "ahead" for thread in threading.enumerate())


def test_the_ending_of_a_failing_scan_is_that_of_the_engine(finished_set, tmp_path, monkeypatch):
    """Ahead or not, spots that are no crystal's end as they always do."""

    def fail(*_args, **_more):
        raise failure(Failure.NOT_INDEXED, "as it was played")

    monkeypatch.setattr("beampace.engines.dials.engine.find_lattice", fail)
    with Played(finished_set, tmp_path / "raw", every=0.5) as played:
        finished = processed(played.master, tmp_path / "out")
    assert finished.result.verdict.code == "not_indexed"
