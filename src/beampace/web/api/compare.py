"""Two results side by side as JSON."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from beampace.results import Result
from beampace.store.columns import BIGGEST
from beampace.web.api.results import line_of, result_and_dataset
from beampace.web.api.told import told
from beampace.web.compare import agreement_words, compare_rows
from beampace.web.lines import dataset_line
from beampace.web.parts import Parts
from beampace.web.records.compare import ComparePage, CompareSide
from beampace.web.result_files import files_of_result
from beampace.web.viewer import Viewer, viewer_of

Number = Annotated[int, Query(ge=1, le=BIGGEST, title="Number of a result")]


def compare_page(parts: Parts, viewer: Viewer, a: int, b: int) -> ComparePage:
    """Two results side by side; rows only where the files of both can be read.

    Raises:
        HTTPException: 404: one of them is not there, as far as the viewer may know.
    """
    one, first = _side(parts, viewer, a)
    two, second = _side(parts, viewer, b)
    if first is None or second is None:
        return ComparePage(a=one, b=two)
    return ComparePage(
        a=one, b=two, rows=compare_rows(first, second), agreement=agreement_words(first, second)
    )


def router(parts: Parts) -> APIRouter:
    """The route."""
    routes = APIRouter()

    @routes.get("/api/compare", summary="Two results side by side", response_model=ComparePage)
    def compare(a: Number, b: Number, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        """Property by property, and statistics per shell."""
        return told(compare_page(parts, viewer, a, b))

    return routes


def _side(parts: Parts, viewer: Viewer, number: int) -> tuple[CompareSide, Result | None]:
    row, entry = result_and_dataset(parts, viewer.scope, number)
    result = files_of_result(parts.places.result(row)).result
    statistics = result.statistics if result else None
    side = CompareSide(
        line=line_of(entry, number),
        dataset=dataset_line(entry),
        shells=statistics.shells if statistics else (),
        overall=statistics.overall if statistics else None,
    )
    return side, result
