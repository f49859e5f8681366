"""A beamtime in numbers as JSON."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from beampace.core.scope import Scope
from beampace.core.work import WorkClass
from beampace.store import BeamtimeRow, Counts
from beampace.web.accounts import account_info, failure_infos
from beampace.web.answers import StatusAnswer
from beampace.web.api.now import keeps_up_of
from beampace.web.api.told import told
from beampace.web.choice import chosen_beamtime
from beampace.web.lags import RESULT, lag_infos, timed_results
from beampace.web.parts import Parts
from beampace.web.records.beamtime import BeamtimePage, JobsLine
from beampace.web.requests import StatusRequest
from beampace.web.series import frames_series, lag_series
from beampace.web.viewer import Viewer, viewer_of


def beamtime_page(parts: Parts, viewer: Viewer, asked: str = "") -> BeamtimePage:
    """A beamtime in numbers, all of them of the viewer's scope.

    Raises:
        HTTPException: 404: there is no such beamtime, as far as the viewer may know.
        BeampaceError: the daemon does not answer.
    """
    beamtime = chosen_beamtime(parts.ledger, viewer, asked)
    if beamtime is None:
        return BeamtimePage(at=parts.ledger.now())
    scope = viewer.scope.within(beamtime.id)
    status = parts.control.status(StatusRequest(beamtime=beamtime.id), scope=scope)
    page = _page(parts, scope, beamtime, status)
    if not viewer.is_staff:
        page = page.model_copy(update={"troubles": ()})
    if page.cluster is not None and not viewer.reads_reports:
        page = page.model_copy(update={"cluster": page.cluster.model_copy(update={"account": ""})})
    return page


RECENT_S = 2.0
"""Seconds for which the same answer is given again: whoever looks asks often, and it is a long list."""

Kept = tuple[float, BeamtimePage]


class Recent:
    """Pages made a moment ago, for all who may see the same.

    Args:
        parts: what they are made from.
        clock: monotonic seconds.
    """

    def __init__(self, parts: Parts, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts, self._clock = parts, clock
        self._kept: dict[tuple[Scope, bool, bool, str], Kept] = {}
        self._lock = threading.Lock()

    def page(self, viewer: Viewer, asked: str = "") -> BeamtimePage:
        """The page of a moment ago, else a new one; errors as `beamtime_page`."""
        key = (viewer.scope, viewer.is_staff, viewer.reads_reports, asked)
        with self._lock:
            made = self._kept.get(key)
        if made is not None and self._clock() - made[0] < RECENT_S:
            return made[1]
        page = beamtime_page(self._parts, viewer, asked)
        with self._lock:
            now = self._clock()
            self._kept = {name: one for name, one in self._kept.items() if now - one[0] < RECENT_S}
            self._kept[key] = (now, page)
        return page


def router(recent: Recent) -> APIRouter:
    """The route."""
    routes = APIRouter()

    @routes.get("/api/beamtime", summary="A beamtime in numbers", response_model=BeamtimePage)
    def in_numbers(
        viewer: Annotated[Viewer, Depends(viewer_of)],
        beamtime: Annotated[str, Query(max_length=200, title="Its id; the open one by default")] = "",
    ) -> Response:
        """Lag over time, frames taken and processed, jobs, cluster, accounts, disk and troubles."""
        return told(recent.page(viewer, beamtime))

    return routes


def _page(parts: Parts, scope: Scope, beamtime: BeamtimeRow, status: StatusAnswer) -> BeamtimePage:
    ledger = parts.ledger
    datasets, results, lags = ledger.datasets_in(scope), ledger.results_in(scope), ledger.lags_in(scope)
    timed = timed_results(results, {row.id: row for row in datasets}, lags)
    measured = ((work_class, RESULT, seconds) for _, work_class, seconds in timed)
    return BeamtimePage(
        at=status.at,
        beamtime=beamtime.id,
        title=beamtime.title,
        phase=status.phase,
        opened=beamtime.opened,
        closed=beamtime.closed,
        reason=beamtime.reason,
        keeps_up=keeps_up_of(parts, scope, beamtime, status, status.at),
        lags=(*lag_infos(measured), *status.lags),
        lag_series=lag_series(timed),
        frames=frames_series(datasets, results),
        n_datasets=len(datasets),
        n_results=len(results),
        attempts=len(lags),
        retries=sum(lag.attempt > 1 for lag in lags),
        jobs=jobs_lines(ledger.counts_in(scope)),
        failures=failure_infos(ledger.failures(beamtime.id, scope.group)),
        cluster=status.cluster if beamtime.closed is None else None,
        accounts=tuple(map(account_info, ledger.accounts(beamtime.id, scope.group))),
        disk=status.disk,
        troubles=status.troubles,
        last_event=status.last_event,
    )


def jobs_lines(counts: Counts) -> tuple[JobsLine, ...]:
    """Jobs by class, the most pressing first; classes without any are left out."""
    lines = []
    for work_class in WorkClass:
        states = {state.name.lower(): n for (of, state), n in counts.jobs.items() if of is work_class}
        if states:
            lines.append(JobsLine(of=work_class.value, **states))
    return tuple(lines)
