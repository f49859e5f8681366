"""The in-memory twin of the daemon's control: remembers what it was asked, answers from what it holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from beampace import __version__
from beampace.core.errors import failure
from beampace.core.scope import EVERYTHING, Scope
from beampace.core.taxonomy import Failure
from beampace.core.work import WorkClass, WorkName
from beampace.web.answers import (
    AccessAnswer,
    AccountsAnswer,
    AnnounceAnswer,
    AuditAnswer,
    CancelAnswer,
    DoneAnswer,
    JobInfo,
    JobsAnswer,
    LinkAnswer,
    PongAnswer,
    ReportAnswer,
    StatusAnswer,
)
from beampace.web.requests import (
    AccessAuditRequest,
    AccessLinkRequest,
    AccessListRequest,
    AccessPasswordRequest,
    AccessRevokeRequest,
    AccountsRequest,
    AnnounceRequest,
    CancelRequest,
    JobsRequest,
    PingRequest,
    ReportRequest,
    ReprocessRequest,
)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class ControlTwin:
    """A control without a daemon: datasets are numbered as they are announced.

    Attributes:
        asked: every request it got, in order.
        paths: master -> number of its dataset.
        report_of: beamtime -> report.
        before: called with every request, before it is answered; may raise or wait.
    """

    asked: list[Any] = field(default_factory=list)
    paths: dict[str, int] = field(default_factory=dict)
    work: dict[str, JobInfo] = field(default_factory=dict)
    report_of: dict[str, ReportAnswer] = field(default_factory=dict)
    healthy: bool = True
    before: Callable[[Any], None] = lambda _: None
    clock: Callable[[], datetime] = _now

    def ping(self, request: PingRequest) -> PongAnswer:
        """It is there."""
        self._take(request)
        return PongAnswer(version=__version__, pid=os.getpid(), started=self.clock(), healthy=self.healthy)

    def announce(self, request: AnnounceRequest) -> AnnounceAnswer:
        """Number the dataset, once per path."""
        self._take(request)
        known = request.path in self.paths
        number = self.paths.setdefault(request.path, len(self.paths) + 1)
        return AnnounceAnswer(news="same" if known else "new", dataset=number)

    def status(self, request: Any, *, scope: Scope = EVERYTHING) -> StatusAnswer:
        """What it holds of a scope."""
        self._take(request)
        return StatusAnswer(
            at=self.clock(),
            beamtime=request.beamtime,
            phase="open",
            datasets={"growing": len(self.paths)},
            next=tuple(job for job in self.work.values() if scope.group in (None, job.group)),
        )

    def jobs(self, request: JobsRequest) -> JobsAnswer:
        """Jobs of a dataset."""
        self._take(request)
        jobs = [job for job in self.work.values() if request.dataset in (None, job.dataset)]
        return JobsAnswer(jobs=tuple(jobs[: request.limit]))

    def reprocess(self, request: ReprocessRequest) -> JobsAnswer:
        """Plan a job."""
        self._take(request)
        number = self._number(request.dataset)
        job = JobInfo(
            key=f"{len(self.work) + 1:016x}",
            dataset=number,
            work=WorkName.PROCESS,
            engine=request.engine or "dials",
            work_class=WorkClass.RERUN,
            state="waiting",
        )
        self.work[job.key] = job
        return JobsAnswer(jobs=(job,))

    def cancel(self, request: CancelRequest) -> CancelAnswer:
        """Forget jobs."""
        self._take(request)
        if request.job:
            keys = [request.job] if request.job in self.work else []
        else:
            number = self._number(request.dataset)
            keys = [job.key for job in self.work.values() if job.dataset == number]
        if not keys:
            raise failure(Failure.BAD_REQUEST, "There is no such job.")
        for key in keys:
            del self.work[key]
        return CancelAnswer(jobs=tuple(keys))

    def report(self, request: ReportRequest) -> ReportAnswer:
        """A report it was given."""
        self._take(request)
        if request.beamtime not in self.report_of:
            raise failure(Failure.BAD_REQUEST, f"There is no beamtime {request.beamtime!r}.")
        return self.report_of[request.beamtime]

    def accounts(self, request: AccountsRequest) -> AccountsAnswer:
        """Accounts of a report it was given."""
        self._take(request)
        report = self.report_of.get(request.beamtime)
        return AccountsAnswer(accounts=report.accounts if report else ())

    def access_link(self, request: AccessLinkRequest) -> LinkAnswer:
        """A link that lets nobody in."""
        self._take(request)
        return LinkAnswer(id="pass-1", address="https://127.0.0.1/in#t", expires=self.clock())

    def access_password(self, request: AccessPasswordRequest) -> DoneAnswer:
        """Nothing is set."""
        self._take(request)
        return DoneAnswer(words="The password is set.")

    def access_list(self, request: AccessListRequest) -> AccessAnswer:
        """Nobody."""
        self._take(request)
        return AccessAnswer(passes=(), sessions=(), passwords=())

    def access_revoke(self, request: AccessRevokeRequest) -> DoneAnswer:
        """There is nothing to take back."""
        self._take(request)
        return DoneAnswer(words=f"{request.id} lets nobody in any more.")

    def access_audit(self, request: AccessAuditRequest) -> AuditAnswer:
        """Nothing was done."""
        self._take(request)
        return AuditAnswer(deeds=())

    def _take(self, request: Any) -> None:
        self.asked.append(request)
        self.before(request)

    def _number(self, dataset: int | str | None) -> int:
        number = self.paths.get(dataset) if isinstance(dataset, str) else dataset
        if number not in self.paths.values() or number is None:
            raise failure(Failure.BAD_REQUEST, f"There is no dataset {dataset}.")
        return number
