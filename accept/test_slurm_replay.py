"""A beamtime of 40 datasets played on a real Slurm, while staff, nodes and network misbehave.

Exclusive and shared nodes are played at the same time, each in a process of its own (`slurm_outcome`).
Nothing is lost or doubled, each failure has its own code and words, and nothing is left after the stop.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable

import pytest

from beampace.core.taxonomy import Failure
from tests.support.slurm_lab import GROUP
from tests.support.slurm_outcome import Outcome, read, started
from tests.support.slurm_replay import KILLS
from tools.lab import running

pytestmark = [pytest.mark.xdist_group(GROUP), pytest.mark.timeout(1800)]

SHAPES = ("exclusive", "shared")
PLAY_S = 840.0
FAULTS = ["start", "cancel", "controller", "node", "sshd", "end", "stop"]
REFUSALS = 6
"""Submits that may be refused because of one fault: no storm."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What came of both plays."""
    if reason := running.missing():
        pytest.skip(reason)
    files = {shape: tmp_path_factory.mktemp("replay") / f"{shape}.json" for shape in SHAPES}
    codes = ended({shape: started(shape, file) for shape, file in files.items()})
    # A fault that could not be injected ends its play, which says nothing of the daemon: once more then.
    again = [shape for shape, code in codes.items() if code]
    assert set(ended({shape: started(shape, files[shape]) for shape in again}).values()) <= {0}
    found = {shape: read(file) for shape, file in files.items()}
    for shape, outcome in found.items():
        print(f"\n{shape}: {outcome.seconds:.0f} s\n{outcome.table}")
    return found


def ended(plays: dict[str, subprocess.Popen[bytes]]) -> dict[str, int]:
    """Exit codes of the plays; none goes on afterwards."""
    try:
        return {shape: play.wait(PLAY_S) for shape, play in plays.items()}
    finally:
        for play in plays.values():
            play.terminate()
            play.wait()


@pytest.fixture(params=SHAPES)
def outcome(request: pytest.FixtureRequest, outcomes: dict[str, Outcome]) -> Outcome:
    return outcomes[request.param]


def test_nothing_is_lost_doubled_or_misplaced(outcome: Outcome) -> None:
    assert outcome.violations == []


def test_every_fault_was_injected_and_met_work_of_ours(outcome: Outcome) -> None:
    assert list(outcome.strikes) == FAULTS
    assert outcome.skipped == []
    assert sum(words.startswith("daemon") for words in outcome.injected) == len(KILLS)
    for strike in outcome.strikes.values():
        assert strike["running"], strike
        assert set(strike["running"]) <= outcome.attempts.keys()
    for fault in ("start", "end", "stop"):
        assert outcome.strikes[fault]["waiting"], fault
    assert len(set(outcome.strikes["cancel"]["running"])) == 5


def test_each_failure_has_its_own_code_and_words(outcome: Outcome) -> None:
    """What was met by a fault says so; where nobody can know, it says that."""
    for fault, code, words in (
        ("cancel", Failure.PREEMPTED, "cancelled|nobody says by whom"),
        ("node", Failure.NODE_LOST, "node failed"),
        ("end", Failure.PREEMPTED, "reservation"),
        ("stop", Failure.BEAMTIME_CLOSED, "beamtime ended"),
    ):
        for attempt in outcome.strikes[fault]["running"]:
            found = outcome.attempts[attempt]
            assert found[0] == code, (fault, attempt, found)
            assert re.search(words, found[1]), (fault, attempt, found)
    found = {code for code, words in outcome.attempts.values() if words}
    wanted = {Failure.OUT_OF_MEMORY, Failure.TIMED_OUT, Failure.NODE_LOST, Failure.PREEMPTED}
    # Masters are renamed during the play: work that meets one in that moment finds no dataset and is tried
    # again under the new name; that nothing is lost by it is asserted above.
    chance = {Failure.REJECTED_BY_QUEUE, Failure.NOT_A_DATASET}
    assert found - chance == {*wanted, Failure.BEAMTIME_CLOSED}


def test_what_runs_elsewhere_goes_on(outcome: Outcome) -> None:
    """A restart of the controller and a gateway that is away end nothing."""
    for attempt in outcome.strikes["sshd"]["running"]:
        assert outcome.attempts[attempt][0] == "finished"


def test_with_its_jobs_a_reservation_changes_its_name_unnoticed(outcomes: dict[str, Outcome]) -> None:
    start = outcomes["exclusive"].strikes["start"]["running"]
    assert codes_of(outcomes["exclusive"], start) == {"finished"}
    start = outcomes["shared"].strikes["start"]["running"]
    assert codes_of(outcomes["shared"], start) == {Failure.PREEMPTED}  # they were cancelled with the old one


def codes_of(outcome: Outcome, attempts: Iterable[str]) -> set[str]:
    return {outcome.attempts[attempt][0] for attempt in attempts}


def test_limits_are_raised_and_what_always_exceeds_them_is_given_up(outcome: Outcome) -> None:
    memory, time = Failure.OUT_OF_MEMORY.value, Failure.TIMED_OUT.value
    assert outcome.tasks["greedy"] == [[memory, "finished", "finished"]]
    assert outcome.tasks["late once"] == [[time, "finished", "finished"]]
    assert outcome.tasks["hog"] == [[memory] * 4]
    assert outcome.tasks["late"] == [[time] * 4]


def test_a_refusing_queue_is_not_stormed(outcome: Outcome) -> None:
    for strike in outcome.strikes.values():
        assert strike["refused"] <= REFUSALS, strike
    rejected = [code for code, _ in outcome.attempts.values() if code == Failure.REJECTED_BY_QUEUE]
    assert len(rejected) <= 2 * REFUSALS


def test_after_the_stop_nothing_is_left_and_nothing_submitted(outcome: Outcome) -> None:
    assert outcome.tasks["last"], "no work was under way"
    assert {codes[-1] for codes in outcome.tasks["last"]} == {Failure.BEAMTIME_CLOSED}
    assert {code for codes in outcome.tasks["last"] for code in codes} == {Failure.BEAMTIME_CLOSED}
    assert outcome.jobs_left == {}
    assert outcome.processes_left == []
    assert outcome.submits[0] == outcome.submits[1]
