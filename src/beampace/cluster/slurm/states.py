"""What each word of Slurm means for an attempt: one total table of states, one of reasons to wait.

Long and short names of base states and flags as `squeue`, `sacct` and the job-completion log print them
(https://slurm.schedmd.com/squeue.html, "JOB STATE CODES", and sacct's). A word that is not in the table means
`UNKNOWN`: nothing follows from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from beampace.core.job import ClusterState
from beampace.core.taxonomy import Failure


@dataclass(frozen=True, slots=True)
class Fate:
    """How an attempt fares.

    Attributes:
        state: as the cluster protocol has it.
        code: why it ended, or why it will never start; None while that is not known or it did not fail.
        words: plain words for people.
        stuck: whether it will never start or end by itself, so that it has to be cancelled.
    """

    state: ClusterState
    code: Failure | None = None
    words: str = ""
    stuck: bool = False


_QUEUED, _RUNNING, _GONE = ClusterState.QUEUED, ClusterState.RUNNING, ClusterState.GONE
_CANCELLED = "It was cancelled in the queue."
_TIMED_OUT = "The queue ended it at its time limit, or at the end of the reservation."
_NODE_FAIL = "Its node failed."
_MEMORY = "The queue ended it because it used more memory than it had asked for."
_RESERVATION = "Its reservation was deleted; it would never start."

STATES: dict[str, Fate] = {
    "BOOT_FAIL": Fate(_GONE, Failure.NODE_LOST, "Its node did not boot."),
    "CANCELLED": Fate(_GONE, Failure.CANCELLED, _CANCELLED),
    "COMPLETED": Fate(_GONE),
    "COMPLETING": Fate(_RUNNING, words="It is being cleared away."),
    "CONFIGURING": Fate(_QUEUED, words="Its node is being made ready."),
    "DEADLINE": Fate(_GONE, Failure.TIMED_OUT, "The queue ended it at its deadline."),
    "EXPEDITING": Fate(_QUEUED),
    "FAILED": Fate(_GONE, Failure.ENGINE_FAILED, "Its launcher could not be run on the node."),
    "LAUNCH_FAILED": Fate(_GONE, Failure.NODE_LOST, "Its node could not start it."),
    "NODE_FAIL": Fate(_GONE, Failure.NODE_LOST, _NODE_FAIL),
    "OUT_OF_MEMORY": Fate(_GONE, Failure.OUT_OF_MEMORY, _MEMORY),
    "PENDING": Fate(_QUEUED),
    "POWER_UP_NODE": Fate(_QUEUED, words="Its node is being switched on."),
    "PREEMPTED": Fate(_GONE, Failure.PREEMPTED, "The queue gave its place to other work."),
    "RECONFIG_FAIL": Fate(_GONE, Failure.NODE_LOST, "Its node could not be made ready."),
    "REQUEUED": Fate(_QUEUED, words="The queue put it back in line."),
    "REQUEUE_FED": Fate(_QUEUED, words="The queue put it back in line."),
    "REQUEUE_HOLD": Fate(_QUEUED, Failure.NODE_LOST, "The queue put it back and holds it.", stuck=True),
    "RESIZING": Fate(_RUNNING),
    "RESV_DEL_HOLD": Fate(_QUEUED, Failure.BEAMTIME_CLOSED, _RESERVATION, stuck=True),
    "REVOKED": Fate(_GONE, Failure.PREEMPTED, "Another cluster took it."),
    "RUNNING": Fate(_RUNNING),
    "SIGNALING": Fate(_RUNNING),
    "SPECIAL_EXIT": Fate(_QUEUED, Failure.ENGINE_FAILED, "The queue put it back and holds it.", stuck=True),
    "STAGE_OUT": Fate(_RUNNING, words="The queue is fetching its files."),
    "STOPPED": Fate(_RUNNING, words="It is stopped, and keeps its cores."),
    "SUSPENDED": Fate(_RUNNING, words="It is suspended."),
    "TIMEOUT": Fate(_GONE, Failure.TIMED_OUT, _TIMED_OUT),
    "UPDATE_DB": Fate(_GONE),
}

SHORT: dict[str, str] = {
    "BF": "BOOT_FAIL",
    "CA": "CANCELLED",
    "CD": "COMPLETED",
    "CF": "CONFIGURING",
    "CG": "COMPLETING",
    "DL": "DEADLINE",
    "EX": "EXPEDITING",
    "F": "FAILED",
    "LF": "LAUNCH_FAILED",
    "NF": "NODE_FAIL",
    "OOM": "OUT_OF_MEMORY",
    "PD": "PENDING",
    "PO": "POWER_UP_NODE",
    "PR": "PREEMPTED",
    "R": "RUNNING",
    "RD": "RESV_DEL_HOLD",
    "RE": "RECONFIG_FAIL",
    "RF": "REQUEUE_FED",
    "RH": "REQUEUE_HOLD",
    "RQ": "REQUEUED",
    "RS": "RESIZING",
    "RV": "REVOKED",
    "S": "SUSPENDED",
    "SE": "SPECIAL_EXIT",
    "SI": "SIGNALING",
    "SO": "STAGE_OUT",
    "ST": "STOPPED",
    "TO": "TIMEOUT",
    "UD": "UPDATE_DB",
}

_NEVER: tuple[tuple[re.Pattern[str], Failure, str], ...] = (
    (
        re.compile(r"reservation\b.*\bdeleted|^ReservationDeleted$", re.I),
        Failure.BEAMTIME_CLOSED,
        _RESERVATION,
    ),
    (
        re.compile(r"^launch[ _]failed[ _]requeued[ _]held$", re.I),
        Failure.NODE_LOST,
        "Its node could not start it, and the queue holds it.",
    ),
    (
        re.compile(
            r"^(DependencyNeverSatisfied|BadConstraints|InvalidAccount|InvalidQOS|PartitionTimeLimit)$", re.I
        ),
        Failure.REJECTED_BY_QUEUE,
        "It would never start",
    ),
)

_WAITS: dict[str, str] = {
    "Resources": "It waits for free nodes.",
    "Priority": "It waits behind other jobs.",
    "Reservation": "It waits for the reservation to begin.",
    "JobHeldAdmin": "The staff of the cluster hold it.",
    "JobHeldUser": "Somebody with the account of the beamtime holds it.",
    "BeginTime": "The queue starts it a little later.",
    "Licenses": "It waits for a licence that the queue counts.",
}


def fate_of(word: str, reason: str = "") -> Fate:
    """What a state, with the queue's reason to wait, means.

    Args:
        word: a state as any program of Slurm prints it: long or short, with `+` at the end where it was cut,
            with `by <uid>` after it.
        reason: the reason as `squeue` prints it, or "".
    """
    name = _name(word)
    fate = STATES.get(name)
    if fate is None:
        return Fate(ClusterState.UNKNOWN, words=f"The queue says {word[:40]!r}, which is not known here.")
    if fate.state is not ClusterState.QUEUED or fate.stuck:
        return fate
    return _waiting(fate, reason)


def _name(word: str) -> str:
    first = word.strip().split(" ", 1)[0].rstrip("+").upper()
    return SHORT.get(first, first)


def _waiting(fate: Fate, reason: str) -> Fate:
    """A queued attempt with the reason why it waits."""
    plain = reason.strip().strip("()")
    for pattern, code, words in _NEVER:
        if pattern.search(plain):
            told = words if words.endswith(".") else f"{words} ({plain})."
            return Fate(ClusterState.QUEUED, code, told, stuck=True)
    if plain in ("", "None"):
        return fate
    return Fate(fate.state, words=_WAITS.get(plain, f"The queue's reason to wait: {plain[:200]}."))
