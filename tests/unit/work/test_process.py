"""Every ending of `process` is a result, whatever an engine does."""

import json
import math
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest

from beampace.core.cell import UnitCell
from beampace.core.engine import EngineRecord, Readable, Request, Tweak
from beampace.core.errors import CrystalMoved, EngineCrashed, failure
from beampace.core.ports import Progress, RecordedProgress
from beampace.core.taxonomy import Exit, Failure
from beampace.simulate.files import write_dataset
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.work import ProcessOptions, process


@dataclass
class Scripted:
    """An engine that ends as it is told, one ending per try."""

    endings: list[Exception]
    lacks: tuple[str, ...] = ()
    requests: list[Request] = field(default_factory=list)
    readable: list[int] = field(default_factory=list)
    name: str = "scripted"

    tweaks = frozenset(Tweak)

    def missing(self) -> tuple[str, ...]:
        return self.lacks

    def versions(self) -> dict[str, str]:
        return {"scripted": "1"}

    def remarks(self) -> tuple[str, ...]:
        return ()

    @contextmanager
    def ahead(self, request: Request):
        self.announced = request.images
        yield self

    def seen(self, readable: Readable) -> None:
        self.readable.append(readable.n)

    def process(self, request: Request, progress: Progress) -> EngineRecord:
        self.requests.append(request)
        raise self.endings[len(self.requests) - 1]


@pytest.fixture(scope="module")
def master(tmp_path_factory) -> Path:
    made = simulate_scan(Scenario(name="blank", n_frames=3, crystal=None))
    return write_dataset(made.dataset, made.mask, made.frames, tmp_path_factory.mktemp("raw"))


def run(master: Path, out: Path, engine: Scripted, progress=None, **options):
    wanted = ProcessOptions(master, engine="scripted", out=out, patience_s=0.0, **options)
    return process(wanted, {"scripted": engine}, progress or RecordedProgress())


def test_each_try_gets_its_own_directory_and_the_last_ending_is_told(master, tmp_path):
    engine = Scripted(
        [
            failure(Failure.NOT_INDEXED, "one"),
            failure(Failure.NOT_INTEGRATED, "two"),
            failure(Failure.NOT_INTEGRATED, "three"),
            failure(Failure.NOT_INTEGRATED, "four"),
        ]
    )
    progress = RecordedProgress()
    finished = run(master, tmp_path / "out", engine, progress)
    assert (finished.exit, finished.result.verdict.code) == (Exit.SCIENCE, "not_integrated")
    assert "two. 4 ways were tried." in finished.result.verdict.words
    assert len({request.directory for request in engine.requests}) == 4
    assert [t.outcome for t in finished.result.tries] == ["not_indexed"] + 3 * ["not_integrated"]
    assert sum(note.startswith("Try") for note in progress.notes) == 3
    assert json.loads((tmp_path / "out" / "result.json").read_text())["tries"][1]["why"].endswith("(one)")


def test_the_engine_is_told_of_frames_as_they_come(master, tmp_path):
    engine = Scripted([failure(Failure.ENGINE_MISSING, "none")])
    run(master, tmp_path / "out", engine)
    assert engine.announced == (1, 3)
    assert engine.readable == [3]


def test_what_nobody_expected_is_engine_failed_with_the_traceback_in_the_log(master, tmp_path):
    finished = run(master, tmp_path / "out", Scripted([ZeroDivisionError("a bug")]))
    assert (finished.exit, finished.result.verdict.code) == (Exit.INFRASTRUCTURE, "engine_failed")
    log = (tmp_path / "out" / "log.txt").read_text()
    assert "Traceback" in log
    assert "ZeroDivisionError: a bug" in log


def test_infrastructure_is_not_tried_again(master, tmp_path):
    engine = Scripted([failure(Failure.OUT_OF_MEMORY, "killed")])
    finished = run(master, tmp_path / "out", engine)
    assert (finished.exit, finished.result.verdict.code) == (Exit.INFRASTRUCTURE, "out_of_memory")
    assert len(engine.requests) == 1


def test_a_crash_is_tried_another_way_and_says_nothing_about_the_data(master, tmp_path):
    crash = EngineCrashed("dials.integrate crashed", Failure.NOT_INTEGRATED)
    engine = Scripted([crash] * 3)
    finished = run(master, tmp_path / "out", engine)
    assert (finished.exit, finished.result.verdict.code) == (Exit.INFRASTRUCTURE, "engine_failed")
    assert [t.outcome for t in finished.result.tries] == 3 * ["engine_failed"]


def test_what_the_data_said_goes_before_a_crash(master, tmp_path):
    thin = failure(Failure.NOT_INTEGRATED, "thin")
    engine = Scripted([EngineCrashed("crash", Failure.NOT_INTEGRATED), thin, thin])
    finished = run(master, tmp_path / "out", engine)
    assert (finished.exit, finished.result.verdict.code) == (Exit.SCIENCE, "not_integrated")


def test_an_engine_that_is_not_there_is_never_started(master, tmp_path):
    engine = Scripted([], lacks=("Install it.",))
    finished = run(master, tmp_path / "out", engine)
    assert finished.result.verdict.code == "engine_missing"
    assert "Install it." in finished.result.verdict.words
    assert not engine.requests


def test_a_range_that_is_not_there(master, tmp_path):
    finished = run(master, tmp_path / "out", Scripted([]), images=(2, 9))
    assert (finished.exit, finished.result.verdict.code) == (Exit.BAD_INPUT, "bad_request")


