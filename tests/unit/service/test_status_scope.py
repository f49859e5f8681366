"""What `status` tells a group: its own, and not a count of anything else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from beampace.core.errors import InputError
from beampace.core.scope import EVERYTHING, Scope
from beampace.core.sighting import Trouble
from beampace.core.work import WorkClass, WorkName
from beampace.service.assembly import Engines, assembled
from beampace.service.control import DaemonControl
from beampace.service.daemon import Daemon
from beampace.service.disk import Space
from beampace.service.settings import Settings
from beampace.service.status import status_of
from beampace.web import StatusAnswer, StatusRequest
from tests.support.catalogue import ALPHA, BEAMTIME, BETA, Catalogued, catalogued

OF_ALPHA, OF_BETA = Scope(BEAMTIME, ALPHA), Scope(BEAMTIME, BETA)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    (tmp_path / "state").mkdir(mode=0o700)
    settings = Settings.model_validate(
        {
            "state_dir": str(tmp_path / "state"),
            "beamtime": {"fixed": str(tmp_path / "play"), "id": BEAMTIME},
            "cluster": {"warm": False},
        }
    )
    with assembled(settings, Engines(frozenset({"dials"})), structlog.get_logger()) as made:
        yield made


@pytest.fixture
def made(daemon: Daemon, tmp_path: Path) -> Catalogued:
    found = catalogued(daemon.desk.ledger, tmp_path / "play")
    found.ledger.open_beamtime("11010099", str(tmp_path / "other"))
    daemon.stand(Trouble("alpha/lyso_001", "Something about alpha.", ""))
    daemon.reconciler.space.space = Space(path="/x", total_bytes=10**12, free_bytes=10**11)
    return found


def text(answer: StatusAnswer) -> str:
    return answer.model_dump_json()


def test_a_group_is_told_its_own(daemon: Daemon, made: Catalogued) -> None:
    mine = status_of(daemon, "", OF_ALPHA)
    assert (mine.beamtime, mine.phase) == (BEAMTIME, "open")
    assert mine.datasets == {"complete": 9, "growing": 1}
    assert mine.waiting == {"full": 2}
    assert [(job.name, job.work) for job in mine.running] == [("growing_010", WorkName.LOOK)]
    assert {job.group for job in (*mine.running, *mine.next)} == {ALPHA}
    assert {result.group for result in mine.results} == {ALPHA}
    assert mine.keeps_up.startswith("2 jobs wait")
    assert mine.last_event == made.ledger.last_event()


def test_nothing_of_others_is_told_or_counted(daemon: Daemon, made: Catalogued) -> None:
    idle = status_of(daemon, BEAMTIME, OF_BETA)
    assert idle.datasets == {"complete": 3}
    assert (idle.waiting, idle.running, idle.next) == ({}, (), ())
    assert idle.keeps_up == "Processing keeps up: nothing waits."
    assert (idle.troubles, idle.disk) == ((), None)
    for word in (ALPHA, "lyso_", "thau", "growing_"):
        assert word not in text(idle)
    made.see("secret_011", ALPHA)
    made.plan("secret_011", WorkName.PROCESS, "dials", work_class=WorkClass.FULL)
    after = status_of(daemon, BEAMTIME, OF_BETA).model_copy(
        update={"at": idle.at, "last_event": idle.last_event}
    )
    assert text(after) == text(idle)


def test_lags_are_of_its_own_work(daemon: Daemon, made: Catalogued) -> None:
    everything = {(one.of, one.what): one.n for one in status_of(daemon, BEAMTIME).lags}
    alpha = {(one.of, one.what): one.n for one in status_of(daemon, "", OF_ALPHA).lags}
    beta = {(one.of, one.what): one.n for one in status_of(daemon, "", OF_BETA).lags}
    assert everything
    assert all(alpha.get(key, 0) + beta.get(key, 0) == n for key, n in everything.items())


def test_a_group_is_not_told_how_many_go_before(daemon: Daemon, made: Catalogued) -> None:
    (look,) = (job for job, _ in made.ledger.active())  # live work would be named instead of a place
    made.ledger.end_attempt(look.key, 1, "cancelled", "")
    made.ledger.end_job(look.key, "cancelled", "")
    for number in range(40):
        made.see(f"many_{number}", ALPHA)
        made.plan(f"many_{number}", WorkName.PROCESS, "dials")
    made.plan("50%_102", WorkName.PROCESS, "dials")
    told = {job.name: job.forecast for job in status_of(daemon, "", OF_BETA).next}
    assert set(told) == {"50%_102"}
    assert "ahead" not in told["50%_102"]
    assert any("ahead" in job.forecast for job in status_of(daemon, BEAMTIME).next)


def test_those_who_see_all_have_troubles_and_disk(daemon: Daemon, made: Catalogued) -> None:
    for scope in (EVERYTHING, Scope(BEAMTIME)):
        found = status_of(daemon, BEAMTIME, scope)
        assert "Something about alpha." in {one.words for one in found.troubles}
        assert found.disk is not None
        assert sum(found.datasets.values()) == 13


def test_another_beamtime_is_as_if_it_were_not_there(daemon: Daemon, made: Catalogued) -> None:
    assert status_of(daemon, "11010099").beamtime == "11010099"
    said = []
    for asked in ("11010099", "11010098"):
        with pytest.raises(InputError) as caught:
            status_of(daemon, asked, OF_ALPHA)
        said.append(caught.value.words.replace(asked, "..."))
    assert said[0] == said[1]


def test_results_are_expected_in_seconds_where_such_work_was_measured(
    daemon: Daemon, made: Catalogued
) -> None:
    ledger = daemon.desk.ledger
    for name in ("lyso_001", "thau_002"):
        key = ledger.result(made.results[f"{name} process dials"]).job
        assert ledger.attempts(key)[0].ended is not None
    key = made.plan("lost_007", WorkName.PROCESS, "dials")
    made.start(key)
    control = DaemonControl(daemon)
    running = {job.key: job for job in control.status(StatusRequest(), scope=OF_ALPHA).running}
    expected = running[key].expected_s
    assert expected is not None
    assert 0 < expected <= timedelta(hours=1).total_seconds()
    assert running[key].forecast.startswith("merged statistics in about")
    held = control.status(StatusRequest(beamtime=BEAMTIME)).next
    assert all(job.expected_s is None for job in held if "waits for" in job.forecast)


def test_cores_in_use_are_counted_within_the_scope(daemon: Daemon, made: Catalogued) -> None:
    all_, alpha, beta = (
        status_of(daemon, "", scope).cluster for scope in (Scope(BEAMTIME), OF_ALPHA, OF_BETA)
    )
    assert all_ is not None and alpha is not None and beta is not None
    assert all_.words == "Jobs run on this machine."
    assert (all_.kind, all_.nodes) == ("local", 1)
    assert all_.cores == daemon.reconciler.capacity.cores
    assert dict(all_.in_use) == dict(alpha.in_use) == {"live": 4}
    assert dict(beta.in_use) == {}
    assert (alpha.cores, alpha.nodes, alpha.kept) == (0, 0, 0)  # what others have is not a group's to know
