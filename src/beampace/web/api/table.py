"""Datasets as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response, StreamingResponse

from beampace.core.scope import Scope
from beampace.store import CatalogueQuery, Ledger
from beampace.web.access.auditing import write_down
from beampace.web.choice import chosen_beamtime
from beampace.web.downloads import attachment
from beampace.web.lines import dataset_line
from beampace.web.missing import forbidden, missing
from beampace.web.parts import Parts
from beampace.web.records.datasets import DatasetsQuery
from beampace.web.records.lines import DatasetLine
from beampace.web.viewer import Viewer, viewer_of

MOST_ROWS = 20_000
"""Rows of a table; the rest is not in it."""

TABLE_TYPE = "text/csv; charset=utf-8"
_AT_ONCE = 200
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")

HEADS = (
    "number", "sample", "name", "place", "group", "kind", "state", "seen (UTC)", "frames announced",
    "frames readable", "frames failed", "verdict", "verdict in words", "space group", "space group sure",
    "a (A)", "b (A)", "c (A)", "alpha (deg)", "beta (deg)", "gamma (deg)", "d_min (A)",
    "completeness (0-1)", "multiplicity", "R_meas", "CC1/2", "I/sigma", "CC_anom", "anomalous signal",
    "engines", "recommended result", "reason",
)  # fmt: skip
"""Heads of the columns, with units."""


def router(parts: Parts) -> APIRouter:
    """The route."""
    routes = APIRouter()

    @routes.get("/api/datasets.csv", summary="Datasets as a table", response_class=StreamingResponse)
    def as_table(
        query: Annotated[DatasetsQuery, Query()], viewer: Annotated[Viewer, Depends(viewer_of)]
    ) -> Response:
        """All rows of the same question as CSV, at most 20,000; `limit` and `offset` are not looked at."""
        beamtime = chosen_beamtime(parts.ledger, viewer, query.beamtime)
        if beamtime is None:
            raise missing("beamtime")
        if not viewer.may_download:
            raise forbidden("A screen on the wall takes no files with it")
        write_down(parts, viewer, "downloaded", f"table of datasets of {beamtime.id}")
        return StreamingResponse(
            table(parts.ledger, viewer.scope.within(beamtime.id), query.asked()),
            media_type=TABLE_TYPE,
            headers=attachment(f"datasets_{beamtime.id}.csv"),
        )

    return routes


def table(ledger: Ledger, scope: Scope, query: CatalogueQuery) -> Iterator[str]:
    """The text of the table, piece by piece."""
    yield _text([HEADS])
    rows: list[tuple[object, ...]] = []
    for one in ledger.catalogued(scope, replace(query, limit=MOST_ROWS, offset=0)):
        rows.append(cells(dataset_line(one)))
        if len(rows) == _AT_ONCE:
            yield _text(rows)
            rows = []
    yield _text(rows)


def cells(line: DatasetLine) -> tuple[object, ...]:
    """A dataset as a row; numbers with all figures, nothing where nothing is known."""
    crystal, frames = line.crystal, line.frames
    cell = crystal.cell or (None,) * 6
    return (
        line.id, line.sample, line.name, line.place, line.group, line.kind.value, line.state,
        line.seen.isoformat(), frames.announced, frames.readable, frames.failed, line.verdict.code,
        line.verdict.words, crystal.space_group, crystal.sure if crystal.space_group else None, *cell,
        crystal.d_min, crystal.completeness, crystal.multiplicity, crystal.r_meas, crystal.cc_half,
        crystal.i_over_sigma, crystal.cc_anom, crystal.anomalous, line.agreement.words,
        line.recommended_name, line.reason,
    )  # fmt: skip


def _text(rows: list[tuple[object, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[_plain(value) for value in row] for row in rows])
    return text.getvalue()


def _plain(value: object) -> object:
    """A text that a spreadsheet would take for a formula begins with '."""
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ")[:1] in _FORMULAS else value
