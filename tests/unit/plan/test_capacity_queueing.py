"""The simulation against closed forms: Erlang C, M/D/c, and a second program."""

import heapq
from fractions import Fraction
from math import factorial
from statistics import fmean

import numpy as np
import pytest

from beampace.core.work import WorkClass
from beampace.plan import Capacity, Waiting
from beampace.plan.capacity_model import Done, Length, Site, Task, erlang_c, mean_wait, simulate
from beampace.plan.capacity_model.nodes import Nodes

ROOM = 10**9


def tasks(due: np.ndarray, seconds: np.ndarray, *, oldest: bool = True) -> list[Task]:
    sign = -1 if oldest else 1
    return [
        Task(Waiting(f"{n}", WorkClass.FULL, "g", sign * at, 1, 0), at, at, Length(length))
        for n, (at, length) in enumerate(zip(due.tolist(), seconds.tolist(), strict=True))
    ]


def poisson(servers: int, load: float, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Moments of arrival and lengths of service, mean 1."""
    random = np.random.default_rng(seed)
    return np.cumsum(random.exponential(1 / (load * servers), count)), random.exponential(1, count)


def recursion(servers: int, due: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Waits in the order of arrival (Kiefer and Wolfowitz 1955): the second program."""
    free, waits = [0.0] * servers, []
    for at, length in zip(due.tolist(), seconds.tolist(), strict=True):
        begin = max(at, free[0])
        heapq.heapreplace(free, begin + length)
        waits.append(begin - at)
    return np.array(waits)


def waits(done: tuple[Done, ...]) -> np.ndarray:
    """In the order of the keys."""
    return np.array(
        [one.started - one.task.due for one in sorted(done, key=lambda one: int(one.task.wish.key))]
    )


def played(servers: int, due: np.ndarray, seconds: np.ndarray, *, oldest: bool = True) -> np.ndarray:
    return waits(simulate(tasks(due, seconds, oldest=oldest), Site(Capacity(servers, ROOM))))


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (2, 0.6), (4, 0.7)])
def test_how_often_one_must_wait_is_erlang_c(servers: int, load: float) -> None:
    """Directly; the realised rates of arrival and service are control variates (standard error 1 %)."""
    due, seconds = poisson(servers, load, 16_000, 1)
    waited = played(servers, due, seconds) > 0
    parts = 20
    between = np.diff(due, prepend=0.0)
    rows = [np.array([part.mean() for part in np.split(one, parts)]) for one in (between, seconds)]
    controls = np.column_stack([np.ones(parts), rows[0] * load * servers - 1, rows[1] - 1])
    found = np.linalg.lstsq(controls, np.array([part.mean() for part in np.split(waited, parts)]))[0][0]
    assert found == pytest.approx(erlang_c(servers, load * servers), rel=0.05)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (2, 0.8), (3, 0.7), (5, 0.9), (12, 0.85)])
def test_every_wait_is_that_of_the_second_program(servers: int, load: float) -> None:
    """With the next test, the mean wait of the simulation is that of Erlang, too, at any number of jobs."""
    due, seconds = poisson(servers, load, 4000, 2)
    ours, theirs = played(servers, due, seconds), recursion(servers, due, seconds)
    assert ours == pytest.approx(theirs, abs=1e-6)
    assert theirs.max() > 1


@pytest.mark.parametrize(("servers", "load", "seed"), [(1, 0.5, 3), (3, 0.7, 4), (8, 0.7, 5)])
def test_the_mean_wait_of_the_second_program_is_that_of_erlang(servers: int, load: float, seed: int) -> None:
    due, seconds = poisson(servers, load, 400_000, seed)
    assert recursion(servers, due, seconds).mean() == pytest.approx(
        mean_wait(servers, load * servers, 1.0), rel=0.05
    )


def test_the_newest_first_changes_no_mean_of_equal_lengths() -> None:
    due, _ = poisson(3, 0.8, 3000, 6)
    equal = np.ones(len(due))
    newest, oldest = played(3, due, equal, oldest=False), played(3, due, equal)
    assert newest.mean() == pytest.approx(oldest.mean())
    assert newest.max() > 2 * oldest.max()


def test_erlang_c_by_its_sum() -> None:
    """Against the formula written out, and the two cases everybody knows."""
    assert erlang_c(1, 0.6) == pytest.approx(0.6)
    assert mean_wait(1, 0.5, 1.0) == pytest.approx(1.0)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    last = Fraction(5**7 * 7, factorial(7) * (7 - 5))
    assert erlang_c(7, 5.0) == pytest.approx(
        float(last / (last + sum(Fraction(5**n, factorial(n)) for n in range(7))))
    )
    assert erlang_c(400, 380.0) == pytest.approx(0.2203144088042326)  # the same sum in 28 digits
    with pytest.raises(ValueError, match="3 servers"):
        erlang_c(3, 3.0)


def test_a_job_waits_for_a_node_with_room() -> None:
    """Six cores are free, but no node has six."""
    nodes = Nodes(2, 4)
    nodes.ask("a", 1)
    nodes.ask("b", 3)
    assert list(nodes.placed()) == [("a", 1), ("b", 3)]  # the fullest node with room
    nodes.ask("c", 4)
    nodes.ask("d", 1)
    assert list(nodes.placed()) == [("c", 4)]
    nodes.give_back("b")
    assert list(nodes.placed()) == [("d", 1)]
    assert nodes.unclaimed == 2


def test_follower_ends_with_its_scan() -> None:
    look = Length(100.0, cores=1, follows=True, last=0.1)
    assert look.end(0.0, 200.0, 2) == 200.0 + 0.1 * 50
    assert look.end(190.0, 200.0, 2) == 190.0 + 50
    assert Length(1.0, follows=True, tail_s=3.0).end(0.0, 200.0, 2) == 203.0
    assert Length(100.0, cores=4, serial=0.2).with_cores(8) == pytest.approx(20 + 40)
    assert Length(100.0).end(0.0, 200.0, 1) == 300.0


def test_waits_are_never_negative_and_all_is_done() -> None:
    due, seconds = poisson(2, 1.5, 500, 7)
    found = played(2, due, seconds)
    assert len(found) == 500
    assert found.min() >= 0
    assert fmean(found[-50:]) > fmean(found[:50])
