from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.work import WorkClass, WorkName
from beampace.store import DatasetRow, Lag, ResultRow
from beampace.web.lags import DUE, RESULT, SEEN, lag_infos, measured_results, measured_starts, quantile
from tests.support.ledgers import START, new_result, sighting


def at(seconds):
    return START + timedelta(seconds=seconds)


def lag(job="k", attempt=1, work_class=WorkClass.URGENT, seen=0.0, planned=0.0, first=None):
    return Lag(
        dataset=1,
        job=job,
        attempt=attempt,
        work=WorkName.MAP,
        engine="",
        work_class=work_class,
        seen=at(seen),
        last_frame=None,
        planned=at(planned),
        claimed=at(planned),
        submitted=None,
        started=None,
        first_frame=None if first is None else at(first),
        ended=None,
        code="",
    )


def dataset(**changes):
    said = sighting()
    row = DatasetRow(
        id=1,
        beamtime="b",
        identity=said.identity,
        path=said.path,
        place=said.place,
        name=said.name,
        kind=said.kind,
        kind_reason="",
        group="g",
        sample="",
        state="complete",
        generation=0,
        n_announced=1,
        n_files=1,
        frame_time_s=0.1,
        collected=None,
        seen=START,
        ended=at(10),
        last_frame=at(10),
        files_mark="",
        n_bytes=0,
    )
    return replace(row, **changes)


def result(job="k", created=12.0, generation=0):
    new = new_result(job, created=at(created))
    return ResultRow(1, job, 1, "b", "g", WorkName.MAP, "", generation, new, published=True)


def test_a_start_is_measured_from_sight_and_from_when_it_was_due():
    measured = measured_starts([lag(seen=0, planned=60, first=60.4)])
    assert measured == ((WorkClass.URGENT, SEEN, 60.4), (WorkClass.URGENT, DUE, 0.4))


def test_a_retry_does_not_count_twice_and_a_lost_attempt_does_not_hide_the_wait():
    lost, second = lag(attempt=1), lag(attempt=2, first=9)
    assert [seconds for _, what, seconds in measured_starts([lost, second]) if what == SEEN] == [9.0]
    died = lag(attempt=1, first=1)
    for order in ([died, second], [second, died]):
        assert [seconds for _, what, seconds in measured_starts(order) if what == SEEN] == [1.0]


def test_work_that_never_opened_a_frame_has_no_lag():
    assert measured_starts([lag()]) == ()


@pytest.mark.parametrize(
    ("work_class", "planned", "generation", "seconds"),
    [
        (WorkClass.FULL, 10.2, 0, [2.0]),
        (WorkClass.RERUN, 11.5, 0, [0.5]),
        (WorkClass.FULL, 10.2, 1, []),
    ],
)
def test_a_result_is_measured_from_the_last_frame(work_class, planned, generation, seconds):
    lags = [lag(work_class=work_class, planned=planned)]
    measured = measured_results([result(generation=generation)], {1: dataset()}, lags)
    assert [one[2] for one in measured] == seconds
    assert all(one[:2] == (work_class, RESULT) for one in measured)


def test_classes_come_in_their_order_with_their_own_numbers():
    measured = [(WorkClass.FULL, RESULT, 5.0), (WorkClass.URGENT, SEEN, 1.0), (WorkClass.URGENT, SEEN, 3.0)]
    urgent, full = lag_infos(measured)
    assert (urgent.of, urgent.n, urgent.median_s, urgent.p95_s, urgent.worst_s) == (
        "urgent",
        2,
        1.0,
        3.0,
        3.0,
    )
    assert (full.of, full.what, full.n) == ("full", RESULT, 1)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_a_value_that_enough_do_not_exceed(values, share):
    values.sort()
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values)
