"""What attempts left is removed in time, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beampace.service.pruning import A_TURN, AGAIN_S, Pruner
from tests.support.desk import BEAMTIME, Bench, bench

DAY_S = 86400.0


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


def ended(daemon: Bench, identity: str = "E/1") -> Path:
    """A job that was started and has ended; the directory of its attempt."""
    key = daemon.jobs(daemon.see(identity))["look"].key
    daemon.start()
    daemon.leave_result(key)
    daemon.gone(key)
    daemon.follow()
    return daemon.directory(key)


def test_files_of_jobs_that_ended_long_ago_go(daemon: Bench) -> None:
    old = ended(daemon)
    daemon.go(6 * DAY_S)
    young = ended(daemon, "E/2")
    pruner = Pruner(daemon.desk)
    assert pruner.prune() == 0
    daemon.go(1.1 * DAY_S)
    assert pruner.prune() == 1
    assert (old.exists(), young.exists()) == (False, True)


def test_files_of_a_closed_beamtime_go_after_a_day(daemon: Bench) -> None:
    directory = ended(daemon)
    daemon.ledger.close_beamtime(BEAMTIME, "stopped")
    daemon.go(0.9 * DAY_S)
    pruner = Pruner(daemon.desk)
    assert pruner.prune() == 0
    daemon.go(0.2 * DAY_S)
    assert pruner.prune() == 1
    assert not directory.exists()


def test_what_runs_waits_or_is_unknown_stays(daemon: Bench) -> None:
    key = daemon.jobs(daemon.see())["look"].key
    daemon.start()
    strange = daemon.desk.settings.state_dir / "jobs" / "0123456789abcdef-1"
    strange.mkdir()
    daemon.go(100 * DAY_S)
    assert Pruner(daemon.desk).prune() == 0
    assert daemon.directory(key).exists() and strange.exists()


def test_links_are_not_followed(daemon: Bench, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    inside, replaced = ended(daemon), ended(daemon, "E/2")
    (inside / "link").symlink_to(precious)
    for file in replaced.iterdir():
        file.unlink()
    replaced.rmdir()
    replaced.symlink_to(precious)
    daemon.go(8 * DAY_S)
    assert Pruner(daemon.desk).prune() == 1
    assert (precious / "file").exists()
    assert replaced.is_symlink()


def test_a_few_at_a_time(daemon: Bench) -> None:
    places = [ended(daemon, f"E/{number}") for number in range(A_TURN + 2)]
    daemon.go(8 * DAY_S)
    pruner = Pruner(daemon.desk)
    assert [pruner.prune(), pruner.prune(), pruner.prune()] == [A_TURN, 2, 0]
    assert not any(place.exists() for place in places)
    places = [ended(daemon, "E/again")]
    daemon.go(8 * DAY_S + AGAIN_S)
    assert pruner.prune() == 1
