"""Why `sbatch` took no job, in words that help; and when it cannot be said whether it did."""

from __future__ import annotations

import re

from beampace.cluster.slurm.transport import Completed
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure

_ASK_SITE = "Ask the staff of the cluster, and correct [cluster.slurm] in the configuration."

_UNCLEAR = re.compile(
    r"Socket timed out|Zero Bytes were transmitted|Unable to contact slurm controller"
    r"|Unexpected message received|Connection (?:refused|reset|timed out)|Insane message length"
    r"|Communication (?:connection )?failure|Message (?:send|receive) failure"
    r"|Slurm backup controller in standby|slurmctld.*(?:not respond|unavailable)",
    re.I,
)
"""What `sbatch` says when the controller could not be asked: it may have taken the job all the same."""

RESERVATION = re.compile(
    r"Requested reservation is invalid|Access denied to requested reservation"
    r"|Requested reservation not usable now|Problem using reservation|reservation .*(?:deleted|expired)",
    re.I,
)

_REFUSALS: tuple[tuple[re.Pattern[str], Failure, str, str], ...] = (
    (
        RESERVATION,
        Failure.REJECTED_BY_QUEUE,
        "The reservation is not, or not any more, open to the account",
        "It is tried again with the reservation that the metadata then name; if that does not help, have "
        "the online resources of the beamtime checked.",
    ),
    (
        re.compile(r"Invalid partition|partition .*(?:not available|inactive|drain)", re.I),
        Failure.REJECTED_BY_QUEUE,
        "The partition does not exist, or takes no jobs now",
        _ASK_SITE,
    ),
    (
        re.compile(
            r"Invalid account|account/partition combination|Invalid (?:user|group) id|not permitted", re.I
        ),
        Failure.REJECTED_BY_QUEUE,
        "The account may not submit there",
        _ASK_SITE,
    ),
    (
        re.compile(r"Invalid qos|QOS", re.I),
        Failure.REJECTED_BY_QUEUE,
        "A rule (QOS) of the queue forbids it",
        _ASK_SITE,
    ),
    (
        re.compile(r"time limit", re.I),
        Failure.REJECTED_BY_QUEUE,
        "It asks for more time than the partition allows",
        "Lower `most_time_s` in [cluster.slurm].",
    ),
    (
        re.compile(
            r"node configuration is not available|Node count|More processors|CPU count"
            r"|Memory (?:required|specification)|nodes? .*not available",
            re.I,
        ),
        Failure.REJECTED_BY_QUEUE,
        "No node is large enough, or none is left",
        "Lower cores and memory in [cluster], or check the nodes of the reservation.",
    ),
    (
        re.compile(r"too many jobs|MaxJobCount|MaxSubmitJobs|job limit|temporarily unable to accept", re.I),
        Failure.REJECTED_BY_QUEUE,
        "The queue is full",
        "It is tried again by itself.",
    ),
    (
        re.compile(r"No space left|I/O error writing", re.I),
        Failure.DISK_FULL,
        "The disk of the queue is full",
        _ASK_SITE,
    ),
    (
        re.compile(r"credential|authentication|munge", re.I),
        Failure.REJECTED_BY_QUEUE,
        "The queue does not trust the machine from which it was asked",
        _ASK_SITE,
    ),
    (
        re.compile(r"(?:command )?not found|No such file or directory", re.I),
        Failure.REJECTED_BY_QUEUE,
        "Slurm's programs were not found",
        "Set `programs` in [cluster.slurm] to the directory that holds sbatch on the gateway.",
    ),
)


def refusal(done: Completed) -> InfrastructureError:
    """The error for an `sbatch` that gave no job number.

    Codes rejected_by_queue and disk_full mean that nothing was submitted; node_lost that this is not known.
    """
    said = last_words(done)
    if _UNCLEAR.search(said) or not _answered(done):
        return InfrastructureError(
            Failure.NODE_LOST, f"It is not known whether the queue took the job: {said}"
        )
    for pattern, code, words, hint in _REFUSALS:
        if pattern.search(said):
            return InfrastructureError(code, f"{words}: {said}", hint)
    return InfrastructureError(Failure.REJECTED_BY_QUEUE, said, _ASK_SITE)


def is_reservation(done: Completed) -> bool:
    """Whether it was refused because of its reservation."""
    return done.exit != 0 and RESERVATION.search(done.stderr) is not None


def last_words(done: Completed) -> str:
    """What a command said last, in one short line that can be shown."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    text = " ".join(lines[-2:]) if lines else f"nothing (exit code {done.exit})"
    return "".join(char if char.isprintable() else "?" for char in text)[:400]


def _answered(done: Completed) -> bool:
    """Whether the program itself, or the shell that did not find it, said why."""
    return 0 < done.exit < 128 and bool(done.stderr.strip())
