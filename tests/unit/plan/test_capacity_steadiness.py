"""Bounded, at the limit, growing: P11's scans in succession, and queues whose fate is known."""

import tomllib
from importlib.resources import files

import numpy as np
import pytest
from scipy import stats

from beampace.core.work import WorkClass
from beampace.plan import Capacity, Waiting
from beampace.plan.capacity_model import Description, Done, Length, Task, Trial, outcome
from beampace.plan.capacity_model.steadiness import (
    backlog,
    interval,
    loads,
    sample_times,
    slope,
    state_of,
    student,
)

SCANS = tomllib.loads((files("beampace.plan.capacity_model") / "scenarios" / "p11-scans.toml").read_text())


def trial(**changes) -> Trial:
    described = Description.model_validate(SCANS | changes)
    return Trial(described, described.rules_used)


@pytest.mark.parametrize(("slots", "state"), [(2, "growing"), (3, "growing"), (4, "limit"), (5, "bounded")])
@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_scans_in_succession_that_take_four_times_as_long_to_process(slots, state, order):
    found = outcome(trial(cluster=SCANS["cluster"] | {"order": order}), slots)
    assert found.state == state
    assert found.load == pytest.approx(4 / slots)
    (full,) = found.classes
    # The backlog grows by what is not done: a scan every 120 s, `slots` of them done in 480 s.
    assert full.slope == pytest.approx(max(0.0, 4 / slots - 1), abs=2e-3)


def test_lag_of_the_last_scan_that_cannot_be_kept_up_with():
    """In the order of arrival the 360th scan waits for the 359 before it."""
    found = outcome(trial(), 3)
    assert found.classes[0].worst_s == pytest.approx(360 * 480 / 3 - 360 * 120 + 480, abs=480)
    bounded = outcome(trial(), 5)
    assert bounded.classes[0].worst_s == pytest.approx(480)


def test_slots_of_one_node_count_as_nodes_do():
    """Five jobs on one node of five cores are five slots."""
    cluster = SCANS["cluster"] | {"nodes": 1, "cores_per_node": 5}
    costs = [SCANS["costs"][0] | {"cores": 1, "core_seconds": 480}]
    for slots, state in ((3, "growing"), (4, "limit"), (5, "bounded")):
        engines = {"xds": {"cores": 1}}
        sized = trial(cluster=cluster | {"cores_per_node": slots}, costs=costs, engines=engines)
        assert outcome(sized, 1).state == state


@pytest.mark.parametrize(("per_hour", "state"), [(18, "bounded"), (29, "growing")])
def test_scans_at_random(per_hour, state):
    """Three slots bear 22.5 an hour; the order of the daemon, which hides what waits without end."""
    scan = SCANS["collections"][0] | {"per_hour": per_hour, "rhythm": "random", "frame_time_s": 0.02}
    cluster = SCANS["cluster"] | {"order": "newest"}
    found = outcome(trial(collections=[scan], cluster=cluster), 3)
    assert found.state == state
    assert found.load == pytest.approx(per_hour / 22.5, rel=0.1)


def test_a_low_load_that_does_not_fit_grows():
    """Jobs that need 64 of 96 cores at least: one to a node, and a third of the cores is of no use."""
    engines = {"xds": {"cores": 64, "memory_mb": 300_000}}
    costs = [SCANS["costs"][0] | {"cores": 64, "core_seconds": 64 * 480}]
    cluster = SCANS["cluster"] | {"memory_mb_per_node": 400_000}
    found = outcome(trial(engines=engines, costs=costs, cluster=cluster, hours=3), 3)
    assert found.state == "growing"
    assert found.load < 0.98


def done(due: float, started: float, freed: float, cores: int = 1) -> Done:
    task = Task(Waiting("k", WorkClass.FULL, "g", 0.0, cores, 0), due, due, Length(freed - started))
    return Done(task, started, freed, freed, cores)


def test_backlog_is_what_is_due_and_not_done():
    jobs = [done(0, 0, 100), done(10, 100, 150, cores=2)]
    times = np.array([5.0, 50.0, 120.0, 160.0])
    assert backlog(jobs, 2, times) == pytest.approx([95 / 2, (50 + 100) / 2, 60 / 2, 0])


def test_load_counts_those_who_go_first_and_what_is_kept():
    kept = Capacity(10, 1000, urgent_cores=2, live_cores=3)
    urgent = Task(Waiting("u", WorkClass.URGENT, "g", 0.0, 1, 0), 0, 0, Length(1))
    jobs = [done(0, 0, 400), Done(urgent, 0, 200, 200, 1)]
    found = loads(jobs, kept, 100)
    assert found[WorkClass.URGENT] == pytest.approx(200 / 100 / 10)
    assert found[WorkClass.FULL] == pytest.approx(max(400 / 100 / 5, 600 / 100 / 10))
    assert found[WorkClass.LIVE] == 0


def test_slope_and_confidence():
    times = sample_times(1000.0)
    assert slope(times, 3 + 0.5 * times) == pytest.approx(0.5)
    low, high = interval([1.0, 2.0, 3.0, 4.0])
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 3, 2.5, stats.sem([1, 2, 3, 4])), rel=0.01)
    assert interval([0.3]) == (0.3, 0.3)


@pytest.mark.parametrize("degrees", [3, 5, 9, 29])
def test_student(degrees):
    assert student(0.975, degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=0.01)


def test_the_criterion():
    assert state_of(1.3, 0.2, 0.4) == "growing"
    assert state_of(0.5, -0.001, 0.001) == "bounded"
    assert state_of(1.0, -0.001, 0.001) == "limit"
    assert state_of(0.5, -0.5, 0.5) == "limit"  # nothing is known
