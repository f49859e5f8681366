"""Jobs and attempts: their states, and what evidence moves them.

A *job* is one piece of work as given to a cluster, an *attempt* one execution of it. States only move
forward. The evidence ladder: `result.json` > exit-code file > the cluster's word; missing evidence is
*unknown*, never success and never failure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from beampace.core.taxonomy import TAXONOMY, Exit, Failure


class JobState(IntEnum):
    """States of a job in their order."""

    WAITING = 0
    """Planned; no attempt was started."""
    ACTIVE = 1
    """An attempt was started; also between two attempts."""
    ENDED = 2
    """It has a result, or nothing more is tried; `code` says which."""


class AttemptState(IntEnum):
    """States of an attempt in their order."""

    CLAIMED = 0
    """Written down before the cluster was asked: it may or may not have the job."""
    SUBMITTED = 1
    RUNNING = 2
    ENDED = 3


class ClusterState(StrEnum):
    """What a cluster says about a job of its own."""

    QUEUED = "queued"
    RUNNING = "running"
    GONE = "gone"
    """The cluster knows for certain that nothing of it runs any more."""
    UNKNOWN = "unknown"
    """It cannot say; nothing follows from it."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a job may use: cores, memory in MB, wall time in seconds."""

    cores: int = 1
    memory_mb: int = 2000
    time_s: int = 3600


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """The exit-code file of an attempt, written by its launcher.

    Attributes:
        exit: exit code of the program, or None when a signal ended it.
        signal: the signal that ended it, or None.
        reason: why the launcher ended it: `out_of_memory`, `timed_out`, `cancelled`, or "".
        seconds, cpu_s: wall and processor time.
        max_rss_mb: largest resident memory of its tree.
        cores: cores it was given.
    """

    exit: int | None = None
    signal: int | None = None
    reason: str = ""
    seconds: float = 0.0
    cpu_s: float = 0.0
    max_rss_mb: float = 0.0
    cores: int = 1


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an attempt is gone, in the words of the cluster.

    Attributes:
        code: of the taxonomy; None when the cluster has no fault to name.
        words: plain words.
    """

    code: Failure | None
    words: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about an attempt at one moment.

    Attributes:
        result_code: verdict code of a valid `result.json`, or None while there is none.
        exit: the exit-code file, or None.
        cluster: what the cluster says.
        ending: why it is gone as the cluster has it, or None.
        gone_for_s: seconds for which the cluster has said GONE, by the observer's own clock.
        beamtime_open: whether the beamtime of the job still lasts.
    """

    result_code: str | None = None
    exit: ExitRecord | None = None
    cluster: ClusterState = ClusterState.UNKNOWN
    ending: Ending | None = None
    gone_for_s: float = 0.0
    beamtime_open: bool = True


@dataclass(frozen=True, slots=True)
class Next:
    """Where an attempt stands now.

    Attributes:
        state: of the attempt; never before the one it had.
        code: a success code or a code of the taxonomy when it ended, else "".
        detail: particulars of a failure.
        has_result: whether it ended with a `result.json`.
    """

    state: AttemptState
    code: str = ""
    detail: str = ""
    has_result: bool = False


FILE_GRACE_S = 3.0
"""Seconds that files may lag behind the cluster's word that a job has gone."""


def next_state(now: AttemptState, evidence: Evidence, grace_s: float = FILE_GRACE_S) -> Next:
    """The evidence ladder as a pure function.

    Args:
        now: state of the attempt so far.
        evidence: what is known.
        grace_s: seconds without result and exit code after which a job that has gone is lost.
    """
    if now is AttemptState.ENDED:
        return Next(now)
    if evidence.result_code is not None:
        return Next(AttemptState.ENDED, evidence.result_code, has_result=True)
    if evidence.exit is not None and evidence.gone_for_s >= grace_s:
        return Next(AttemptState.ENDED, *_why(evidence.exit))
    if evidence.cluster is ClusterState.GONE and evidence.gone_for_s >= grace_s:
        return Next(AttemptState.ENDED, *_gone(evidence))
    if evidence.cluster is ClusterState.RUNNING:
        return Next(max(now, AttemptState.RUNNING))
    if evidence.cluster is ClusterState.QUEUED:
        return Next(max(now, AttemptState.SUBMITTED))
    return Next(now)


def _gone(evidence: Evidence) -> tuple[str, str]:
    """Code and detail of an attempt that left neither result nor exit code: the cluster knows best."""
    if not evidence.beamtime_open:
        return Failure.BEAMTIME_CLOSED, "It is gone and left neither a result nor an exit code."
    if evidence.ending is not None and evidence.ending.code is not None:
        return evidence.ending.code, evidence.ending.words
    return Failure.NODE_LOST, "It is gone and left neither a result nor an exit code."


def _why(record: ExitRecord) -> tuple[str, str]:
    """Code and detail of an attempt that left an exit code and no result."""
    if record.reason in Failure.__members__.values():
        return record.reason, f"after {record.seconds:.0f} s, {record.max_rss_mb:.0f} MB."
    if record.signal is not None:
        return Failure.NODE_LOST, f"A signal ({record.signal}) from outside ended it."
    if record.exit == Exit.CANCELLED:
        return Failure.CANCELLED, ""
    return Failure.ENGINE_FAILED, f"It ended with exit code {record.exit} and wrote no result."


MAX_ATTEMPTS = 3

_AGAIN = frozenset(
    {
        Failure.NODE_LOST,
        Failure.ENGINE_FAILED,
        Failure.OUT_OF_MEMORY,
        Failure.TIMED_OUT,
        Failure.DISK_FULL,
        Failure.NOT_WRITABLE,
        Failure.REJECTED_BY_QUEUE,
        Failure.PREEMPTED,
    }
)


def tried_again(code: str, attempts: int, most: int = MAX_ATTEMPTS) -> bool:
    """Whether a job whose attempt ended in `code` gets another one.

    Only endings of the infrastructure are tried again: science that failed would fail again, and a missing
    program or licence needs a person.
    """
    return attempts < most and code in _AGAIN


def exit_of(code: str) -> Exit:
    """How work with this verdict code ends: RESULT for success codes, else the taxonomy's exit."""
    return TAXONOMY[Failure(code)].exit if code in Failure.__members__.values() else Exit.RESULT


def job_key(dataset: str, generation: int, work: str, engine: str, options: Mapping[str, Any]) -> str:
    """The opaque key of a planned work: the same work planned twice has the same key.

    Args:
        dataset: identity of the dataset, with its beamtime.
        generation: how often the dataset grew after it seemed finished.
        work: what is done.
        engine: by which engine; "" where there is none.
        options: what was asked for.
    """
    text = json.dumps([dataset, generation, work, engine, dict(options)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
