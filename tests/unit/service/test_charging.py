"""What the cluster charges comes into the ledger when it is known, for an hour after an attempt's end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from beampace.service.charging import EVERY_S, GIVEN_UP_S, Charging
from tests.support.desk import BEAMTIME, Bench, bench


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


@pytest.fixture
def asked(daemon: Bench, monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The attempts that each question was about."""
    questions: list[set[str]] = []
    plain = daemon.cluster.charges

    def charges(native_ids: Iterable[str]) -> Mapping[str, float]:
        questions.append(set(native_ids))
        return plain(native_ids)

    monkeypatch.setattr(daemon.cluster, "charges", charges)
    return questions


def started(daemon: Bench, identity: str = "E/1") -> str:
    key = daemon.jobs(daemon.see(identity))["look"].key
    daemon.start()
    return key


def end(daemon: Bench, key: str) -> None:
    daemon.leave_result(key)
    daemon.leave_exit(key, exit=0, seconds=10.0, cores=2)
    daemon.gone(key)
    daemon.follow()


def accounts(daemon: Bench) -> tuple[float, float]:
    [account] = daemon.ledger.accounts(BEAMTIME)
    return account.core_seconds, account.charged_core_seconds


def test_what_the_cluster_charges_takes_the_place_of_what_the_launcher_measured(
    daemon: Bench, asked: list[set[str]]
) -> None:
    first, second = started(daemon), started(daemon, "E/2")
    end(daemon, first)
    charging = Charging(daemon.desk)
    assert charging.charge() == 0
    assert asked == [{f"memory:{first}-1"}]
    assert accounts(daemon) == (20.0, 0.0)
    end(daemon, second)
    daemon.cluster.charged[f"memory:{first}-1"] = 88.0
    daemon.go(EVERY_S)
    assert charging.charge() == 1
    assert accounts(daemon) == (108.0, 88.0)
    daemon.go(EVERY_S)
    assert charging.charge() == 0
    assert asked[1:] == [{f"memory:{first}-1", f"memory:{second}-1"}, {f"memory:{second}-1"}]


def test_between_two_looks_nobody_is_asked(daemon: Bench, asked: list[set[str]]) -> None:
    charging = Charging(daemon.desk)
    for _ in range(12):
        charging.charge()
        daemon.go(EVERY_S / 4)
    assert len(asked) == 3


def test_after_an_hour_it_is_given_up(daemon: Bench, asked: list[set[str]]) -> None:
    key = started(daemon)
    end(daemon, key)
    charging = Charging(daemon.desk)
    daemon.go(GIVEN_UP_S - 1)
    charging.charge()
    daemon.go(EVERY_S)
    daemon.cluster.charged[f"memory:{key}-1"] = 88.0
    assert charging.charge() == 0
    assert asked == [{f"memory:{key}-1"}, set()]
    assert accounts(daemon) == (20.0, 0.0)


def test_attempts_of_an_earlier_daemon_are_charged_too(daemon: Bench) -> None:
    key = started(daemon)
    end(daemon, key)
    daemon.cluster.charged[f"memory:{key}-1"] = 88.0
    daemon.go(60)
    assert Charging(daemon.desk).charge() == 1
    assert accounts(daemon) == (88.0, 88.0)
