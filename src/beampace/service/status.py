"""How things are, for the terminal and the pages: from the ledger and the last turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from beampace.core.job import JobState
from beampace.core.scope import EVERYTHING, Scope
from beampace.plan import Forecast, words
from beampace.service.cluster_info import cluster_info
from beampace.service.daemon import Daemon
from beampace.service.held import Held
from beampace.service.rehearsal import rehearsal_of
from beampace.store import AttemptRow, BeamtimeRow, DatasetRow, JobRow, ResultRow
from beampace.store.part import unknown
from beampace.web import DiskInfo, JobInfo, ResultInfo, StatusAnswer, TroubleInfo
from beampace.web.keeping import RAW_GONE
from beampace.web.lags import lag_infos, measured_starts

MOST_SHOWN = 20
"""Waiting jobs and results that are told one by one."""


def status_of(daemon: Daemon, asked: str, scope: Scope = EVERYTHING) -> StatusAnswer:
    """How things are in a beamtime: the one asked for, the open one, else the last.

    A scope of one group has only what is that group's: nothing of others is told or counted, and troubles and
    disk are for those who see all.
    """
    ledger = daemon.desk.ledger
    row = _beamtime(daemon, asked, scope)
    all_ = scope.group is None
    troubles = _troubles(daemon) if all_ else ()
    if row is None:
        return StatusAnswer(at=ledger.now(), phase="none", keeps_up="No beamtime is open.", troubles=troubles)
    mine = scope.within(row.id)
    event = ledger.last_event()
    results = ledger.results_in(mine, limit=MOST_SHOWN)
    shown = ledger.datasets_by({one.dataset for one in results})
    work = _Work.of(daemon, mine)
    return StatusAnswer(
        at=ledger.now(),
        beamtime=row.id,
        title=row.title,
        phase=_phase(daemon, row),
        keeps_up=RAW_GONE if daemon.reconciler.blind else keeps_up(work.mine(), ledger.now()),
        datasets=dict(ledger.counts_in(mine).datasets),
        waiting=dict(Counter(job.work_class.value for job in work.mine())),
        running=work.running(),
        next=work.next(),
        results=tuple(result_info(one, shown[one.dataset]) for one in results),
        lags=lag_infos(measured_starts(ledger.lags_in(mine))),
        troubles=troubles,
        disk=_disk(daemon) if all_ else None,
        cluster=cluster_info(daemon, mine),
        last_event=event,
    )


def keeps_up(waiting: list[JobRow], now: datetime) -> str:
    """One line: whether processing keeps pace with the beam."""
    if not waiting:
        return "Processing keeps up: nothing waits."
    oldest = max((now - job.planned).total_seconds() for job in waiting)
    return f"{len(waiting)} jobs wait, the first of them for {oldest:.0f} s."


def job_info(
    job: JobRow,
    dataset: DatasetRow,
    attempt: AttemptRow | None = None,
    forecast: str = "",
    expected_s: float | None = None,
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
        expected_s=expected_s,
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


def _beamtime(daemon: Daemon, asked: str, scope: Scope) -> BeamtimeRow | None:
    ledger, open_ = daemon.desk.ledger, daemon.reconciler.open
    if scope.beamtime is not None:
        if asked not in ("", scope.beamtime):
            raise unknown("beamtime", asked)  # the same as of one that is not there
        asked = scope.beamtime
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


@dataclass(frozen=True, slots=True)
class _Work:
    """The work of a beamtime, of which those of a group are told their own.

    Attributes:
        daemon: the daemon.
        scope: whose work is told.
        living, waiting: work of the whole beamtime: forecasts are made from all of it.
        held: what holds work back.
    """

    daemon: Daemon
    scope: Scope
    living: list[tuple[JobRow, AttemptRow]]
    waiting: list[JobRow]
    held: Held

    @classmethod
    def of(cls, daemon: Daemon, scope: Scope) -> _Work:
        """From the ledger."""
        ledger, reconciler = daemon.desk.ledger, daemon.reconciler
        active = ledger.active()
        held = Held.of(daemon.desk, reconciler.space, reconciler.capacity, (job for job, _ in active))
        living = [(job, attempt) for job, attempt in active if job.beamtime == scope.beamtime]
        waiting = [job for job in ledger.waiting() if job.beamtime == scope.beamtime]
        return cls(daemon, scope, living, waiting, held)

    def mine(self) -> list[JobRow]:
        """The jobs that wait and are to be told of."""
        return [job for job in self.waiting if self._is_mine(job)]

    def running(self) -> tuple[JobInfo, ...]:
        """The jobs with a living attempt."""
        found = rehearsal_of(self.daemon.reconciler, [], self.living)
        return tuple(
            self._info(job, found[job.key], attempt) for job, attempt in self.living if self._is_mine(job)
        )

    def next(self) -> tuple[JobInfo, ...]:
        """The jobs that will start first, with forecasts, or what they wait for."""
        mine = self.mine()
        found = rehearsal_of(self.daemon.reconciler, self.waiting, self.living) if mine else {}
        places = {
            key: one.ahead if one.ahead is not None else len(self.waiting) for key, one in found.items()
        }
        mine.sort(key=lambda job: (places[job.key], job.work_class.rank, -job.dataset))
        return tuple(self._info(job, found[job.key]) for job in mine[:MOST_SHOWN])

    def _info(self, job: JobRow, found: Forecast, attempt: AttemptRow | None = None) -> JobInfo:
        told = found if self.scope.group is None else replace(found, ahead=None)  # others' work is not told
        why = "" if attempt else self.held.why(job)
        dataset = self.daemon.desk.ledger.dataset(job.dataset)
        expected = None if why else found.seconds
        return job_info(job, dataset, attempt, why or words(told, job.work), expected)

    def _is_mine(self, job: JobRow) -> bool:
        return self.scope.covers(job.beamtime, job.group)


def _troubles(daemon: Daemon) -> tuple[TroubleInfo, ...]:
    return tuple(
        TroubleInfo(where=one.where, words=one.words, next_step=one.next_step) for one in daemon.troubles
    )


def _disk(daemon: Daemon) -> DiskInfo | None:
    watch = daemon.reconciler.space
    return None if watch.space is None else watch.info()
