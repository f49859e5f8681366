"""What attempts cost by Slurm's own figures: from which source, when it counts, when it is asked for."""

import itertools

import pytest

from beampace.cluster.slurm import charges as module
from beampace.cluster.slurm.charges import LAG_S, LONGEST_S, PAUSE_S, Charges, cost_of
from beampace.cluster.slurm.squeue import Seen

HELD = "bph-0123456789abcdef"


def job(name="bp-a-1", state="COMPLETED", used_s=10, cpus=4, number=12, step=""):
    return Seen(number, name, state, step=step, used_s=used_s, cpus=cpus)


def native(name="bp-a-1", number=12):
    return f"slurm:bttest04:{number}:{name}"


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def charges(clock):
    return Charges(clock)


def test_a_job_that_ended_costs_its_cpus_times_its_seconds(charges):
    charges.absorb({"bp-a-1": (job(),)})
    assert charges.of([native()]) == {native(): 40.0}


@pytest.mark.parametrize("state", ["RUNNING", "COMPLETING", "PENDING", "SUSPENDED", "A_WORD_OF_2031"])
def test_one_that_may_go_on_is_not_charged_yet(charges, state):
    charges.absorb({"bp-a-1": (job(state=state),)})
    charges.absorb_history({"bp-a-1": (job(state=state),)})  # an accounting that lags says so
    assert charges.of([native()]) == {}
    charges.absorb_history({"bp-a-1": (job(state="CANCELLED by 1001"),)})
    assert charges.of([native()]) == {native(): 40.0}


def test_one_that_never_began_costs_nothing(charges):
    charges.absorb({"bp-a-1": (job(state="CANCELLED", used_s=0, cpus=3),)})
    assert charges.of([native()]) == {native(): 0.0}


@pytest.mark.parametrize("unknown", [{"used_s": None}, {"cpus": None}])
def test_without_a_figure_there_is_no_charge(charges, unknown):
    charges.absorb({"bp-a-1": (job(**unknown),)})
    charges.absorb_history({"bp-a-1": (job(), job(**unknown, number=13))})
    assert charges.of([native()]) == {}


def test_all_jobs_and_lives_of_an_attempt_count():
    lives = (job(state="NODE_FAIL", used_s=5), job(used_s=10), job(number=13, used_s=1))
    assert cost_of(lives) == 4 * 16
    assert cost_of((*lives, job(state="RUNNING", number=14))) is None
    assert cost_of(()) is None


def test_a_source_that_has_forgotten_a_part_takes_nothing_back(charges):
    charges.absorb({"bp-a-1": (job(), job(number=13, used_s=1))})
    charges.absorb({"bp-a-1": (job(number=13, used_s=1),)})
    assert charges.of([native()]) == {native(): 44.0}


def test_a_step_is_charged_by_the_accounting_only(charges):
    charges.absorb({HELD: (job(HELD, "RUNNING"),), "bp-a-1": (job(state="RUNNING", step="0"),)})
    charges.absorb({HELD: (job(HELD, "CANCELLED", used_s=900),)})
    assert charges.of([native(number=0)]) == {}
    charges.absorb_history({"bp-a-1": (job(step="0", cpus=2, used_s=7),)})
    assert charges.of([native(number=0)]) == {native(number=0): 14.0}
    assert charges.of([native(HELD)]) == {}  # a node that is held and idles is nobody's


def test_only_ids_of_slurm_are_known(charges):
    charges.absorb({"bp-a-1": (job(),)})
    assert charges.of(["local:12", "slurm:x", native("bp-b-1"), native()]) == {native(): 40.0}


def test_what_the_queue_does_not_say_is_asked_for_after_a_while(charges, clock):
    charges.absorb({"bp-a-1": (job(),)})
    assert not charges.due
    charges.of([native(), native("bp-b-1", 13)])
    clock.now += LAG_S - 1
    charges.of([native(), native("bp-b-1", 13)])  # it is wanted since the first call
    assert not charges.due
    assert charges.to_ask() == set()
    clock.now += 1
    assert charges.due
    assert charges.to_ask() == {"bp-b-1"}
    assert not charges.due
    assert charges.to_ask() == set()
    charges.absorb_history({"bp-b-1": (job("bp-b-1", number=13),)})
    clock.now += LONGEST_S
    assert not charges.due


def test_what_is_not_wanted_any_more_is_not_asked_for(charges, clock):
    charges.of([native(), native("bp-b-1")])
    clock.now += LAG_S
    charges.of([native("bp-b-1")])
    assert charges.to_ask() == {"bp-b-1"}


def test_steps_are_asked_for_by_the_name_of_their_allocation(charges, clock):
    charges.absorb({HELD: (job(HELD, "RUNNING"),)})
    charges.of([native("bp-a-1", 12)])
    clock.now += LAG_S
    assert charges.to_ask() == {"bp-a-1"}
    charges.absorb({})  # the allocation is gone by now
    charges.of([native("bp-b-1", 0)])
    clock.now += LAG_S + PAUSE_S
    assert charges.to_ask() == {"bp-b-1", HELD}


def test_while_nothing_is_learnt_the_questions_become_rare(charges, clock):
    charges.of([native(number=0)])
    clock.now += LAG_S
    asked = []
    while clock.now < 100.0 + 3600:
        if charges.to_ask():
            asked.append(clock.now)
        charges.absorb_history({})
        clock.now += 1
    pauses = [after - before for before, after in itertools.pairwise(asked)]
    assert pauses[0] == 2 * PAUSE_S
    assert pauses[-1] == LONGEST_S
    assert len(asked) < 20
    charges.of([native("bp-b-1")])
    clock.now += LONGEST_S
    assert charges.to_ask() == {"bp-b-1"}
    charges.absorb_history({"bp-b-1": (job("bp-b-1"),)})
    charges.of([native("bp-c-1")])
    clock.now += PAUSE_S  # something was learnt: it is worth asking again
    assert charges.to_ask() == {"bp-c-1"}


def test_a_question_that_was_not_answered_is_asked_again(charges, clock):
    charges.of([native()])
    clock.now += LAG_S
    assert charges.to_ask() == {"bp-a-1"}
    clock.now += PAUSE_S
    assert charges.to_ask() == {"bp-a-1"}


def test_of_many_all_have_their_turn(charges, clock, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 4)
    wanted = [native(f"bp-{number}-1") for number in range(10)]
    charges.of(wanted)
    asked = set()
    for _ in range(3):
        clock.now += LONGEST_S
        now = charges.to_ask()
        assert len(now) <= 4
        asked |= now
        charges.of(wanted)
    assert len(asked) == 10


def test_memory_is_bounded(charges, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 5)
    names = [f"bp-{number}-1" for number in range(8)]
    for name in names:
        charges.absorb({"bp-0-1": (job("bp-0-1"),), name: (job(name),)})
    assert [len(charges.of([native(name)])) for name in names] == [1, 0, 0, 0, 1, 1, 1, 1]
    charges.of([native(f"bp-w-{number}") for number in range(50)])
    assert len(charges._wanted) == 5
    for number in range(50):
        charges.absorb({f"bph-{number}": (job(f"bph-{number}", "RUNNING"),)})
    assert len(charges._held) == module.HELD_NAMES
