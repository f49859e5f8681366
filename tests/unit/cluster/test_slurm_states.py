"""Every word of Slurm has a meaning, and an unknown one has none."""

import pytest

from beampace.cluster.slurm.states import SHORT, STATES, fate_of
from beampace.core.job import ClusterState
from beampace.core.taxonomy import Failure

QUEUED, RUNNING, GONE = ClusterState.QUEUED, ClusterState.RUNNING, ClusterState.GONE

# squeue(1), "JOB STATE CODES", of 22.05, and what 23.02 to 25.05 added; written down apart from the table.
MANUAL = {
    ("BOOT_FAIL", "BF"): (GONE, Failure.NODE_LOST),
    ("CANCELLED", "CA"): (GONE, Failure.CANCELLED),
    ("COMPLETED", "CD"): (GONE, None),
    ("CONFIGURING", "CF"): (QUEUED, None),
    ("COMPLETING", "CG"): (RUNNING, None),
    ("DEADLINE", "DL"): (GONE, Failure.TIMED_OUT),
    ("FAILED", "F"): (GONE, Failure.ENGINE_FAILED),
    ("NODE_FAIL", "NF"): (GONE, Failure.NODE_LOST),
    ("OUT_OF_MEMORY", "OOM"): (GONE, Failure.OUT_OF_MEMORY),
    ("PENDING", "PD"): (QUEUED, None),
    ("PREEMPTED", "PR"): (GONE, Failure.PREEMPTED),
    ("RUNNING", "R"): (RUNNING, None),
    ("RESV_DEL_HOLD", "RD"): (QUEUED, Failure.BEAMTIME_CLOSED),
    ("REQUEUE_FED", "RF"): (QUEUED, None),
    ("REQUEUE_HOLD", "RH"): (QUEUED, Failure.NODE_LOST),
    ("REQUEUED", "RQ"): (QUEUED, None),
    ("RESIZING", "RS"): (RUNNING, None),
    ("REVOKED", "RV"): (GONE, Failure.PREEMPTED),
    ("SIGNALING", "SI"): (RUNNING, None),
    ("SPECIAL_EXIT", "SE"): (QUEUED, Failure.ENGINE_FAILED),
    ("STAGE_OUT", "SO"): (RUNNING, None),
    ("STOPPED", "ST"): (RUNNING, None),
    ("SUSPENDED", "S"): (RUNNING, None),
    ("TIMEOUT", "TO"): (GONE, Failure.TIMED_OUT),
    ("EXPEDITING", "EX"): (QUEUED, None),
    ("LAUNCH_FAILED", "LF"): (GONE, Failure.NODE_LOST),
    ("RECONFIG_FAIL", "RE"): (GONE, Failure.NODE_LOST),
    ("POWER_UP_NODE", "PO"): (QUEUED, None),
    ("UPDATE_DB", "UD"): (GONE, None),
}


@pytest.mark.parametrize("names", MANUAL, ids=lambda names: names[0])
def test_every_state_of_the_manual_in_both_spellings(names):
    for word in names:
        fate = fate_of(word)
        assert (fate.state, fate.code) == MANUAL[names]


def test_the_tables_hold_what_the_manual_holds_and_nothing_else():
    assert set(STATES) == {long for long, _ in MANUAL}
    assert {short: long for long, short in MANUAL} == SHORT


def test_what_ended_with_a_failure_or_is_stuck_says_why_in_words():
    for name, fate in STATES.items():
        assert fate.state is not ClusterState.UNKNOWN, name
        assert not (fate.code or fate.stuck) or fate.words.endswith("."), name
        assert not fate.stuck or (fate.code is not None and fate.state is QUEUED), name


@pytest.mark.parametrize("word", ["CANCELLED by 1004", "CANCELLED+", "cancelled", " CA "])
def test_spellings_of_sacct(word):
    assert fate_of(word).code is Failure.CANCELLED


@pytest.mark.parametrize("word", ["", "SOMETHING_NEW", "RUNNING_LATER", "0", "None", "COMPLETE\x00D"])
def test_an_unknown_word_says_nothing(word):
    fate = fate_of(word)
    assert fate.state is ClusterState.UNKNOWN
    assert fate.code is None
    assert not fate.stuck


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Reservation bt04 was deleted", Failure.BEAMTIME_CLOSED),
        ("ReservationDeleted", Failure.BEAMTIME_CLOSED),
        ("launch failed requeued held", Failure.NODE_LOST),
        ("launch_failed_requeued_held", Failure.NODE_LOST),
        ("DependencyNeverSatisfied", Failure.REJECTED_BY_QUEUE),
        ("(BadConstraints)", Failure.REJECTED_BY_QUEUE),
    ],
)
def test_reasons_for_which_a_job_never_starts(reason, code):
    fate = fate_of("PENDING", reason)
    assert fate.stuck
    assert (fate.state, fate.code) == (QUEUED, code)
    assert fate.words.endswith(".")


@pytest.mark.parametrize("reason", ["Resources", "Priority", "Reservation", "JobHeldAdmin", "Somethingnew"])
def test_reasons_that_pass(reason):
    fate = fate_of("PD", reason)
    assert fate.state is QUEUED
    assert not fate.stuck
    assert fate.words.endswith(".")


def test_a_reason_of_a_job_that_runs_says_nothing():
    assert fate_of("RUNNING", "Reservation bt04 was deleted") == STATES["RUNNING"]
