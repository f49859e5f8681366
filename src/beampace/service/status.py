"""How things are, for the terminal and the pages: from the ledger and the last turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from beampace.core.job import JobState
from beampace.plan import words
from beampace.service.daemon import Daemon
from beampace.service.held import Held
from beampace.service.lags import lag_infos, measured_starts
from beampace.service.rehearsal import rehearsal_of
from beampace.store import AttemptRow, BeamtimeRow, DatasetRow, JobRow, ResultRow
from beampace.web import DiskInfo, JobInfo, ResultInfo, StatusAnswer, TroubleInfo

MOST_SHOWN = 20
"""Waiting jobs and results that are told one by one."""

RAW_GONE = "Nothing can be said: raw/ is not there."
"""Instead of how processing keeps up, while no dataset can be seen."""


def status_of(daemon: Daemon, asked: str) -> StatusAnswer:
    """How things are in a beamtime: the one asked for, the open one, else the last."""
    ledger = daemon.desk.ledger
    row = _beamtime(daemon, asked)
    if row is None:
        return StatusAnswer(
            at=ledger.now(), phase="none", keeps_up="No beamtime is open.", troubles=_troubles(daemon)
        )
    results = ledger.results(beamtime=row.id, limit=MOST_SHOWN)
    shown = ledger.datasets_by({one.dataset for one in results})
    active = ledger.active()
    living = [(job, attempt) for job, attempt in active if job.beamtime == row.id]
    held = _held(daemon, (job for job, _ in active))
    waiting = [job for job in ledger.waiting() if job.beamtime == row.id]
    counts = ledger.counts(row.id)
    return StatusAnswer(
        at=ledger.now(),
        beamtime=row.id,
        title=row.title,
        phase=_phase(daemon, row),
        keeps_up=RAW_GONE if daemon.reconciler.blind else keeps_up(waiting, ledger.now()),
        datasets=dict(counts.datasets),
        waiting=dict(Counter(job.work_class.value for job in waiting)),
        running=_running(daemon, living),
        next=_next(daemon, waiting, living, held),
        results=tuple(result_info(one, shown[one.dataset]) for one in results),
        lags=lag_infos(measured_starts(ledger.lags(row.id))),
        troubles=_troubles(daemon),
        disk=_disk(daemon),
        last_event=ledger.last_event(),
    )


def keeps_up(waiting: list[JobRow], now: datetime) -> str:
    """One line: whether processing keeps pace with the beam."""
    if not waiting:
        return "Processing keeps up: nothing waits."
    oldest = max((now - job.planned).total_seconds() for job in waiting)
    return f"{len(waiting)} jobs wait, the first of them for {oldest:.0f} s."


def job_info(
    job: JobRow, dataset: DatasetRow, attempt: AttemptRow | None = None, forecast: str = ""
) -> JobInfo:
    """A job as lists show it."""
    since = {JobState.WAITING: job.planned, JobState.ENDED: job.ended}
    return JobInfo(
        key=job.key,
        dataset=job.dataset,
        name=dataset.name,
        place=dataset.place,
        group=job.group,
        work=job.work,
        engine=job.engine,
        work_class=job.work_class,
        state=_STATES[job.state],
        attempts=job.attempts,
        cores=job.cores,
        since=attempt.claimed if attempt else since.get(job.state),
        forecast=forecast,
        code=job.code,
        detail=job.detail,
    )


def result_info(row: ResultRow, dataset: DatasetRow) -> ResultInfo:
    """A result as lists show it."""
    result = row.result
    return ResultInfo(
        id=row.id,
        dataset=row.dataset,
        name=dataset.name,
        place=dataset.place,
        group=row.group,
        work=row.work,
        engine=row.engine,
        code=result.code,
        words=result.words,
        next_step=str(result.summary.get("next_step", "")),
        directory=result.directory,
        created=result.created,
        last_frame_to_result_s=result.last_frame_to_result_s,
        summary=dict(result.summary),
    )


_STATES: Mapping[JobState, Literal["waiting", "active", "ended"]] = {
    JobState.WAITING: "waiting",
    JobState.ACTIVE: "active",
    JobState.ENDED: "ended",
}


def _beamtime(daemon: Daemon, asked: str) -> BeamtimeRow | None:
    ledger, open_ = daemon.desk.ledger, daemon.reconciler.open
    if asked:
        return ledger.beamtime(asked)
    if open_ is not None:
        return next((row for row in ledger.beamtimes() if row.id == open_.id), None)
    return next(iter(ledger.beamtimes()), None)


def _phase(daemon: Daemon, row: BeamtimeRow) -> str:
    if row.closed is not None:
        return "closed"
    life = daemon.reconciler.life
    return "ending" if row.id in life.closing else "draining" if row.id in life.draining else "open"


def _running(daemon: Daemon, living: list[tuple[JobRow, AttemptRow]]) -> tuple[JobInfo, ...]:
    found = rehearsal_of(daemon.reconciler, [], living)
    return tuple(
        job_info(job, daemon.desk.ledger.dataset(job.dataset), attempt, words(found[job.key], job.work))
        for job, attempt in living
    )


def _next(
    daemon: Daemon, waiting: list[JobRow], living: list[tuple[JobRow, AttemptRow]], held: Held
) -> tuple[JobInfo, ...]:
    """The jobs that will start first, with forecasts, or what they wait for."""
    found = rehearsal_of(daemon.reconciler, waiting, living)
    places = {key: one.ahead if one.ahead is not None else len(waiting) for key, one in found.items()}
    first = sorted(waiting, key=lambda job: (places[job.key], job.work_class.rank, -job.dataset))[:MOST_SHOWN]
    return tuple(
        job_info(
            job,
            daemon.desk.ledger.dataset(job.dataset),
            None,
            held.why(job) or words(found[job.key], job.work),
        )
        for job in first
    )


def _held(daemon: Daemon, running: Iterable[JobRow]) -> Held:
    reconciler = daemon.reconciler
    return Held.of(daemon.desk, reconciler.space, reconciler.capacity, running)


def _troubles(daemon: Daemon) -> tuple[TroubleInfo, ...]:
    return tuple(
        TroubleInfo(where=one.where, words=one.words, next_step=one.next_step) for one in daemon.troubles
    )


def _disk(daemon: Daemon) -> DiskInfo | None:
    watch = daemon.reconciler.space
    return None if watch.space is None else watch.info()
