"""How long answers of the queue are good for, and what silence means."""

from beampace.cluster.slurm.book import Book, Patience, merged
from beampace.cluster.slurm.squeue import Seen
from beampace.cluster.slurm.states import fate_of
from beampace.core.job import ClusterState
from beampace.core.taxonomy import Failure

QUEUED, RUNNING, GONE = ClusterState.QUEUED, ClusterState.RUNNING, ClusterState.GONE
UNKNOWN = ClusterState.UNKNOWN


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def book(*names):
    clock = Clock()
    one = Book(Patience(stale_s=30, vanished_s=60, vanished_polls=2), clock)
    one.keep(names)
    return one, clock


def answer(**states):
    return {name: (Seen(number, name, state),) for number, (name, state) in enumerate(states.items(), 1)}


def test_an_answer_is_good_for_a_while_only():
    one, clock = book("a")
    assert one.fate("a").state is UNKNOWN
    one.absorb(answer(a="RUNNING"), ["a"])
    clock.now = 30
    assert one.fate("a").state is RUNNING
    clock.now = 31
    assert one.fate("a").state is UNKNOWN


def test_what_has_gone_stays_gone():
    one, clock = book("a")
    one.absorb(answer(a="TIMEOUT"), ["a"])
    clock.now = 1000
    one.absorb(answer(a="RUNNING"), ["a"])
    assert one.fate("a").state is GONE
    assert one.fate("a").code is Failure.TIMED_OUT
    assert one.open_names() == ()


def test_missing_is_unknown_until_two_answers_and_a_minute_agree():
    one, clock = book("a")
    one.absorb(answer(a="RUNNING"), ["a"])
    one.absorb({}, ["a"])
    assert one.fate("a").state is UNKNOWN
    clock.now = 59
    one.absorb({}, ["a"])
    assert one.fate("a").state is UNKNOWN
    clock.now = 60
    one.absorb({}, ["a"])
    assert one.fate("a").state is GONE
    assert one.fate("a").code is Failure.NODE_LOST


def test_time_alone_makes_nothing_vanish():
    one, clock = book("a")
    one.absorb(answer(a="RUNNING"), ["a"])
    clock.now = 1000
    one.absorb({}, ["a"])
    assert one.fate("a").state is UNKNOWN


def test_one_that_comes_back_was_never_missing():
    one, clock = book("a")
    one.absorb({}, ["a"])
    clock.now = 50
    one.absorb(answer(a="RUNNING"), ["a"])
    clock.now = 70
    one.absorb({}, ["a"])
    assert one.fate("a").state is UNKNOWN


def test_silence_about_what_was_not_asked_says_nothing():
    one, clock = book("a", "b")
    for clock.now in (0, 100, 200):
        one.absorb({}, ["a"])
    assert one.fate("a").state is GONE
    assert one.missing() == ()
    assert one.fate("b").state is UNKNOWN


def test_the_accounting_ends_what_the_queue_forgot_but_revives_nothing():
    one, _ = book("a", "b", "c")
    one.absorb(answer(c="RUNNING"), ["a", "b", "c"])
    one.absorb_history(answer(a="NODE_FAIL", b="RUNNING", c="COMPLETED"))
    assert one.fate("a").code is Failure.NODE_LOST
    assert one.fate("b").state is UNKNOWN
    assert one.fate("c").state is RUNNING


def test_an_attempt_with_two_jobs_is_gone_when_both_are():
    one, _ = book("a")
    one.absorb({"a": (Seen(1, "a", "RUNNING"), Seen(2, "a", "COMPLETED"))}, ["a"])
    assert one.fate("a").state is RUNNING
    assert one.ids("a") == ("1", "2")
    one.absorb({"a": (Seen(1, "a", "NODE_FAIL"), Seen(2, "a", "COMPLETED"))}, ["a"])
    assert one.fate("a").code is Failure.NODE_LOST


def test_the_liveliest_of_several_decides():
    order = ["RUNNING", "NEVER_HEARD_OF", "PENDING", "RESV_DEL_HOLD", "COMPLETED"]
    for position, word in enumerate(order):
        fates = [fate_of(other) for other in order[position:]]
        assert merged(fates) == merged(reversed(fates)) == fate_of(word)
    assert merged([]).state is UNKNOWN


def test_one_that_is_cancelled_because_it_was_stuck_keeps_the_reason():
    one, _ = book("a")
    one.absorb(answer(a="RESV_DEL_HOLD"), ["a"])
    assert one.stuck() == ("a",)
    one.absorb(answer(a="CANCELLED"), ["a"])
    assert one.fate("a").state is GONE
    assert one.fate("a").code is Failure.BEAMTIME_CLOSED


def test_others_are_forgotten():
    one, _ = book("a", "b")
    one.absorb(answer(a="RUNNING", b="RUNNING"), ["a", "b"])
    one.keep(["b"])
    assert one.fate("a").state is UNKNOWN
    assert one.fate("b").state is RUNNING


def test_a_step_that_began_and_is_missing_is_gone_soon():
    """Also for a daemon that never saw it: its predecessor had started it."""
    one, clock = book("a")
    one.absorb({}, ["a"])
    one.hear(["a"], [])
    clock.now = 9
    one.absorb({}, ["a"])
    assert one.fate("a").state is UNKNOWN
    clock.now = 10
    one.absorb({}, ["a"])
    assert one.fate("a").state is GONE


def test_a_heartbeat_keeps_what_is_missing_alive():
    one, clock = book("a")
    one.absorb({}, ["a"])
    for clock.now in range(0, 300, 5):
        one.hear(["a"], ["a"])
        one.absorb({}, ["a"])
        assert one.fate("a").state is UNKNOWN
    clock.now = 310
    one.absorb({}, ["a"])
    assert one.fate("a").state is GONE
