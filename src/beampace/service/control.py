"""What the daemon answers: the `Control` of its socket and its HTTP interface."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beampace import __version__
from beampace.beamtime import View, views_of
from beampace.core.errors import failure
from beampace.core.job import JobState, job_key
from beampace.core.scope import EVERYTHING, Scope
from beampace.core.taxonomy import Failure
from beampace.core.work import WorkClass, WorkName
from beampace.service.access_desk import AccessDesk
from beampace.service.daemon import Daemon
from beampace.service.report import accounts_of, report_of
from beampace.service.status import job_info, status_of
from beampace.store import DatasetRow, JobRow, PlannedJob
from beampace.watch import Announcement
from beampace.web import (
    AccountsAnswer,
    AccountsRequest,
    AnnounceAnswer,
    AnnounceRequest,
    CancelAnswer,
    CancelRequest,
    JobsAnswer,
    JobsRequest,
    PingRequest,
    PongAnswer,
    ReportAnswer,
    ReportRequest,
    ReprocessRequest,
    StatusAnswer,
    StatusRequest,
)
from beampace.web.access.door import Door

HEALTHY_S = 15.0
"""Seconds since the last turn for which the loop counts as turning."""

ANNOUNCED_WAIT_S = 1.0
"""Seconds for which an announcement waits for its dataset to be sighted."""


@dataclass(frozen=True, slots=True)
class DaemonControl(AccessDesk):
    """Answers from the ledger; what changes it waits for the turn that is under way.

    Attributes:
        daemon: the daemon.
        door: lets people in; None without an HTTP interface.
    """

    daemon: Daemon
    door: Door | None = None

    def ping(self, request: PingRequest) -> PongAnswer:
        """Say that it is there, and whether the loop turns."""
        del request
        pulse = self.daemon.pulse
        return PongAnswer(
            version=__version__,
            pid=os.getpid(),
            started=pulse.started,
            healthy=pulse.age_s < HEALTHY_S and pulse.faults == 0,
            tick_age_s=round(pulse.age_s, 3),
        )

    def announce(self, request: AnnounceRequest) -> AnnounceAnswer:
        """Hand an announcement to the watch, the same entry as polling, and wait a moment for what it sees.

        The turn goes on meanwhile: neither the file system nor the caller's patience is waited for in it.
        """
        lookout = self.daemon.reconciler.lookout
        if lookout is None:
            raise failure(
                Failure.BEAMTIME_CLOSED, "No beamtime is open.", "Announce again once it has started."
            )
        said = request.model_dump(include={"kind", "group", "sample", "frames"})
        before = lookout.heard.count
        path = lookout.watch.announce(Announcement(path=self._seen_here(request.path), **said))
        seen = lookout.heard.wait_for(path, before, ANNOUNCED_WAIT_S)
        if seen is not None:
            return AnnounceAnswer(news=seen.news, dataset=seen.dataset.id)
        known = self.daemon.desk.ledger.dataset_at(str(path))
        if known is not None:
            return AnnounceAnswer(news="same", dataset=known.id)
        return AnnounceAnswer(news="not_yet")

    def status(self, request: StatusRequest, *, scope: Scope = EVERYTHING) -> StatusAnswer:
        """How things are, as far as it is to be seen in a scope."""
        return status_of(self.daemon, request.beamtime, scope)

    def jobs(self, request: JobsRequest) -> JobsAnswer:
        """List jobs."""
        ledger = self.daemon.desk.ledger
        rows = ledger.jobs(dataset=request.dataset, limit=request.limit)
        return JobsAnswer(jobs=tuple(job_info(row, ledger.dataset(row.dataset)) for row in rows))

    def reprocess(self, request: ReprocessRequest) -> JobsAnswer:
        """Plan a processing with other wishes; the same wishes twice are one job."""
        dataset = self._dataset(request.dataset)
        engine = request.engine or self._engine()
        if engine not in self.daemon.desk.engines:
            known = ", ".join(sorted(self.daemon.desk.engines)) or "none"
            raise failure(Failure.BAD_REQUEST, f"There is no engine {engine!r} here; known: {known}.")
        planned = rerun_of(dataset, engine, wishes_of(request))
        with self.daemon.lock:
            new = self.daemon.desk.ledger.plan(dataset.id, [planned])
        words = "Planned." if new else "That was asked for before; it is the same job."
        row = self.daemon.desk.ledger.job(planned.key)
        return JobsAnswer(jobs=(job_info(row, dataset),), words=words)

    def cancel(self, request: CancelRequest) -> CancelAnswer:
        """Write the wish down; the loop carries it out."""
        rows = [row for row in self._jobs_of(request) if row.state is not JobState.ENDED]
        if not rows:
            raise failure(Failure.BAD_REQUEST, "No such job is waiting or running.", "See `beampace status`.")
        with self.daemon.lock:
            for row in rows:
                self.daemon.desk.ledger.want_cancel(row.key)
        return CancelAnswer(jobs=tuple(row.key for row in rows), words=f"{len(rows)} jobs are being ended.")

    def report(self, request: ReportRequest) -> ReportAnswer:
        """The page of a beamtime."""
        return report_of(self.daemon.desk.ledger, request.beamtime)

    def accounts(self, request: AccountsRequest) -> AccountsAnswer:
        """What each group used."""
        return accounts_of(self.daemon.desk.ledger, request.beamtime)

    def _seen_here(self, path: str) -> Path:
        """The path as this machine sees it, whichever of its views the caller has."""
        beamtime = self.daemon.reconciler.open
        if beamtime is None or beamtime.metadata is None or Path(path).is_relative_to(beamtime.root):
            return Path(path)
        return Path(views_of(beamtime).convert(Path(path), View.BEAMLINE))

    def _jobs_of(self, request: CancelRequest) -> tuple[JobRow, ...]:
        ledger = self.daemon.desk.ledger
        if request.dataset is not None:
            return ledger.jobs(dataset=self._dataset(request.dataset).id)
        return (ledger.job(request.job),)

    def _dataset(self, said: int | str) -> DatasetRow:
        ledger = self.daemon.desk.ledger
        found = ledger.dataset(said) if isinstance(said, int) else ledger.dataset_at(said)
        if found is None:
            raise failure(Failure.BAD_REQUEST, f"No dataset {said} is known.", "See `beampace status`.")
        return found

    def _engine(self) -> str:
        engines = self.daemon.desk.settings.results.engines
        return next((name for name in engines if name in self.daemon.desk.engines), "dials")


def wishes_of(request: ReprocessRequest) -> dict[str, Any]:
    """What was asked for, as an order's options."""
    wishes: dict[str, Any] = {
        "images": list(request.images) if request.images else None,
        "space_group": request.space_group or None,
        "unit_cell": list(request.unit_cell) if request.unit_cell else None,
        "d_min": request.d_min,
    }
    return {name: value for name, value in wishes.items() if value is not None}


def rerun_of(dataset: DatasetRow, engine: str, wishes: dict[str, Any]) -> PlannedJob:
    """A processing on request."""
    identity = f"{dataset.beamtime}/{dataset.identity}"
    options = {**wishes, "asked": "rerun"}
    key = job_key(identity, dataset.generation, WorkName.PROCESS, engine, options)
    return PlannedJob(
        key=key,
        work=WorkName.PROCESS,
        engine=engine,
        work_class=WorkClass.RERUN,
        cores=1,
        memory_mb=0,
        time_s=0,
        options=wishes,
    )
