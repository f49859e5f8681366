"""What watches the daemon: whether it is well, and measurements."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from beampace.web.answers import PongAnswer
from beampace.web.api.responses import response
from beampace.web.control import answered
from beampace.web.missing import missing
from beampace.web.parts import Parts
from beampace.web.requests import PingRequest
from beampace.web.viewer import Viewer, viewer_of

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def router(parts: Parts) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get("/healthz", summary="Whether the daemon is well", response_model=PongAnswer)
    def health() -> Response:
        """200 while the daemon's loop turns, 503 when it does not."""
        answer = answered(parts.control, PingRequest())
        well = isinstance(answer, PongAnswer) and answer.healthy
        return response(answer, 200 if well else 503)

    @routes.get("/metrics", summary="Measurements for Prometheus", response_class=Response)
    def measurements(viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        """Text of the Prometheus format. It counts everybody's work: it is not there for a group."""
        if not viewer.sees_all:
            raise missing("page")
        return Response(parts.metrics(), media_type=METRICS_TYPE)

    return routes
