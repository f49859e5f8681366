"""Work whose engine is not here, after a restart perhaps: it waits, and staff are told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from beampace.core.job import JobState
from beampace.core.work import Event, WorkClass, WorkName
from beampace.engines.recipe import load_recipe
from beampace.plan import Rule
from beampace.service.starting import Starter
from tests.support.desk import Bench, bench
from tests.support.recipes import write_recipe

RULES = (
    Rule(
        name="tool",
        kinds=frozenset({"rotation"}),
        on=Event.SEEN,
        work=WorkName.PROCESS,
        engine="tool",
        work_class=WorkClass.FULL,
    ),
)


def starter_with(made: Bench, **changes: object) -> Starter:
    """The starter of a daemon that was started anew."""
    return Starter(replace(made.desk, **changes), made.starter.capacity, made.starter.use)  # type: ignore[arg-type]


def test_a_job_waits_for_its_engine_and_starts_once_it_is_back(tmp_path: Path) -> None:
    with bench(tmp_path, rules=RULES, engines=frozenset({"tool"})) as made:
        key = made.jobs(made.see())["process tool"].key
        away = starter_with(made, engines=frozenset())
        assert away.start((), short=False) == 0
        (trouble,) = away.troubles
        assert "'tool'" in trouble.words and "recipe" in trouble.next_step
        assert made.ledger.job(key).state is JobState.WAITING
        back = starter_with(made)
        assert back.start((), short=False) == 1
        assert back.troubles == ()


def test_an_attempt_that_was_only_written_down_waits_too(tmp_path: Path) -> None:
    with bench(tmp_path, rules=RULES, engines=frozenset({"tool"})) as made:
        key = made.jobs(made.see())["process tool"].key
        made.ledger.claim(key, "memory", lambda number: str(made.directory(key, number)), 1, 100, 60)
        starter_with(made, engines=frozenset()).take_up(made.ledger.active())
        assert not made.directory(key).exists()
        starter_with(made).take_up(made.ledger.active())
        assert (made.directory(key) / "order.json").exists()


def test_the_order_says_which_recipe_is_meant(tmp_path: Path) -> None:
    loaded = load_recipe(write_recipe(tmp_path / "recipes"))
    with bench(tmp_path, rules=RULES, engines=frozenset({"tool"})) as made:
        key = made.jobs(made.see())["process tool"].key
        assert starter_with(made, recipes={"tool": loaded}).start((), short=False) == 1
        order = json.loads((made.directory(key) / "order.json").read_text())
        assert (order["recipe"], order["recipe_sha256"]) == (str(loaded.path), loaded.sha256)
