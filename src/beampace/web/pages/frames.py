"""The viewer of frames."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from beampace.web.api.frames import FrameNumber
from beampace.web.api.numbers import Number
from beampace.web.left import dataset_for
from beampace.web.missing import missing
from beampace.web.parts import Parts
from beampace.web.render import Renderer
from beampace.web.viewer import Viewer, viewer_of

MOST_RESULTS = 50
"""Results whose predictions can be chosen."""


def router(parts: Parts, renderer: Renderer) -> APIRouter:
    """The route."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/datasets/{number}/frames/{frame}")
    def viewer_page(
        request: Request, number: Number, frame: FrameNumber, viewer: Annotated[Viewer, Depends(viewer_of)]
    ) -> Response:
        row = dataset_for(parts, viewer, number)
        if frame > row.n_announced:
            raise missing("frame")
        merged = [
            one
            for one in parts.ledger.results_in(viewer.scope, number, MOST_RESULTS)
            if one.result.summary.get("space_group")
        ]
        return renderer.page(request, "frame.html.j2", viewer, dataset=row, frame=frame, results=merged)

    return routes
