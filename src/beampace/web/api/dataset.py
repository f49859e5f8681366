"""One dataset as JSON."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from beampace.core.dataset import DatasetKind
from beampace.store import CatalogueRow, DatasetRow
from beampace.web.api.numbers import Number
from beampace.web.api.told import told
from beampace.web.lines import attempt_lines, dataset_line, result_lines
from beampace.web.missing import missing
from beampace.web.parts import Parts
from beampace.web.records.dataset import DatasetPage
from beampace.web.viewer import Viewer, viewer_of

PROCESSED = frozenset({DatasetKind.ROTATION, DatasetKind.SCREENING})
"""Kinds that can be processed again."""


def dataset_page(parts: Parts, viewer: Viewer, number: int) -> DatasetPage:
    """A dataset with all that was done for it.

    Raises:
        HTTPException: 404: there is no such dataset, as far as the viewer may know.
    """
    event = parts.ledger.last_event()
    row = parts.ledger.entry_in(viewer.scope, number)
    if row is None:
        raise missing("dataset")
    attempts = parts.ledger.attempts_in(viewer.scope, number)
    lines = attempt_lines(row.jobs, attempts, row.results, parts.ledger.now())
    one = row.dataset
    return DatasetPage(
        line=dataset_line(row),
        master=_master(parts, one),
        kind_reason=one.kind_reason,
        frame_time_s=one.frame_time_s,
        ended=one.ended,
        last_frame=one.last_frame,
        n_files=one.n_files,
        n_bytes=one.n_bytes,
        failed_ranges=one.frames.failed_ranges,
        results=result_lines(row),
        shown=row.shown.id if row.shown else None,
        attempts=lines,
        engines=_engines(parts, viewer, row),
        can_cancel=viewer.may_act and any(line.can_cancel for line in lines),
        last_event=event,
    )


def router(parts: Parts) -> APIRouter:
    """The route."""
    routes = APIRouter()

    @routes.get("/api/datasets/{number}", summary="One dataset", response_model=DatasetPage)
    def dataset(number: Number, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        """A dataset: results, attempts, what can be done."""
        return told(dataset_page(parts, viewer, number))

    return routes


def _master(parts: Parts, one: DatasetRow) -> str:
    raw = PurePath(parts.ledger.beamtime(one.beamtime).root) / "raw"
    path = PurePath(one.path)
    return path.relative_to(raw).as_posix() if path.is_relative_to(raw) else str(path)


def _engines(parts: Parts, viewer: Viewer, row: CatalogueRow) -> tuple[str, ...]:
    able = viewer.may_act and row.dataset.kind in PROCESSED
    return tuple(sorted(parts.engines)) if able else ()
