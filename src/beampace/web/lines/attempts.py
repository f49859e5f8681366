"""Lines of attempts, and of jobs that wait for their first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from beampace.core.job import AttemptState, JobState
from beampace.core.tone import tone_of
from beampace.store import AttemptRow, JobRow, ResultRow
from beampace.web.lines.verdicts import ending_of, verdict_of
from beampace.web.lines.wishes import wishes_words
from beampace.web.records.lines import AttemptLine, Verdict

_STATES: Mapping[AttemptState, Literal["starting", "running", "ended"]] = {
    AttemptState.CLAIMED: "starting",
    AttemptState.SUBMITTED: "starting",
    AttemptState.RUNNING: "running",
    AttemptState.ENDED: "ended",
}


def attempt_lines(
    jobs: Iterable[JobRow], attempts: Iterable[AttemptRow], results: Iterable[ResultRow], now: datetime
) -> tuple[AttemptLine, ...]:
    """Every attempt of some jobs, job by job, the last attempt first.

    A job without an attempt, and one that waits for the next, has a line of its own.
    """
    of_job: defaultdict[str, list[AttemptRow]] = defaultdict(list)
    for one in sorted(attempts, key=lambda row: -row.number):
        of_job[one.job].append(one)
    made = {row.job: row for row in results}
    return tuple(line for job in jobs for line in _lines(job, of_job[job.key], made.get(job.key), now))


def _lines(
    job: JobRow, tried: Sequence[AttemptRow], result: ResultRow | None, now: datetime
) -> list[AttemptLine]:
    lines = [_attempt(job, one, result, now) for one in tried]
    living = any(one.state is not AttemptState.ENDED for one in tried)
    if not tried or (job.state is not JobState.ENDED and not living):
        return [_waiting(job), *lines]
    return lines


def _waiting(job: JobRow) -> AttemptLine:
    """A job between attempts, or one that ended before its first."""
    ended = job.state is JobState.ENDED
    verdict = ending_of(job.code) if ended else Verdict(words=_waits(job))
    return AttemptLine(
        job=job.key,
        work=job.work,
        engine=job.engine,
        work_class=job.work_class,
        state="ended" if ended else "waiting",
        ended=job.ended,
        verdict=verdict,
        detail=job.detail,
        wishes=wishes_words(job),
        can_cancel=not ended and not job.cancel_wanted,
    )


def _waits(job: JobRow) -> str:
    if job.cancel_wanted:
        return "It is being cancelled."
    return "Is tried again." if job.attempts else "Waits for its turn."


def _attempt(job: JobRow, one: AttemptRow, result: ResultRow | None, now: datetime) -> AttemptLine:
    ended = one.state is AttemptState.ENDED
    return AttemptLine(
        job=job.key,
        number=one.number,
        work=job.work,
        engine=job.engine,
        work_class=job.work_class,
        state=_STATES[one.state],
        began=one.submitted or one.claimed,
        ended=one.ended,
        seconds=_seconds(one, now),
        cores=one.cores,
        verdict=_verdict(job, one, result) if ended else Verdict(words=_working(job, one)),
        detail=one.detail,
        wishes=wishes_words(job),
        can_cancel=not ended and not job.cancel_wanted,
    )


def _working(job: JobRow, one: AttemptRow) -> str:
    if job.cancel_wanted:
        return "It is being cancelled."
    return "Runs." if one.state is AttemptState.RUNNING else "Is being started."


def _verdict(job: JobRow, one: AttemptRow, result: ResultRow | None) -> Verdict:
    """How an attempt ended: the last one of a job with a result ended with it."""
    if result is not None and one.number == job.attempts and one.code == result.result.code:
        return verdict_of(result)
    told = ending_of(one.code)
    return told if told.words else Verdict(code=one.code, words="It has a result.", tone=tone_of(one.code))


def _seconds(one: AttemptRow, now: datetime) -> float | None:
    """How long it has run, as its launcher measured it where it did."""
    if one.usage is not None:
        return one.usage.seconds
    if one.started is None:
        return None
    return max(0.0, ((one.ended or now) - one.started).total_seconds())
