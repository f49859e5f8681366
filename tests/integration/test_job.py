"""The job command as a cluster runs it: from an order to a result, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from beampace.beamtime import root_id
from beampace.core.errors import BeampaceError
from beampace.core.work import WorkName
from beampace.results import Result
from beampace.simulate.scenario import Scenario
from beampace.work import Switch
from beampace.work.beamline import Beamline
from beampace.work.order import DIRECTORY_FILE, Order
from beampace.work.run_order import run_order
from tests.support.look_data import TINY, grid_scenario, write_scan
from tests.support.recipes import RECORD, write_recipe
from tests.support.shots import shots_of, write_shots

PATIENT_S = 60


@pytest.fixture(scope="module")
def beamtime(tmp_path_factory):
    """`raw` with a rotation scan and a grid, and an empty `processed`."""
    root = tmp_path_factory.mktemp("beamtime")
    write_scan(root / "raw/user/rotational_001", replace(TINY, n_frames=6))
    write_scan(root / "raw/user/grid_001", grid_scenario(4, 3))
    (root / "processed").mkdir()
    return root


MASTERS = {
    WorkName.LOOK: "user/rotational_001/scan_master.h5",
    WorkName.MAP: "user/grid_001/grid_master.h5",
    WorkName.PROCESS: "user/rotational_001/scan_master.h5",
    WorkName.STRATEGY: "user/screening_001/shots_master.h5",
}


def order_of(beamtime: Path, work: WorkName = WorkName.LOOK, **keys) -> Order:
    master = beamtime / "raw" / MASTERS[work]
    place = beamtime / "processed" / master.parent.relative_to(beamtime / "raw") / "beampace"
    values = {"key": "0123456789abcdef", "attempt": 2, "work": work, "master": master, "results": place}
    return Order(**{**values, "raw": beamtime / "raw", "options": {"quiet_s": 0}, **keys})


def start(order: Order, attempt: Path) -> subprocess.Popen[str]:
    attempt.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "beampace", "job", str(order.write(attempt))],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def run(order: Order, attempt: Path) -> tuple[int, Path, Result, str]:
    """Exit code, result directory, result, output."""
    with start(order, attempt) as process:
        output, _ = process.communicate(timeout=PATIENT_S)
    return process.returncode, *outcome(attempt), output


def outcome(attempt: Path) -> tuple[Path, Result]:
    directory = Path((attempt / DIRECTORY_FILE).read_text())
    return directory, Result.from_json((directory / "result.json").read_bytes())


@pytest.mark.parametrize(("work", "code"), [(WorkName.LOOK, "diffraction"), (WorkName.MAP, "mapped")])
def test_look_and_map(beamtime, tmp_path, work, code):
    before = datetime.now(UTC)
    order = order_of(beamtime, work)
    status, directory, result, output = run(order, tmp_path / "attempt")
    assert (status, result.verdict.code, directory.parent) == (0, code, order.results), output
    assert directory.name == f"{work.value}_001"
    other = result.parameters.other
    assert (other["job"], other["attempt"], other["options"]) == (order.key, 2, {"quiet_s": 0})
    there = sum(path.stat().st_size for path in directory.rglob("*") if path.name != "result.json")
    assert other["bytes"] == pytest.approx(there, rel=0.05)
    progress = json.loads((directory / "progress.json").read_text())
    assert before < datetime.fromisoformat(progress["first_frame_at"]) < datetime.now(UTC)
    assert progress["stage"] == f"ended: {code}"
    assert output.splitlines()[-1].endswith(f"{code}: {directory}") and len(output.splitlines()) < 8
    assert run(order, tmp_path / "again")[1].name == f"{work.value}_002"


@pytest.mark.dials
@pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed")
def test_a_strategy(beamtime, tmp_path):
    write_shots(shots_of(Scenario(name="shots")), beamtime / "raw/user/screening_001")
    options = {"quiet_s": 0, "transmission": 0.3, "d_min": 2.5}
    beamline = Beamline(shortest_s=0.02, flux=1e12, beam_um=(20, 10))
    order = order_of(beamtime, WorkName.STRATEGY, options=options, beamline=beamline)
    status, directory, result, output = run(order, tmp_path / "attempt")
    assert (status, result.verdict.code, directory.name) == (0, "strategy", "strategy_001"), output
    found = json.loads((directory / "strategy.json").read_text())
    assert found["recommendation"]["frames"] > 0
    assert found["tested"]["transmission"] == 0.3
    assert result.parameters.other["wanted"]["d_min"] == 2.5
    assert found["recommendation"]["exposure_s"] >= 0.02
    assert found["recommendation"]["dose_mgy"] > 0
    assert result.parameters.other["beam_um"] == [20, 10]


def test_a_recipe(beamtime, tmp_path):
    recipe = write_recipe(tmp_path / "recipes", body=RECORD + "open('x.tmp', 'w')", intermediates=["*.tmp"])
    order = order_of(beamtime, WorkName.PROCESS, engine="tool", recipe=recipe, cores=2)
    status, directory, result, output = run(order, tmp_path / "attempt")
    assert (status, result.verdict.code, result.engine) == (0, "finished", "tool"), output
    assert json.loads((directory / "tool/argv.json").read_text()) == [str(order.master)]
    assert json.loads((directory / "progress.json").read_text())["first_frame_at"]
    assert not (directory / "tool/x.tmp").exists()
    _, directory, _, _ = run(order.model_copy(update={"keep_all": True}), tmp_path / "keep")
    assert (directory / "tool/x.tmp").exists()


def test_a_recipe_that_changed_is_not_run(beamtime, tmp_path):
    recipe = write_recipe(tmp_path / "recipes", body="open('ran', 'w')")
    order = order_of(beamtime, WorkName.PROCESS, engine="tool", recipe=recipe, recipe_sha256="0" * 64)
    run_order(order, tmp_path, dict, Switch())
    directory, result = outcome(tmp_path)
    assert result.verdict.code == "bad_request"
    assert str(recipe) in result.verdict.words and "has changed" in result.verdict.words
    assert not (directory / "tool").exists()


def test_a_recipe_in_data_is_never_run(beamtime, tmp_path):
    recipe = write_recipe(beamtime / "processed/user", body="open('/nonexistent')")
    order = order_of(beamtime, WorkName.PROCESS, engine="tool", recipe=recipe)
    status, directory, result, _ = run(order, tmp_path / "attempt")
    assert (status, result.verdict.code) == (2, "bad_request") and "beamtime" in result.verdict.words
    assert not (directory / "tool").exists()


REFUSED = {
    "a key nobody knows": ({"options": {"imagse": [1, 2]}}, "options.imagse"),
    "frames backwards": ({"options": {"images": [5, 2]}}, "options.images"),
    "no space group": ({"options": {"space_group": "P 7 7 7"}}, "options.space_group"),
    "a cell without volume": ({"options": {"unit_cell": [1, 2, 3, 90, 90, 180]}}, "options.unit_cell"),
    "a work for which there is no job": ({"work": WorkName.MERGE}, "merge"),
    "a master elsewhere": ({"master": Path("/etc/passwd")}, "/etc/passwd"),
    "a master that climbs out": ({"master": Path("/raw/../x_master.h5")}, ".."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_order_is_a_result(beamtime, tmp_path, name):
    keys, words = REFUSED[name]
    done = run_order(order_of(beamtime).model_copy(update=keys), tmp_path, dict, Switch())
    directory, result = outcome(tmp_path)
    assert (done.exit, done.directory, done.result) == (2, directory, result)
    assert result.verdict.code == "bad_request"
    assert words in result.verdict.words and result.parameters.other["job"] == "0123456789abcdef"


def test_a_master_behind_a_link_out_of_the_beamtime(beamtime, tmp_path):
    other, _ = write_scan(tmp_path / "other", replace(TINY, n_frames=2))
    link = beamtime / "raw/user/planted"
    link.symlink_to(other.parent)
    order = order_of(beamtime, master=link / other.name)
    status, _, result, _ = run(order, tmp_path / "attempt")
    link.unlink()
    assert (status, result.verdict.code) == (2, "bad_request") and "outside" in result.verdict.words


def test_no_result_place_no_result(beamtime, tmp_path):
    (tmp_path / "target").mkdir()
    link = beamtime / "processed/linked"
    link.symlink_to(tmp_path / "target")
    places = {link / "beampace": 3, tmp_path / "elsewhere": 2, beamtime / "processed/../x": 2}
    for number, (place, expected) in enumerate(places.items()):
        attempt = tmp_path / f"attempt{number}"
        attempt.mkdir()
        with pytest.raises(BeampaceError) as caught:
            run_order(order_of(beamtime, results=place), attempt, dict, Switch())
        assert caught.value.entry.exit == expected
        assert not (attempt / DIRECTORY_FILE).exists() and not list((tmp_path / "target").iterdir())
    link.unlink()


def test_nothing_is_written_in_a_directory_that_is_another_beamtimes_by_now(tmp_path):
    root = tmp_path / "current"
    write_scan(root / "raw/user/rotational_001", replace(TINY, n_frames=6))
    order = order_of(root, root_id=root_id(root))
    run_order(order, tmp_path, dict, Switch())
    assert outcome(tmp_path)[1].verdict.code == "diffraction"
    root.rename(tmp_path / "old")
    (root / "raw").mkdir(parents=True)
    attempt = tmp_path / "attempt"
    with start(order, attempt) as process:
        output, _ = process.communicate(timeout=PATIENT_S)
    assert process.returncode == 3, output
    assert (attempt / "ending").read_text() == "beamtime_closed"
    assert not (attempt / DIRECTORY_FILE).exists()
    assert [path.name for path in root.iterdir()] == ["raw"]
    root.rename(tmp_path / "other")
    with pytest.raises(BeampaceError, match=str(root)) as caught:
        run_order(order, tmp_path, dict, Switch())
    assert caught.value.code == "beamtime_closed"
    assert not root.exists()


def test_no_order(tmp_path):
    (tmp_path / "order.json").write_text('{"schema_version": "order-9"}')
    ended = subprocess.run(
        [sys.executable, "-m", "beampace", "job", str(tmp_path / "order.json")],
        capture_output=True, text=True, check=False, timeout=PATIENT_S,
    )  # fmt: skip
    assert ended.returncode == 2 and "order-9" in ended.stderr and "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("reason", "code", "exit_code"),
    [(None, "cancelled", 130), ("timed_out\n", "timed_out", 3), ("beamtime_closed", "beamtime_closed", 3)],
)
def test_ended_from_outside(beamtime, tmp_path, reason, code, exit_code):
    recipe = write_recipe(
        tmp_path / "recipes",
        body=RECORD + "import time\nopen('part.mtz', 'w')\nos.rename('argv.json', 'ready')\ntime.sleep(300)",
        results={"mtz": "*.mtz"},
        intermediates=["*"],
    )
    order = order_of(beamtime, WorkName.PROCESS, engine="tool", recipe=recipe)
    attempt = tmp_path / "attempt"
    with start(order, attempt) as process:
        wait_for(lambda: (attempt / DIRECTORY_FILE).exists())
        directory = Path((attempt / DIRECTORY_FILE).read_text())
        wait_for((directory / "tool/ready").exists)
        if reason:
            (attempt / "stop_reason").write_text(reason)
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=PATIENT_S)
    _, result = outcome(attempt)
    assert (process.returncode, result.verdict.code) == (exit_code, code)
    assert result.files["mtz"] == "tool/part.mtz" and (directory / "tool/ready").exists()


def wait_for(happened) -> None:
    end = time.monotonic() + PATIENT_S
    while not happened():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)
