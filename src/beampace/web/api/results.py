"""One result: as JSON, and its report as a page of its own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response, StreamingResponse

from beampace.core.scope import Scope
from beampace.store import CatalogueRow, ResultRow
from beampace.web.api.numbers import Number
from beampace.web.api.told import told
from beampace.web.downloads import open_file
from beampace.web.lines import dataset_line, result_lines
from beampace.web.missing import missing
from beampace.web.parts import Parts
from beampace.web.records.lines import ResultLine
from beampace.web.records.result import ResultPage
from beampace.web.result_files import REPORT, files_of_result
from beampace.web.viewer import Viewer, viewer_of

REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
"""A report is a file of others: it may show itself and nothing else, and is of no origin."""


def result_page(parts: Parts, viewer: Viewer, number: int) -> ResultPage:
    """A result as its files have it.

    Raises:
        HTTPException: 404: there is no such result, as far as the viewer may know.
    """
    row, entry = result_and_dataset(parts, viewer.scope, number)
    files = files_of_result(parts.places.result(row))
    lines = files.lines()
    return ResultPage(
        line=line_of(entry, number),
        dataset=dataset_line(entry),
        directory=files.directory.place if files.directory else "",
        result=files.result,
        gone=files.gone,
        files=lines,
        has_report=any(line.file == REPORT for line in lines),
        can_download=viewer.may_download,
    )


def result_and_dataset(parts: Parts, scope: Scope, number: int) -> tuple[ResultRow, CatalogueRow]:
    """A result and its dataset.

    Raises:
        HTTPException: 404: there is no such result in the scope.
    """
    row = parts.ledger.result_in(scope, number)
    entry = None if row is None else parts.ledger.entry_in(scope, row.dataset)
    if row is None or entry is None:
        raise missing("result")
    return row, entry


def line_of(entry: CatalogueRow, number: int) -> ResultLine:
    """The line of one of its results."""
    return next(line for line in result_lines(entry) if line.id == number)


def router(parts: Parts) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get("/api/results/{number}", summary="One result", response_model=ResultPage)
    def result(number: Number, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        """A result: all of `result.json`, and the files that can be fetched."""
        return told(result_page(parts, viewer, number))

    @routes.get(
        "/api/results/{number}/report", summary="The report of a result", response_class=StreamingResponse
    )
    def report(number: Number, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        """`report.html`, to be shown."""
        row, _ = result_and_dataset(parts, viewer.scope, number)
        directory = parts.places.result(row)
        opened = None if directory is None else open_file(directory, REPORT)
        if opened is None:
            raise missing("report")
        headers = {"Content-Security-Policy": REPORT_POLICY, "Content-Length": str(opened.n_bytes)}
        return StreamingResponse(opened.pieces(), media_type="text/html; charset=utf-8", headers=headers)

    return routes
