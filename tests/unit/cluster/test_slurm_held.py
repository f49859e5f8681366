"""Held allocations: how many to ask for, where there is room, when to give one back."""

import shlex
from pathlib import Path, PurePosixPath

import pytest

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm.held import (
    ASK_AGAIN_S,
    GIVE_BACK_AGAIN_S,
    HeldPool,
    HeldSettings,
    hold_argv,
    step_argv,
)
from beampace.cluster.slurm.squeue import Seen
from beampace.core.job import Resources

SETTINGS = HeldSettings(allocations=2, cores=8, memory_mb=8000, time_s=3600, renew_s=600)
SMALL = Resources(2, 1000, 60)


class Bench:
    def __init__(self, settings=SETTINGS):
        self.now = 1000.0
        self.pool = HeldPool(Path("/state/cluster"), settings, lambda: self.now)

    def look(self, *jobs):
        """An answer with these allocations: number, state, seconds left."""
        rows = tuple(Seen(job, self.pool.name, state, left_s=left) for job, state, left in jobs)
        self.pool.look({self.pool.name: rows} if rows else {})


@pytest.fixture
def bench():
    return Bench()


def test_as_many_are_asked_for_as_are_missing(bench):
    assert bench.pool.to_ask_for() == 2
    bench.pool.asked()
    assert bench.pool.to_ask_for() == 1
    bench.look((5, "PENDING", 3600), (6, "RUNNING", 3600))
    assert bench.pool.to_ask_for() == 0


def test_an_allocation_that_never_came_is_asked_for_again_later(bench):
    bench.pool.asked()
    bench.pool.asked()
    bench.now += ASK_AGAIN_S - 1
    assert bench.pool.to_ask_for() == 0
    bench.now += 1
    assert bench.pool.to_ask_for() == 2


def test_nothing_is_held_unless_asked_for():
    assert Bench(HeldSettings()).pool.to_ask_for() == 0


def test_an_allocation_that_ended_is_replaced(bench):
    bench.look((5, "RUNNING", 3600), (6, "RUNNING", 3600))
    bench.look((5, "NODE_FAIL", 0), (6, "RUNNING", 3600))
    assert bench.pool.to_ask_for() == 1
    bench.look()
    assert bench.pool.to_ask_for() == 2


def test_steps_go_where_they_fit_and_the_fullest_first(bench):
    bench.look((5, "RUNNING", 3600), (6, "RUNNING", 3600), (7, "PENDING", 3600))
    bench.pool.take(6, "a", Resources(3, 1000, 60))
    assert bench.pool.room(SMALL) == 6
    assert bench.pool.room(Resources(6, 1000, 60)) == 5
    assert bench.pool.room(Resources(9, 1000, 60)) is None
    assert bench.pool.room(Resources(1, 8001, 60)) is None
    bench.pool.take(6, "b", Resources(1, 6500, 60))
    assert bench.pool.room(SMALL) == 5
    bench.pool.free(["b"])
    assert bench.pool.room(SMALL) == 6


def test_no_step_is_started_that_would_outlast_its_allocation(bench):
    bench.look((5, "RUNNING", 1000))
    assert bench.pool.room(Resources(1, 100, 800)) == 5
    assert bench.pool.room(Resources(1, 100, 900)) is None
    bench.look((5, "RUNNING", 1000), (6, "RUNNING", 3000))
    assert bench.pool.room(Resources(1, 100, 100_000)) == 6


def test_near_its_end_an_allocation_is_replaced_and_given_back_when_empty(bench):
    bench.look((5, "RUNNING", 700), (6, "RUNNING", 3600))
    bench.pool.take(5, "a", SMALL)
    assert bench.pool.to_ask_for() == 0
    bench.now += 101
    assert bench.pool.to_ask_for() == 1
    assert bench.pool.to_give_back() == ()
    assert bench.pool.room(SMALL) == 6
    bench.pool.free(["a"])
    assert bench.pool.to_give_back() == (5,)
    assert bench.pool.to_give_back(all_of_them=True) == (5, 6)


