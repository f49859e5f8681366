"""What happens now, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from beampace.core.scope import Scope
from beampace.core.work import WorkName
from beampace.store import BeamtimeRow, CatalogueQuery, CatalogueRow, DatasetRow
from beampace.web.answers import JobInfo, StatusAnswer
from beampace.web.api.told import told
from beampace.web.choice import chosen_beamtime
from beampace.web.keeping import RAW_GONE, keeping
from beampace.web.lines import dataset_line, result_line
from beampace.web.live_source import LIVE_FILES, LiveWork
from beampace.web.parts import Parts
from beampace.web.records.now import KeepsUp, NextResult, NowBeamtime, NowPage, RecentResult
from beampace.web.requests import StatusRequest
from beampace.web.stream.live import LiveDelta
from beampace.web.stream.rows import all_rows
from beampace.web.viewer import Viewer, viewer_of

MOST_RESULTS = 8
MOST_WAITING = 8

GIVES = {
    WorkName.LOOK: "values per frame",
    WorkName.MAP: "heat map",
    WorkName.STRATEGY: "strategy",
    WorkName.PROCESS: "merged data",
    WorkName.MERGE: "merged dataset",
}


def now_page(parts: Parts, viewer: Viewer, asked: str = "", *, rows: bool = True) -> NowPage:
    """What happens now in a beamtime, as far as the viewer may see it.

    Args:
        parts: what routes work with.
        viewer: who asks.
        asked: id of the beamtime; the open one by default.
        rows: whether the values of the frames are wanted; they are in a long file.

    Raises:
        HTTPException: 404: there is no such beamtime, as far as the viewer may know.
        BeampaceError: the daemon does not answer.
    """
    ledger, now = parts.ledger, parts.ledger.now()
    beamtime = chosen_beamtime(ledger, viewer, asked)
    if beamtime is None:
        return NowPage(at=now, keeps_up=KeepsUp(words="No beamtime is open", tone="plain"))
    event = ledger.last_event()  # before all else: what happens meanwhile is followed, not missed
    scope = viewer.scope.within(beamtime.id)
    status = parts.control.status(StatusRequest(beamtime=beamtime.id), scope=scope)
    row = next(iter(ledger.catalogue(scope, CatalogueQuery(limit=1)).rows), None)
    live = rows_of(parts, row) if rows and row is not None else None
    return NowPage(
        at=now,
        beamtime=_beamtime(beamtime, status),
        keeps_up=keeps_up_of(parts, scope, beamtime, status, now),
        collecting=None if row is None else dataset_line(row),
        is_collecting=row is not None and row.dataset.state == "growing",
        live=live,
        latest_frame=None if live is None else latest_frame(live),
        running=status.running,
        waiting=status.next[:MOST_WAITING],
        next_result=next_result((*status.running, *status.next), now),
        results=_results(parts, scope),
        troubles=status.troubles if viewer.is_staff else (),
        datasets=status.datasets,
        jobs=status.waiting,
        last_event=event,
    )


def rows_of(parts: Parts, row: CatalogueRow) -> LiveDelta | None:
    """The values of a dataset's frames: of the map or look under way, else of the last one that ended."""
    running = {work.work: work for work in parts.live.running() if work.dataset == row.dataset.id}
    for work, name in LIVE_FILES.items():
        found = running.get(work) or _ended(parts, row, work, name)
        rows = None if found is None else all_rows(found)
        if rows is not None:
            return rows
    return None


def latest_frame(rows: LiveDelta) -> int | None:
    """The last frame that could be read; None when there is none."""
    columns = rows.columns
    pairs = zip(columns.get("frame", ()), columns.get("verdict", ()), strict=True)
    read = [number for number, verdict in pairs if verdict != "failed" and isinstance(number, int)]
    return max(read, default=None)


def next_result(jobs: Sequence[JobInfo], now: datetime) -> NextResult | None:
    """The result that is expected first, as far as that is known."""
    known = [(job.expected_s, job) for job in jobs if job.expected_s is not None]
    if not known:
        return None
    seconds, job = min(known, key=lambda one: one[0])
    words = f"{GIVES[job.work]} of {job.name or f'dataset {job.dataset}'}"
    words += f" by {job.engine}" if job.work is WorkName.PROCESS and job.engine else ""
    at = now + timedelta(seconds=seconds)
    return NextResult(dataset=job.dataset, words=words, expected_s=seconds, expected_at=at)


def router(parts: Parts) -> APIRouter:
    """The route."""
    routes = APIRouter()

    @routes.get("/api/now", summary="What happens now", response_model=NowPage)
    def now(
        viewer: Annotated[Viewer, Depends(viewer_of)],
        beamtime: Annotated[str, Query(max_length=200, title="Id; the open one by default")] = "",
    ) -> Response:
        """The dataset being collected with its values so far, what runs, what waits, what came."""
        return told(now_page(parts, viewer, beamtime))

    return routes


def _beamtime(row: BeamtimeRow, status: StatusAnswer) -> NowBeamtime:
    phase = status.phase if row.closed is None else "closed"
    return NowBeamtime(id=row.id, title=row.title, phase=phase, raw=f"{row.root}/raw")


def keeps_up_of(
    parts: Parts, scope: Scope, beamtime: BeamtimeRow, status: StatusAnswer, now: datetime
) -> KeepsUp:
    """Whether processing keeps up in a beamtime, as far as the scope goes."""
    if status.keeps_up == RAW_GONE:
        return KeepsUp(words=RAW_GONE, tone="poor")
    open_ = (*(job for job, _ in parts.ledger.active()), *parts.ledger.waiting())
    mine = {job.key: job for job in open_ if scope.covers(job.beamtime, job.group)}
    datasets: Mapping[int, DatasetRow] = parts.ledger.datasets_by({job.dataset for job in mine.values()})
    if beamtime.closed is not None and not mine:
        return KeepsUp(words="The beamtime has ended; nothing is left to do", tone="plain")
    return KeepsUp(**keeping(tuple(mine.values()), datasets, now)._asdict())


def _results(parts: Parts, scope: Scope) -> tuple[RecentResult, ...]:
    found = parts.ledger.results_in(scope, limit=MOST_RESULTS)
    datasets = parts.ledger.datasets_by({one.dataset for one in found})
    return tuple(
        RecentResult(
            name=datasets[one.dataset].name, sample=datasets[one.dataset].sample, line=result_line(one)
        )
        for one in found
    )


def _ended(parts: Parts, row: CatalogueRow, work: WorkName, name: str) -> LiveWork | None:
    """The file a finished work has left, as if it were still under way."""
    for one in row.results:
        if one.work is work and one.generation == row.dataset.generation:
            place = parts.places.result(one)
            if place is None:
                return None
            file = place.path / name
            return LiveWork(one.dataset, one.beamtime, one.group, work, one.job, file, place.root)
    return None
