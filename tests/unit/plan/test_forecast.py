"""Forecasts: closed forms of small queues, and honesty where nothing is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.work import WorkClass, WorkName
from beampace.plan import Capacity, Forecast, Running, Waiting, forecast, forecasts, words
from tests.support.properties import patient

ONE = Capacity(1, 1000)
FULL = WorkClass.FULL


def job(key: str, seen: float = 0.0, work_class: WorkClass = FULL, cores: int = 1, least: int = 1) -> Waiting:
    return Waiting(key, work_class, "g", seen, cores, 10, least)


def held(key: str, cores: int = 1) -> Running:
    return Running(key, FULL, "g", cores, 10)


def test_one_after_the_other() -> None:
    queue = [job("a", 3), job("b", 2), job("c", 1)]
    found = forecasts(queue, [held("r")], ONE, {"a": 10.0, "b": 20.0, "c": 30.0, "r": 5.0})
    assert found == {
        "r": Forecast(5.0, None),
        "a": Forecast(15.0, 0),
        "b": Forecast(35.0, 1),
        "c": Forecast(65.0, 2),
    }


def test_side_by_side() -> None:
    queue = [job(f"{n}", seen=-n) for n in range(6)]
    found = forecasts(queue, (), Capacity(2, 1000), dict.fromkeys("012345", 10.0))
    assert [found[f"{n}"].seconds for n in range(6)] == [10, 10, 20, 20, 30, 30]


def test_fewer_cores_take_longer() -> None:
    found = forecast("a", [job("a", cores=4)], [held("r")], Capacity(3, 1000), {"a": 10.0, "r": 100.0})
    assert found == Forecast(20.0, 0)


def test_urgent_work_is_ahead() -> None:
    queue = [job("full", 9), job("urgent", 1, WorkClass.URGENT)]
    assert forecast("full", queue, (), ONE, {"full": 5.0, "urgent": 2.0}) == Forecast(7.0, 1)


def test_a_large_job_is_passed_in_the_forecast_as_often_as_in_truth() -> None:
    queue = [job("large", 99, cores=2, least=2), *(job(f"{n}", n) for n in range(20))]
    lengths = {"large": 10.0, "r": 100.0, **{f"{n}": 1.0 for n in range(20)}}
    assert forecast("large", queue, [held("r")], Capacity(2, 1000), lengths) == Forecast(110.0, 8)


def test_an_unknown_length_ahead_leaves_only_the_place() -> None:
    queue = [job("a", 2), job("b", 1)]
    found = forecasts(queue, [held("r")], ONE, {"a": 10.0, "b": 10.0})
    assert found["a"] == Forecast(None, 0)
    assert found["b"] == Forecast(None, 1)
    # Behind it, but not waiting for it: a core is free.
    assert forecast("a", queue, [held("r")], Capacity(2, 1000), {"a": 10.0}) == Forecast(10.0, 0)


def test_its_own_length_unknown_leaves_only_the_place() -> None:
    assert forecast("b", [job("a", 2), job("b", 1)], (), ONE, {"a": 10.0}) == Forecast(None, 1)


def test_a_job_nobody_knows_has_no_forecast() -> None:
    assert forecast("x", [job("a")], (), ONE, {"a": 1.0}) == Forecast()


def test_a_job_behind_more_than_is_rehearsed_has_no_forecast() -> None:
    queue = [job(f"{n}", seen=-n) for n in range(600)]
    found = forecasts(queue, (), ONE, {one.key: 1.0 for one in queue})
    assert found["400"] == Forecast(401.0, 400)
    assert found["599"] == Forecast()


@patient
@given(
    st.lists(st.tuples(st.integers(1, 4), st.floats(0.1, 100)), min_size=1, max_size=10), st.integers(1, 4)
)
def test_the_last_end_is_no_earlier_than_the_work_divided_by_the_cores(jobs, cores: int) -> None:
    queue = [job(f"{n}", n, cores=wish, least=wish) for n, (wish, _) in enumerate(jobs)]
    lengths = {f"{n}": seconds for n, (_, seconds) in enumerate(jobs)}
    found = forecasts(queue, (), Capacity(cores, 1000), lengths)
    ends = [one.seconds for one in found.values()]
    work = sum(wish * seconds for wish, seconds in jobs)
    one_by_one = sum(seconds * max(1, wish / cores) for wish, seconds in jobs)
    assert None not in ends
    assert work / cores - 1e-6 <= max(ends) <= one_by_one + 1e-6
    assert sorted(one.ahead for one in found.values()) == list(range(len(jobs)))


@pytest.mark.parametrize(
    ("found", "work", "text"),
    [
        (Forecast(41.0, 3), WorkName.PROCESS, "merged statistics in about 40 s, 3 ahead"),
        (Forecast(3.2, 0), WorkName.MAP, "heat map in about 3 s"),
        (Forecast(0.0, None), WorkName.LOOK, "per-image table in about 1 s"),
        (Forecast(94.0, 0), WorkName.STRATEGY, "strategy in about 95 s"),
        (Forecast(290.0, 1), WorkName.MERGE, "merged dataset in about 5 min, 1 ahead"),
        (Forecast(7300.0, 0), WorkName.PROCESS, "merged statistics in about 2 h"),
        (Forecast(), WorkName.PROCESS, "no forecast yet"),
        (Forecast(None, 4), WorkName.PROCESS, "no forecast yet, 4 ahead"),
    ],
)
def test_in_words(found: Forecast, work: WorkName, text: str) -> None:
    assert words(found, work) == text


def test_every_work_has_words() -> None:
    assert all(words(Forecast(5.0, 0), work).endswith("in about 5 s") for work in WorkName)
