"""Two results side by side."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from beampace.web.api.compare import Number, compare_page
from beampace.web.lines import result_lines
from beampace.web.missing import missing
from beampace.web.parts import Parts
from beampace.web.records.compare import ComparePage, CompareRow
from beampace.web.records.lines import ResultLine
from beampace.web.render import Renderer
from beampace.web.viewer import Viewer, viewer_of


def router(parts: Parts, renderer: Renderer) -> APIRouter:
    """The route."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/compare")
    def compare(
        request: Request, a: Number, b: Number, viewer: Annotated[Viewer, Depends(viewer_of)]
    ) -> Response:
        page = compare_page(parts, viewer, a, b)
        return renderer.page(
            request,
            "compare.html.j2",
            viewer,
            page=page,
            sections=sections_of(page),
            others=others_of(parts, viewer, page),
        )

    return routes


def sections_of(page: ComparePage) -> Mapping[str, tuple[CompareRow, ...]]:
    """Section -> its rows, as they come."""
    return {name: tuple(rows) for name, rows in groupby(page.rows, key=lambda row: row.section)}


def others_of(parts: Parts, viewer: Viewer, page: ComparePage) -> tuple[ResultLine, ...]:
    """Results that can be chosen instead: those of the two datasets.

    Raises:
        HTTPException: 404: a dataset is not to be seen any more.
    """
    found: list[ResultLine] = []
    for dataset in dict.fromkeys((page.a.dataset.id, page.b.dataset.id)):
        row = parts.ledger.entry_in(viewer.scope, dataset)
        if row is None:
            raise missing("dataset")
        found += result_lines(row)
    return tuple(found)
