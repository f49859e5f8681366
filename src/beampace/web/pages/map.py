"""The page of a grid scan: its heat map and its crystals."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from beampace.web.api.numbers import Number
from beampace.web.left import dataset_for
from beampace.web.maps import map_reading
from beampace.web.parts import Parts
from beampace.web.render import Renderer
from beampace.web.viewer import Viewer, viewer_of


def router(parts: Parts, renderer: Renderer) -> APIRouter:
    """The route."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/datasets/{number}/map")
    def map_(request: Request, number: Number, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        row = dataset_for(parts, viewer, number)
        reading = map_reading(parts, viewer, number)
        found = reading.value
        return renderer.page(
            request,
            "map.html.j2",
            viewer,
            dataset=row,
            gone=reading.gone,
            under_way=any(work.dataset == number and work.work == "map" for work in parts.live.running()),
            grids=[part.grid.model_dump(mode="json") for part in found.maps] if found else [],
            score=found.score if found else "spots",
        )

    return routes
