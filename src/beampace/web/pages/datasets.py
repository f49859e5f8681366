"""The list of datasets: one row each, the newest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from beampace.store import Sort
from beampace.web.api.datasets import datasets_page
from beampace.web.choice import beamtimes_of
from beampace.web.parts import Parts
from beampace.web.records.datasets import DatasetsPage, DatasetsQuery
from beampace.web.render import Renderer
from beampace.web.viewer import Viewer, viewer_of


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column.

    Attributes:
        words: its text, with the unit.
        sort: by what it sorts, or None.
        numeric: whether its values are figures.
        first: the direction a first click asks for.
    """

    words: str
    sort: Sort | None = None
    numeric: bool = False
    first: str = "down"


HEADS = (
    Head(""),
    Head("No.", Sort.NUMBER),
    Head("Sample", Sort.SAMPLE, first="up"),
    Head("Kind", Sort.KIND, first="up"),
    Head("Frames", Sort.FRAMES, numeric=True),
    Head("Verdict", Sort.VERDICT, first="up"),
    Head("Space group", Sort.SPACE_GROUP, first="up"),
    Head("Cell (Å, °)"),
    Head("Resol. (Å)", Sort.D_MIN, numeric=True, first="up"),
    Head("Compl. (%)", Sort.COMPLETENESS, numeric=True),
    Head("Mult.", Sort.MULTIPLICITY, numeric=True),
    Head("Rmeas (%)", Sort.R_MEAS, numeric=True, first="up"),
    Head("CC1/2", Sort.CC_HALF, numeric=True),
    Head("I/σ(I)", Sort.I_OVER_SIGMA, numeric=True),
    Head("Anom.", Sort.CC_ANOM),
    Head("Engines, result to use"),
)


def router(parts: Parts, renderer: Renderer) -> APIRouter:
    """The route. The list alone is taken from the same address again when something has happened."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/datasets")
    def datasets(
        request: Request,
        query: Annotated[DatasetsQuery, Query()],
        viewer: Annotated[Viewer, Depends(viewer_of)],
    ) -> Response:
        page = datasets_page(parts, viewer, query)
        return renderer.page(
            request,
            "datasets.html.j2",
            viewer,
            page=page,
            query=query,
            heads=HEADS,
            beamtimes=beamtimes_of(parts.ledger, viewer),
            filtered=is_filtered(query),
            with_query=with_query(query),
            turned=turned(query),
            shown=shown_words(page),
        )

    return routes


def with_query(query: DatasetsQuery) -> Callable[..., str]:
    """A function that gives the query with some values changed, as text of an address; first page again."""

    def changed(**values: Any) -> str:
        said = query.model_dump(mode="json", exclude_defaults=True) | {"offset": 0} | values
        plain = DatasetsQuery().model_dump(mode="json")
        return urlencode({name: value for name, value in said.items() if value != plain[name]})

    return changed


def turned(query: DatasetsQuery) -> Callable[[Head], str]:
    """A function that gives the direction the next click on a head asks for."""

    def direction(head: Head) -> str:
        if head.sort != query.sort:
            return head.first
        return "up" if query.direction == "down" else "down"

    return direction


def is_filtered(query: DatasetsQuery) -> bool:
    """Whether something is asked for that may leave datasets out."""
    asked = (query.search, query.kind, query.group, query.state, query.verdict, query.space_group)
    return any(one.strip() for one in asked)


def shown_words(page: DatasetsPage) -> str:
    """Which rows these are, in words."""
    if not page.total:
        return "No datasets"
    if len(page.rows) in (0, page.total):
        return f"{page.total} dataset{'' if page.total == 1 else 's'}"
    return f"{page.offset + 1} to {page.offset + len(page.rows)} of {page.total} datasets"
