"""Two daemons with ledgers of their own and one beamtime: at the same time, and one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog

from beampace.cluster import InMemoryCluster
from beampace.core.job import JobState
from beampace.core.work import WorkName
from beampace.results import write_result
from beampace.service import assembly
from beampace.service.claim import CLAIM_FILE
from beampace.service.daemon import Daemon
from beampace.service.settings import Settings
from tests.support.desk import Bench, bench, result
from tests.support.ledgers import planned, sighting

BEAMTIME = "bt"


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Daemon]]:
    """Starts daemons that have a dataset with work to do."""
    monkeypatch.setattr(assembly, "LocalCluster", lambda *_, **__: InMemoryCluster())
    (tmp_path / "current" / "raw").mkdir(parents=True)
    with ExitStack() as stack:

        def start(name: str) -> Daemon:
            beamtime = {"fixed": tmp_path / "current", "id": BEAMTIME}
            values = {"state_dir": tmp_path / name, "beamtime": beamtime, "cluster": {"warm": False}}
            (tmp_path / name).mkdir(mode=0o700)
            settings = Settings.model_validate(values)
            made = stack.enter_context(
                assembly.assembled(settings, assembly.Engines(), structlog.get_logger())
            )
            ledger = made.desk.ledger
            ledger.open_beamtime(BEAMTIME, str(tmp_path / "current"))
            dataset = ledger.observe(BEAMTIME, sighting(), "a").dataset.id
            ledger.plan(dataset, [planned("k", work=WorkName.LOOK, engine="")])
            return made

        yield start


def test_the_second_starts_nothing_and_says_why(daemon: Callable[[str], Daemon], tmp_path: Path) -> None:
    first, second = daemon("one"), daemon("two")
    for _ in range(3):
        first.turn()
        second.turn()
    assert first.desk.ledger.job("k").attempts == 1
    assert not any(CLAIM_FILE in trouble.where for trouble in first.pulse.troubles)
    waiting = second.desk.ledger.job("k")
    assert (waiting.state, waiting.attempts) == (JobState.WAITING, 0)
    assert any(str(tmp_path / "one") in trouble.words for trouble in second.pulse.troubles)


def leave(daemon: Bench, key: str, name: str = "look_001", code: str = "diffraction") -> Path:
    """A result another daemon's job left in the place of the dataset."""
    directory = daemon.root / "processed" / "s" / "beampace" / name
    directory.mkdir(parents=True)
    write_result(directory, result(key, code, 10))
    return directory


def test_a_result_of_a_lost_ledger_is_taken_in_and_not_made_again(tmp_path: Path) -> None:
    with bench(tmp_path) as daemon:
        dataset = daemon.see()
        key = daemon.jobs(dataset)["look"].key
        leave(daemon, "another")
        directory = leave(daemon, key, "look_002")
        assert daemon.start() == 0
        job = daemon.jobs(dataset)["look"]
        assert (job.state, job.code, job.attempts) == (JobState.ENDED, "diffraction", 0)
        [row] = daemon.ledger.results(dataset=dataset)
        assert row.result.directory == str(directory)
        assert daemon.starter.taken == [row]
        assert daemon.ledger.dataset(dataset).frames.readable == 10
        assert not daemon.cluster.submitted


@pytest.mark.parametrize("name", ["process_001", "look_x", "look_001"])
def test_what_is_no_answer_is_made_anew(tmp_path: Path, name: str) -> None:
    with bench(tmp_path) as daemon:
        dataset = daemon.see()
        code = "node_lost" if name == "look_001" else "diffraction"
        leave(daemon, daemon.jobs(dataset)["look"].key, name, code)
        assert daemon.start() == 1


def test_links_to_results_are_not_followed(tmp_path: Path) -> None:
    with bench(tmp_path) as daemon:
        dataset = daemon.see()
        directory = leave(daemon, daemon.jobs(dataset)["look"].key)
        elsewhere = tmp_path / "elsewhere"
        directory.parent.rename(elsewhere)
        directory.parent.symlink_to(elsewhere)
        assert daemon.start() == 1


def test_a_result_of_an_attempt_that_was_started_is_the_followers(tmp_path: Path) -> None:
    with bench(tmp_path) as daemon:
        key = daemon.jobs(daemon.see())["look"].key
        daemon.start()
        daemon.gone(key)
        daemon.follow()
        daemon.go(10)
        daemon.follow()
        daemon.go(60)
        leave(daemon, key)
        assert daemon.start() == 1
