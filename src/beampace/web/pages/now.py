"""The page of what happens now: for the screen on the wall and for whoever is at the beamline."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from beampace.web.api.now import now_page
from beampace.web.parts import Parts
from beampace.web.render import Renderer
from beampace.web.viewer import Viewer, viewer_of


def router(parts: Parts, renderer: Renderer) -> APIRouter:
    """The route."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/", response_class=HTMLResponse)
    def now(
        request: Request,
        viewer: Annotated[Viewer, Depends(viewer_of)],
        beamtime: Annotated[str, Query(max_length=200)] = "",
        part: Annotated[str, Query(max_length=20)] = "",
    ) -> HTMLResponse:
        """The page, or what stands around the dataset being collected when `part` is `around`."""
        around = part == "around"
        if not around:
            parts.frames.warm()
        template = "now_around.html.j2" if around else "now.html.j2"
        page = now_page(parts, viewer, beamtime, rows=False)  # the scripts ask for them
        return renderer.page(request, template, viewer, page=page, asked=beamtime)

    return routes
