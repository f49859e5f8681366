"""Why work waits, as `status` says it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from beampace.core.work import WorkClass
from beampace.plan import Capacity
from beampace.service.assembly import Engines, assembled
from beampace.service.disk import DiskState, Space
from beampace.service.held import Held, crowded_by
from beampace.service.settings import Settings
from beampace.service.space import SpaceWatch
from beampace.service.status import status_of
from tests.support.desk import Bench, bench
from tests.support.ledgers import planned, sighting

FULL, LIVE, URGENT = WorkClass.FULL, WorkClass.LIVE, WorkClass.URGENT


def waiting(made: Bench) -> tuple[object, object]:
    """A look and a processing that wait."""
    dataset = made.see()
    made.files(dataset, 2)
    made.files(dataset, 2, changed_s=1000.0)
    jobs = made.jobs(dataset)
    return jobs["look"], jobs["process dials"]


def held(made: Bench, **space: object) -> Held:
    return Held.of(made.desk, SpaceWatch(made.desk, **space), made.starter.capacity, ())  # type: ignore[arg-type]


def test_work_that_waits_for_space_says_so(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        look, process = waiting(made)
        assert held(made).why(process) == held(made).why(look) == ""
        short = held(made, state=DiskState(only_results=True))
        assert (short.why(process), short.why(look)) == ("waits for space", "")
        full = held(made, space=Space(path="/x", total_bytes=10**12, free_bytes=1))
        assert full.why(process) == full.why(look) == "waits for space"


def test_work_that_waits_for_its_engine_says_so(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        _, process = waiting(made)
        away = Held(replace(made.desk, engines=frozenset()))
        assert away.why(process) == "waits for the engine dials"


def test_full_processing_says_that_live_work_has_all_cores(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        look, process = waiting(made)
        crowded = Held.of(made.desk, SpaceWatch(made.desk), Capacity(4, 1000), [replace(look, cores=4)])
        assert crowded.why(process) == "all cores are used by live work"
        assert crowded.why(look) == ""


@pytest.mark.parametrize(
    ("running", "by"),
    [
        ([], ""),
        ([(LIVE, 5)], ""),
        ([(LIVE, 6)], "live"),
        ([(LIVE, 4), (FULL, 2)], "live"),
        ([(FULL, 5)], ""),
        ([(FULL, 5), (LIVE, 1)], ""),
        ([(URGENT, 8)], "urgent"),
        ([(URGENT, 2), (LIVE, 6)], "live"),
    ],
)
def test_who_has_the_cores(tmp_path: Path, running: list[tuple[WorkClass, int]], by: str) -> None:
    with bench(tmp_path) as made:
        look, _ = waiting(made)
        jobs = [replace(look, work_class=work_class, cores=cores) for work_class, cores in running]
        assert crowded_by(Capacity(8, 1000, 2, 0, 1, 0), jobs) == by


def test_status_says_what_work_waits_for(tmp_path: Path) -> None:
    (tmp_path / "play/raw").mkdir(parents=True)
    (tmp_path / "state").mkdir(mode=0o700)
    settings = Settings.model_validate(
        {
            "state_dir": str(tmp_path / "state"),
            "beamtime": {"fixed": str(tmp_path / "play"), "id": "bt"},
            "cluster": {"warm": False},
        }
    )
    engines = Engines(frozenset({"dials"}))
    with assembled(settings, engines, structlog.get_logger()) as daemon:
        ledger = daemon.desk.ledger
        ledger.open_beamtime("bt", str(tmp_path / "play"))
        dataset = ledger.observe("bt", sighting(), "a").dataset.id
        ledger.plan(dataset, [planned("k")])
        daemon.reconciler.space.state = DiskState(only_results=True)
        assert [job.forecast for job in status_of(daemon, "bt").next] == ["waits for space"]
        daemon.reconciler.space.state = DiskState()
        assert [job.forecast for job in status_of(daemon, "bt").next] != ["waits for space"]