def test_two_daemons_do_not_take_each_others(bench):
    other = HeldPool(Path("/other/cluster"), SETTINGS)
    assert other.name != bench.pool.name
    other.look({bench.pool.name: (Seen(5, bench.pool.name, "RUNNING"),)})
    assert other.to_ask_for() == 2


def test_the_commands():
    granted = OnlineResources("bttest04", None, "11010000", "ponline_p11", ())
    hold = hold_argv("bph-x", granted, HeldSettings(1, 8, 8000, 3600, exclusive=True), ("--account=a",))
    assert {"--exclusive", "--reservation=11010000", "--time=60", "--cpus-per-task=8", "--account=a"} <= set(
        hold
    )
    step = step_argv(12, "bp-x", SMALL, PurePosixPath("/node/a b%j"), ("/bin/true", "x y"))
    assert step[:4] == ("srun", "--jobid=12", "--overlap", "--exact")
    assert {"--cpus-per-task=2", "--mem=1164M", "--chdir=/node/a b%j"} <= set(step)
    assert "--output=/node/a b%%j/slurm.txt" in step
    assert shlex.split(shlex.join(step))[-2:] == ["/bin/true", "x y"]


def stuck(bench, *jobs):
    rows = [Seen(job, bench.pool.name, "RESV_DEL_HOLD", "Reservation x was deleted") for job in jobs]
    bench.pool.look({bench.pool.name: tuple(rows)})


def test_one_whose_reservation_was_deleted_is_given_back_and_replaced(bench):
    bench.look((5, "PENDING", 3600), (6, "PENDING", 3600))
    stuck(bench, 5, 6)
    assert bench.pool.to_ask_for() == 2
    assert bench.pool.to_give_back() == (5, 6)


def test_what_was_given_back_gets_no_more_steps_and_is_given_back_again_later(bench):
    bench.look((5, "RUNNING", 3600))
    bench.pool.gave_back((5,))
    assert bench.pool.room(SMALL) is None
    assert bench.pool.to_give_back(all_of_them=True) == ()
    bench.now += GIVE_BACK_AGAIN_S
    assert bench.pool.to_give_back(all_of_them=True) == (5,)


def test_one_that_was_refused_is_not_waited_for(bench):
    bench.pool.asked()
    bench.pool.asked()
    bench.pool.refused()
    assert bench.pool.to_ask_for() == 1


def test_nobody_complains_of_nodes_that_nobody_wants():
    assert Bench(HeldSettings()).pool.troubles() == ()


def test_the_home_of_a_step_outlives_the_allocation(bench):
    bench.look((5, "RUNNING", 3600))
    bench.pool.take(5, "a", SMALL)
    bench.pool.at_home("b", 0)
    bench.look()
    assert (bench.pool.home("a"), bench.pool.home("b"), bench.pool.home("c")) == (5, 0, None)
    bench.pool.keep(["b"])
    assert bench.pool.home("a") is None


def test_what_ended_unseen_frees_its_cores(bench):
    bench.look((5, "RUNNING", 3600))
    bench.pool.take(5, "a", Resources(8, 1000, 60))
    assert bench.pool.fitting(SMALL, 1) == 0
    bench.pool.keep(["b"])  # nobody follows `a` any more: its result was read while the queue was silent
    assert bench.pool.fitting(SMALL, 1) == 2


def test_what_waits_in_the_old_reservation_is_given_back_and_asked_for_in_the_new(bench):
    bench.pool.key = ("pre", "p")
    bench.look((5, "PENDING", 3600), (6, "RUNNING", 3600))
    assert bench.pool.to_ask_for() == 0
    bench.pool.key = ("start", "p")
    bench.look((5, "PENDING", 3600), (6, "RUNNING", 3600))
    assert bench.pool.to_ask_for() == 1
    assert bench.pool.to_give_back() == (5,)
    assert bench.pool.room(SMALL) == 6  # what runs there goes on
