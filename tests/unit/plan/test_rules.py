"""Which work is due: a decision table over kinds, events and configurations, with exact answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from beampace.core.dataset import DatasetKind
from beampace.core.work import Event, WorkClass, WorkName
from beampace.plan import DEFAULT_RULES, Rule, Scenario, decide
from tests.support.properties import patient

GRID, SCREENING, ROTATION, STILLS = (
    DatasetKind.GRID,
    DatasetKind.SCREENING,
    DatasetKind.ROTATION,
    DatasetKind.STILLS,
)
SEEN, COMPLETE, GREW = Event.SEEN, Event.COMPLETE, Event.GREW
LOOK, MAP, PROCESS, STRATEGY = WorkName.LOOK, WorkName.MAP, WorkName.PROCESS, WorkName.STRATEGY
URGENT, LIVE, FULL, RERUN = WorkClass.URGENT, WorkClass.LIVE, WorkClass.FULL, WorkClass.RERUN

XDSAPP = Rule(
    name="xdsapp",
    kinds={ROTATION},
    on=COMPLETE,
    work=PROCESS,
    engine="xdsapp",
    work_class=FULL,
    min_frames=20,
)
DOZOR = Rule(name="dozor", kinds={GRID}, on=COMPLETE, work=PROCESS, engine="dozor", work_class=FULL)
LATER = Rule(name="later", kinds={ROTATION}, on=GREW, work=LOOK, work_class=LIVE)
SHORT = Rule(name="short", kinds={STILLS}, on=SEEN, work=MAP, work_class=URGENT, max_frames=50)
NONE, WITH_DIALS, ALL = frozenset(), frozenset({"dials"}), frozenset({"dials", "xdsapp", "dozor"})
MORE = (*DEFAULT_RULES, XDSAPP, DOZOR, LATER, SHORT)

# kind, event, frames, engines, rules -> works, skipped engines
TABLE = [
    (GRID, SEEN, 400, NONE, DEFAULT_RULES, {(MAP, "", URGENT)}, set()),
    (GRID, COMPLETE, 400, ALL, DEFAULT_RULES, set(), set()),
    (GRID, GREW, 400, ALL, DEFAULT_RULES, {(MAP, "", RERUN)}, set()),
    (SCREENING, SEEN, 3, NONE, DEFAULT_RULES, {(LOOK, "", URGENT)}, {"dials"}),
    (SCREENING, SEEN, 3, WITH_DIALS, DEFAULT_RULES, {(LOOK, "", URGENT), (STRATEGY, "", URGENT)}, set()),
    (SCREENING, SEEN, 11, WITH_DIALS, DEFAULT_RULES, {(LOOK, "", URGENT)}, set()),
    (SCREENING, COMPLETE, 3, ALL, DEFAULT_RULES, set(), set()),
    (SCREENING, GREW, 3, ALL, DEFAULT_RULES, {(LOOK, "", RERUN), (STRATEGY, "", RERUN)}, set()),
    (ROTATION, SEEN, 3600, WITH_DIALS, DEFAULT_RULES, {(LOOK, "", LIVE)}, set()),
    (ROTATION, COMPLETE, 3600, WITH_DIALS, DEFAULT_RULES, {(PROCESS, "dials", FULL)}, set()),
    (ROTATION, COMPLETE, 3600, NONE, DEFAULT_RULES, set(), {"dials"}),
    (ROTATION, COMPLETE, 2, WITH_DIALS, DEFAULT_RULES, {(PROCESS, "dials", FULL)}, set()),
    (ROTATION, COMPLETE, 1, WITH_DIALS, DEFAULT_RULES, set(), set()),
    (ROTATION, COMPLETE, 1, NONE, DEFAULT_RULES, set(), set()),
    (ROTATION, GREW, 9, WITH_DIALS, DEFAULT_RULES, {(LOOK, "", RERUN), (PROCESS, "dials", RERUN)}, set()),
    (ROTATION, GREW, 9, NONE, DEFAULT_RULES, {(LOOK, "", RERUN)}, {"dials"}),
    (STILLS, SEEN, 1000, ALL, DEFAULT_RULES, {(LOOK, "", LIVE)}, set()),
    (STILLS, COMPLETE, 1000, ALL, DEFAULT_RULES, set(), set()),
    (STILLS, GREW, 1000, ALL, DEFAULT_RULES, {(LOOK, "", RERUN)}, set()),
    (ROTATION, SEEN, 10, ALL, (), set(), set()),
    (GRID, SEEN, 400, ALL, MORE, {(MAP, "", URGENT)}, set()),
    (GRID, COMPLETE, 400, ALL, MORE, {(PROCESS, "dozor", FULL)}, set()),
    (GRID, COMPLETE, 400, WITH_DIALS, MORE, set(), {"dozor"}),
    (GRID, GREW, 400, ALL, MORE, {(MAP, "", RERUN), (PROCESS, "dozor", RERUN)}, set()),
    (ROTATION, COMPLETE, 20, ALL, MORE, {(PROCESS, "dials", FULL), (PROCESS, "xdsapp", FULL)}, set()),
    (ROTATION, COMPLETE, 19, ALL, MORE, {(PROCESS, "dials", FULL)}, set()),
    (ROTATION, COMPLETE, 20, WITH_DIALS, MORE, {(PROCESS, "dials", FULL)}, {"xdsapp"}),
    (ROTATION, GREW, 9, ALL, MORE, {(LOOK, "", LIVE), (PROCESS, "dials", RERUN)}, set()),
    (STILLS, SEEN, 50, ALL, MORE, {(LOOK, "", LIVE), (MAP, "", URGENT)}, set()),
    (STILLS, SEEN, 51, ALL, MORE, {(LOOK, "", LIVE)}, set()),
]


@pytest.mark.parametrize(("kind", "event", "frames", "engines", "rules", "works", "skipped"), TABLE)
def test_the_decision_table(kind, event, frames, engines, rules, works, skipped) -> None:
    found = decide(Scenario(kind, event, frames, engines=engines), rules)
    assert {(one.work, one.engine, one.work_class) for one in found} == works
    assert len(found) == len(works)
    assert {one.engine for one in found.skipped} == skipped
    assert all(one.rule and one.engine in one.why for one in found.skipped)


def test_the_table_has_every_kind_and_event() -> None:
    assert {(row[0], row[1]) for row in TABLE if row[4] is DEFAULT_RULES} == {
        (kind, event) for kind in DatasetKind for event in Event
    }


def test_the_frames_that_are_there_count_when_known() -> None:
    aborted = Scenario(ROTATION, COMPLETE, 3600, engines=WITH_DIALS, n_frames=1)
    assert len(decide(aborted)) == 0
    assert len(decide(Scenario(ROTATION, COMPLETE, 3600, engines=WITH_DIALS, n_frames=2))) == 1


def test_the_same_work_is_due_once_and_another_option_is_another_work() -> None:
    first = Rule(name="one", kinds={GRID}, on=SEEN, work=MAP, work_class=URGENT)
    again = first.model_copy(update={"name": "two", "work_class": LIVE})
    other = first.model_copy(update={"name": "three", "options": {"grid": [2, 3]}})
    found = decide(Scenario(GRID, SEEN, 6), (first, again, other))
    assert [(one.rule, one.options) for one in found] == [("one", {}), ("three", {"grid": [2, 3]})]


@patient
@given(
    st.sampled_from(DatasetKind),
    st.sampled_from(Event),
    st.integers(0, 5000),
    st.frozensets(st.sampled_from(sorted(ALL))),
)
def test_only_what_can_be_done_is_due_and_nothing_twice(kind, event, frames, engines) -> None:
    found = decide(Scenario(kind, event, frames, engines=engines), MORE)
    assert all(one.engine in engines | {""} for one in found)
    assert not {one.engine for one in found.skipped} & engines
    keys = [(one.work, one.engine, repr(one.options)) for one in found]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"engine": ""}, "needs an engine"),
        ({"work": "look"}, "needs an engine"),
        ({"kinds": []}, "kinds"),
        ({"min_frames": 5, "max_frames": 4}, "max_frames"),
        ({"colour": "red"}, "colour"),
        ({"on": "sometimes"}, "on"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(change: dict, named: str) -> None:
    rule = {"name": "r", "kinds": ["rotation"], "on": "complete", "work": "process", "engine": "dials"}
    Rule.model_validate({**rule, "work_class": "full"})
    with pytest.raises(ValidationError, match=named):
        Rule.model_validate({**rule, "work_class": "full", **change})
