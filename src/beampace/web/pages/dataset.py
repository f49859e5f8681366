"""The page of a dataset: how it stands, its results, what was tried, and what can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated

import gemmi
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from beampace.core.dataset import DatasetKind
from beampace.core.work import WorkName
from beampace.store.columns import BIGGEST
from beampace.web.api.dataset import dataset_page
from beampace.web.api.numbers import Number
from beampace.web.api.results import result_page
from beampace.web.lines.sizes import duration_words, size_words
from beampace.web.missing import missing
from beampace.web.parts import Parts
from beampace.web.records.dataset import DatasetPage
from beampace.web.records.result import FileLine
from beampace.web.render import Renderer
from beampace.web.viewer import Viewer, viewer_of

FIRST_FILES = ("merged_mtz", "unmerged_mtz", "log", "log.txt")
"""Files that are wanted most, in this order."""

Chosen = Annotated[int | None, Query(ge=1, le=BIGGEST, title="Number of the result to show")]


def router(parts: Parts, renderer: Renderer) -> APIRouter:
    """The route. What changes on the page is taken from the same address again."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/datasets/{number}")
    def dataset(
        request: Request,
        number: Number,
        viewer: Annotated[Viewer, Depends(viewer_of)],
        result: Chosen = None,
    ) -> Response:
        page = dataset_page(parts, viewer, number)
        chosen = chosen_result(page, result)
        shown = None if chosen is None else result_page(parts, viewer, chosen)
        return renderer.page(
            request,
            "dataset.html.j2",
            viewer,
            page=page,
            line=page.line,
            shown=shown,
            asked=result,
            files=ordered(shown.files) if shown else (),
            links=links_of(page),
            groups=sohncke_groups() if page.engines else (),
            size_words=size_words,
            duration_words=duration_words,
        )

    return routes


def chosen_result(page: DatasetPage, asked: int | None) -> int | None:
    """The result asked for, else the one to use, else the newest processing, else the newest of all.

    Raises:
        HTTPException: 404: the dataset has no such result.
    """
    if asked is not None:
        if asked not in {one.id for one in page.results}:
            raise missing("result")
        return asked
    processed = (one.id for one in page.results if one.work is WorkName.PROCESS)
    return page.line.recommended or next(processed, page.shown)


def ordered(files: tuple[FileLine, ...]) -> tuple[FileLine, ...]:
    """Files of a result, those that are wanted most first."""
    rank = {name: index for index, name in enumerate(FIRST_FILES)}
    return tuple(sorted(files, key=lambda one: rank.get(one.name, len(rank))))


def links_of(page: DatasetPage) -> Mapping[str, str]:
    """Other pages of the dataset: name -> path below its own."""
    found: dict[str, str] = {}
    has_strategy = any(one.work is WorkName.STRATEGY for one in page.results)
    if page.line.kind is DatasetKind.GRID or page.line.has_map:
        found["Map"] = "/map"
    if page.line.kind is DatasetKind.SCREENING or has_strategy:
        found["Strategy"] = "/strategy"
    if page.line.frames.announced:
        found["Frames"] = "/frames/1"
    return found


@cache
def sohncke_groups() -> tuple[str, ...]:
    """The 65 space groups in which a chiral molecule can crystallize, in their reference setting."""
    return tuple(
        group.hm for group in gemmi.spacegroup_table() if group.is_reference_setting() and group.is_sohncke()
    )