def test_a_directory_in_use_is_left_alone(master, tmp_path):
    (tmp_path / "mine").write_text("x")
    finished = run(master, tmp_path, Scripted([]))
    assert (finished.exit, finished.result.verdict.code) == (Exit.BAD_INPUT, "bad_request")
    assert finished.directory is None
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_result_is_there_when_the_report_cannot_be_drawn(master, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(import_module("beampace.work.job"), "write_report", broken)
    finished = run(master, tmp_path / "out", Scripted([failure(Failure.NO_DIFFRACTION, "")]))
    assert finished.result.verdict.code == "no_diffraction"
    assert (tmp_path / "out" / "result.json").exists()
    assert "report" not in finished.result.files


def test_programs_get_absolute_paths_of_a_relative_result_directory(master, tmp_path, monkeypatch):
    """They run in directories of their own, where a relative path names nothing."""
    monkeypatch.chdir(tmp_path)
    engine = Scripted([failure(Failure.NO_DIFFRACTION, "")])
    run(master, Path("out"), engine)
    assert engine.requests[0].directory.is_absolute()
    assert engine.requests[0].master == tmp_path / "out" / engine.requests[0].master.name
    assert (tmp_path / "out" / "result.json").exists()


def test_a_crystal_that_moved_is_processed_in_its_longer_part(master, tmp_path):
    thin = failure(Failure.NOT_INTEGRATED, "thin")
    engine = Scripted([CrystalMoved("It slipped.", "Cut.", (2, 3)), thin, thin, thin])
    finished = run(master, tmp_path / "out", engine)
    assert [request.images for request in engine.requests] == [(1, 3), (2, 3), (2, 3), (2, 3)]
    assert finished.result.verdict.code == "crystal_moved"
    assert finished.result.verdict.next_step == "Cut."


@pytest.mark.parametrize("broken", ["dataset", "request"])
def test_a_result_is_written_when_what_is_known_cannot_be_published(master, tmp_path, monkeypatch, broken):
    job = import_module("beampace.work.job")
    build = job.build_result

    def picky(work, dataset, ledger, request, *rest, **named):
        if {"dataset": dataset, "request": request}[broken] is not None:
            raise ValueError("not JSON")
        return build(work, dataset, ledger, request, *rest, **named)

    monkeypatch.setattr(job, "build_result", picky)
    finished = run(master, tmp_path / "out", Scripted([failure(Failure.NO_DIFFRACTION, "")]))
    written = json.loads((tmp_path / "out" / "result.json").read_text())
    assert (finished.exit, written["verdict"]["code"]) == (Exit.INFRASTRUCTURE, "engine_failed")
    assert written["parameters"]["other"]["master"] == str(master)
    assert "ValueError: not JSON" in (tmp_path / "out" / "log.txt").read_text()


def test_what_was_asked_is_told_also_when_nothing_was_started(master, tmp_path, monkeypatch):
    monkeypatch.chdir(master.parent)
    finished = run(
        Path(master.name),
        tmp_path / "out",
        Scripted([], lacks=("Install it.",)),
        images=(1, 2),
        space_group="P 43 21 2",
        unit_cell=UnitCell(78, 78, 37, 90, 90, 90),
        d_min=2.0,
        cores=1,
    )
    assert finished.result.parameters.other == {
        "master": str(master),
        "images": [1, 2],
        "space_group": "P 43 21 2",
        "unit_cell": [78, 78, 37, 90, 90, 90],
        "d_min": 2.0,
        "cores": 1,
        "quiet_s": 0.0,
    }


@pytest.mark.parametrize("d_min", [math.inf, math.nan, 0.0, -1.0, 0.1, 99.0])
def test_a_resolution_no_crystal_has_is_a_bad_request(master, tmp_path, d_min):
    finished = run(master, tmp_path / "out", Scripted([]), d_min=d_min)
    assert (finished.exit, finished.result.verdict.code) == (Exit.BAD_INPUT, "bad_request")
    assert json.loads((tmp_path / "out" / "result.json").read_text())["verdict"]["code"] == "bad_request"


@pytest.mark.parametrize(("copied", "waits"), [(False, [5.0]), (True, [5.0, 15.03])])
def test_an_old_scan_with_a_lost_file_is_waited_for_only_while_it_is_copied(
    master, tmp_path, monkeypatch, copied, waits
):
    for file in master.parent.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (data,) = tmp_path.glob("*_data_*.h5")
    data.write_bytes(data.read_bytes()[:2000])
    frames = import_module("beampace.work.frames")
    wait, asked = frames.wait_for, []

    def waited(path, settings, progress, **more):
        asked.append(settings.quiet_s)
        if copied:
            data.write_bytes(data.read_bytes() + b"more")
        return wait(path, replace(settings, quiet_s=0.0), progress, **more)

    monkeypatch.setattr(frames, "wait_for", waited)
    monkeypatch.setattr(frames, "OLD", timedelta(days=-9999))
    wanted = ProcessOptions(tmp_path / master.name, engine="scripted", out=tmp_path / "out")
    finished = process(wanted, {"scripted": Scripted([])}, RecordedProgress())
    assert finished.exit is Exit.BAD_INPUT
    assert asked == pytest.approx(waits, abs=0.5)


@pytest.mark.parametrize("text", ["absent", "no MTZ file at all"])
def test_what_is_wrong_with_a_reference_set_is_told_before_anything_is_processed(master, tmp_path, text):
    reference = tmp_path / "ref.mtz"
    if text != "absent":
        reference.write_text(text)
    engine = Scripted([])
    finished = run(master, tmp_path / "out", engine, free_r=reference)
    assert (finished.exit, finished.result.verdict.code) == (Exit.BAD_INPUT, "bad_request")
    assert "ref.mtz is not a readable MTZ file" in finished.result.verdict.words
    assert not hasattr(engine, "announced")
    assert finished.result.parameters.other["free_r"] == str(reference)
