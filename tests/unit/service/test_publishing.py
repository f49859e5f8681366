"""Publishing: pages first, hooks by themselves, and who is told of what."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from beampace.beamtime import root_id
from beampace.core.errors import failure
from beampace.core.job import JobState
from beampace.core.taxonomy import Failure
from beampace.service.hooks import HookPlan, Told
from beampace.service.metrics import Metrics
from beampace.service.publishing import Publisher
from beampace.service.result_pages import ResultPages
from beampace.service.telling import AT_A_TIME, DEAD_AFTER, PAUSE_S
from tests.support.desk import BEAMTIME, Bench, bench


class HeldHooks:
    """Hooks whose calls end when the test says so."""

    plan = HookPlan(("/bin/true",))
    wanted = True

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.open: list[int] = []
        self._told: list[Told] = []

    def submit(self, result: int, document: Mapping[str, Any]) -> None:
        assert document["id"]
        self.asked.append(result)
        self.open.append(result)

    def end(self, *failures: str) -> None:
        self._told += [Told(result, failures) for result in self.open]
        self.open.clear()

    def ended(self) -> tuple[Told, ...]:
        told, self._told = tuple(self._told), []
        return told


@contextmanager
def publishing(directory: Path, **sections: Any) -> Iterator[tuple[Bench, HeldHooks, Publisher]]:
    with bench(directory, **sections) as made:
        hooks = HeldHooks()
        yield made, hooks, Publisher(made.desk, hooks, ResultPages(made.desk), Metrics())  # type: ignore[arg-type]


def with_results(made: Bench, count: int, code: str = "diffraction") -> None:
    """Datasets whose look has ended."""
    for number in range(count):
        key = made.jobs(made.see(f"E/{number}"))["look"].key
        while made.ledger.job(key).state is JobState.WAITING:
            assert made.start()
        made.leave_result(key, code)
        made.gone(key)
        assert len(made.follow()) == 1


def listed(made: Bench) -> list[str]:
    path = made.root / "processed" / "datasets.txt"
    return list(filter(None, path.read_text().splitlines())) if path.exists() else []


def test_pages_do_not_wait_for_hooks(tmp_path: Path) -> None:
    with publishing(tmp_path) as (made, hooks, publisher):
        with_results(made, AT_A_TIME + 2)
        publisher.publish()
        assert made.ledger.unpublished() == ()
        assert len(listed(made)) == AT_A_TIME + 2
        assert len(hooks.asked) == AT_A_TIME
        hooks.end()
        publisher.publish()
        hooks.end()
        publisher.publish()
        assert made.ledger.untold() == ()
        assert hooks.asked == sorted(set(hooks.asked)) and len(hooks.asked) == AT_A_TIME + 2


def test_a_dead_hook_is_let_be_and_its_trouble_goes_with_the_next_success(tmp_path: Path) -> None:
    with publishing(tmp_path) as (made, hooks, publisher):
        with_results(made, 2 * AT_A_TIME + 4)
        while len(hooks.asked) < DEAD_AFTER:
            publisher.publish()
            hooks.end("no logbook")
        (trouble,) = publisher.publish()
        assert "no logbook" in trouble.words and "5 min" in trouble.words
        asked = len(hooks.asked)
        for _ in range(3):
            made.go(PAUSE_S / 4)
            assert publisher.publish() == (trouble,)
        assert len(hooks.asked) == asked
        made.go(PAUSE_S)
        publisher.publish()
        assert len(hooks.asked) == asked + 1
        hooks.end()
        assert publisher.publish() == ()
        assert len(hooks.asked) > asked + 1


@pytest.mark.parametrize("code", [Failure.CANCELLED, Failure.ENGINE_MISSING, Failure.NODE_LOST])
def test_an_ending_that_says_nothing_of_the_data_is_told_to_nobody(tmp_path: Path, code: Failure) -> None:
    with publishing(tmp_path, cluster={"attempts": 1}) as (made, hooks, publisher):
        with_results(made, 1, code)
        publisher.publish()
        assert hooks.asked == []
        assert listed(made) == []
        assert made.ledger.unpublished() == made.ledger.untold() == ()


def test_an_ending_of_science_is_told(tmp_path: Path) -> None:
    with publishing(tmp_path) as (made, hooks, publisher):
        with_results(made, 1, Failure.NO_DIFFRACTION)
        publisher.publish()
        assert len(hooks.asked) == len(listed(made)) == 1


@pytest.mark.parametrize("groups", [{"rule": "folder"}, {"table": "/etc/groups.csv"}])
def test_where_people_are_told_apart_there_is_no_common_list(tmp_path: Path, groups: dict[str, str]) -> None:
    with publishing(tmp_path, groups=groups) as (made, hooks, publisher):
        with_results(made, 1)
        publisher.publish()
        assert listed(made) == []
        assert len(hooks.asked) == 1


def test_results_whose_place_refuses_keep_back_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beampace.service.publishing.MOST_A_TURN", 2)
    with publishing(tmp_path) as (made, _, publisher):
        with_results(made, 5)
        rows = made.ledger.unpublished()
        monkeypatch.setattr(ResultPages, "add", lambda _, row: row.id > rows[2].id)
        for _ in range(3):
            publisher.publish()
        assert [row.id for row in made.ledger.unpublished()] == [row.id for row in rows[:3]]


def moved(made: Bench) -> None:
    """The beamtime's directory is known, goes, and another one comes to its place."""
    made.ledger.open_beamtime(BEAMTIME, str(made.root), "", root_id(made.root))
    made.root.rename(made.root.parent / "old")
    (made.root / "processed").mkdir(parents=True)


def test_nothing_is_listed_or_told_in_a_directory_that_is_anothers_by_now(tmp_path: Path) -> None:
    with publishing(tmp_path) as (made, hooks, publisher):
        with_results(made, 2)
        moved(made)
        assert publisher.publish() == ()
        made.go(5)
        assert publisher.publish() == ()
        assert hooks.asked == []
        assert list((made.root / "processed").iterdir()) == []
        assert made.ledger.unpublished() == made.ledger.untold() == ()


def refused(*_: object) -> None:
    raise failure(Failure.NOT_WRITABLE, "The place refuses.")


def test_the_trouble_of_a_result_goes_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with publishing(tmp_path) as (made, _, publisher):
        with_results(made, 1)
        monkeypatch.setattr("beampace.service.result_pages.list_result", refused)
        assert [trouble.where for trouble in publisher.publish()] == ["result 1"]
        shutil.rmtree(made.root)
        assert publisher.publish() == ()
        assert made.ledger.unpublished() == ()


def test_the_trouble_of_an_index_goes_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with publishing(tmp_path) as (made, _, publisher):
        with_results(made, 1)
        monkeypatch.setattr("beampace.service.result_pages.write_indexes", refused)
        assert [trouble.where for trouble in publisher.publish()] == [BEAMTIME]
        shutil.rmtree(made.root)
        made.go(5)
        assert publisher.publish() == ()


@pytest.mark.parametrize("step", ["list_result", "write_indexes"])
def test_pages_of_a_closed_beamtime_are_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    tries: list[object] = []

    def counted(*_: object) -> None:
        tries.append(step)
        refused()

    with publishing(tmp_path) as (made, _, publisher):
        with_results(made, 1)
        monkeypatch.setattr(f"beampace.service.result_pages.{step}", counted)
        assert len(publisher.publish()) == 1
        made.ledger.close_beamtime(BEAMTIME, "stopped")
        for _ in range(3):
            made.go(5)
            assert publisher.publish() == ()
        assert len(tries) == 2
        assert made.ledger.unpublished() == ()
