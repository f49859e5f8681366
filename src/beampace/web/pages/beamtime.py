"""A beamtime in numbers, and its report."""

from __future__ import annotations

import threading
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, Response

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.web.api.beamtime import Recent
from beampace.web.choice import beamtimes_of, chosen_beamtime
from beampace.web.lines.sizes import size_words
from beampace.web.missing import missing
from beampace.web.parts import Parts
from beampace.web.render import Renderer
from beampace.web.viewer import Viewer, viewer_of

REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
"""The report carries its own style and is shown by itself."""

Asked = Annotated[str, Query(max_length=200, title="Id of the beamtime; the open one by default")]


def router(parts: Parts, renderer: Renderer, recent: Recent) -> APIRouter:
    """The routes. A report reads many files: one is made at a time, and nobody waits for his turn."""
    routes = APIRouter(include_in_schema=False)
    one_at_a_time = threading.Lock()

    @routes.get("/beamtime")
    def in_numbers(
        request: Request, viewer: Annotated[Viewer, Depends(viewer_of)], beamtime: Asked = ""
    ) -> Response:
        page = recent.page(viewer, beamtime)
        return renderer.page(
            request,
            "beamtime.html.j2",
            viewer,
            page=page,
            asked=beamtime,
            beamtimes=beamtimes_of(parts.ledger, viewer),
            size_words=size_words,
        )

    @routes.get("/beamtime/report")
    def report(viewer: Annotated[Viewer, Depends(viewer_of)], beamtime: Asked = "") -> Response:
        chosen = chosen_beamtime(parts.ledger, viewer, beamtime)
        if chosen is None or not viewer.reads_reports:
            raise missing("report")
        if not one_at_a_time.acquire(blocking=False):
            raise failure(
                Failure.REJECTED_BY_QUEUE, "A report is being made already.", "Ask again in a minute."
            )
        try:
            text = parts.report_page(chosen.id)
        finally:
            one_at_a_time.release()
        return HTMLResponse(text, headers={"Content-Security-Policy": REPORT_POLICY})

    return routes
