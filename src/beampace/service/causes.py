"""The true cause of an ending, in words: a program that is told to stop only knows that it was cancelled."""

from __future__ import annotations

from dataclasses import dataclass, replace

from beampace.core.job import Ending, ExitRecord, Next, exit_of
from beampace.core.taxonomy import TAXONOMY, Exit, Failure
from beampace.store import NewResult

LIMITS = frozenset({Failure.OUT_OF_MEMORY, Failure.TIMED_OUT})

_ENDED_THERE = frozenset(
    {Failure.CANCELLED, Failure.TIMED_OUT, Failure.PREEMPTED, Failure.NODE_LOST, Failure.OUT_OF_MEMORY}
)
"""By the cluster, and not by the work itself."""

_OPENED_AGAIN = "Its beamtime had stopped and was opened again."
_CLOSED = "The beamtime ended while it was under way."
_NOBODY_KNOWS = "It was ended from outside, and nobody says by whom."
_BEFORE_ITS_TIME = "The queue ended it before its own time was up, as it does at the end of a reservation."
_FOREIGN = "Somebody else cancelled it in the queue."


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known besides the evidence.

    Attributes:
        record: the exit-code file, or None.
        said: the code the job itself left, or "": it knows why it could not write a result.
        words: of the verdict of its result, or "".
        ending: why it is gone as the cluster has it, or None.
        closing: whether the work of its beamtime is being ended.
        wanted: whether a user wanted it cancelled.
        memory_mb, time_s: what it was given.
    """

    record: ExitRecord | None = None
    said: str = ""
    words: str = ""
    ending: Ending | None = None
    closing: bool = False
    wanted: bool = False
    memory_mb: int = 0
    time_s: int = 0

    @property
    def reason(self) -> str:
        """Why the launcher ended it, or ""."""
        return self.record.reason if self.record is not None else ""


def named(step: Next, known: Circumstances) -> Next:
    """The ending with its true cause.

    Args:
        step: as the evidence has it.
        known: what is known besides.
    """
    if step.code == Failure.ENGINE_FAILED and not step.has_result and known.said:
        step = replace(step, code=known.said)
    if known.reason in LIMITS and step.code in {known.reason, Failure.CANCELLED, Failure.ENGINE_FAILED}:
        return replace(step, code=known.reason, detail=_limit(known))
    if stopped(step, known):
        return _by_whom(step, known)
    if step.code in Failure.__members__.values() and not step.detail:
        return replace(step, detail=known.words)
    return step


def stopped(step: Next, known: Circumstances) -> bool:
    """Whether somebody ended it; a program that dies of a signal to all of it looks like one that failed."""
    if step.code == Failure.ENGINE_FAILED:
        queue = known.ending is not None and known.ending.code in _ENDED_THERE
        return known.closing or queue or known.reason == Failure.CANCELLED
    return step.code == Failure.BEAMTIME_CLOSED or (
        step.code in Failure.__members__.values() and exit_of(step.code) is Exit.CANCELLED
    )


def unexplained(step: Next, known: Circumstances) -> bool:
    """Whether the cluster may still say who ended it: nobody here did."""
    return stopped(step, known) and not (
        known.closing or known.wanted or known.ending or known.reason in LIMITS
    )


def true_result(result: NewResult, step: Next) -> NewResult:
    """The row of a result with its true cause: its file may only say that it was told to stop."""
    if step.code == result.code:
        return result
    entry = TAXONOMY[Failure(step.code)]
    words = f"{entry.words} {step.detail}".strip()
    summary = {**result.summary, "next_step": entry.next_step}
    return replace(result, code=step.code, words=words, summary=summary)


def _by_whom(step: Next, known: Circumstances) -> Next:
    if known.closing:
        return replace(step, code=Failure.BEAMTIME_CLOSED, detail=_CLOSED)
    if known.wanted and step.code != Failure.BEAMTIME_CLOSED:
        return replace(step, code=Failure.CANCELLED)
    ending = known.ending
    if step.code == Failure.BEAMTIME_CLOSED:
        return replace(step, code=Failure.PREEMPTED, detail=_OPENED_AGAIN if ending is None else ending.words)
    if ending is None or ending.code is None:
        return replace(step, code=Failure.PREEMPTED, detail=_NOBODY_KNOWS)
    if ending.code in (Failure.NODE_LOST, Failure.OUT_OF_MEMORY):
        return replace(step, code=ending.code, detail=ending.words)
    words = {Failure.TIMED_OUT: _BEFORE_ITS_TIME, Failure.CANCELLED: _FOREIGN}.get(ending.code, ending.words)
    return replace(step, code=Failure.PREEMPTED, detail=words)


def _limit(known: Circumstances) -> str:
    """What it was given, and what it took."""
    record = known.record or ExitRecord()
    given, took = f"{known.time_s} s", f"{record.seconds:.0f} s"
    if known.reason == Failure.OUT_OF_MEMORY:
        given, took = f"{known.memory_mb} MB", f"{record.max_rss_mb:.0f} MB"
    return f"It was given {given} and took {took}."
