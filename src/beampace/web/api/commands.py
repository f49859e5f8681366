"""What programs ask: announcements in, status out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from beampace.web.answers import AnnounceAnswer, StatusAnswer
from beampace.web.api.responses import response
from beampace.web.control import answered
from beampace.web.parts import Parts
from beampace.web.requests import AnnounceRequest, StatusRequest
from beampace.web.viewer import Viewer, viewer_of


class StatusQuery(StatusRequest):
    """The status request as the query of an address."""


def router(parts: Parts) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.post("/api/announce", summary="Announce a dataset", response_model=AnnounceAnswer)
    def announce(request: AnnounceRequest) -> Response:
        """Say that a dataset is being taken or is there. The same announcement twice changes nothing."""
        return response(answered(parts.control, request))

    @routes.get("/api/status", summary="How things are", response_model=StatusAnswer)
    def status(
        request: Annotated[StatusQuery, Query()], viewer: Annotated[Viewer, Depends(viewer_of)]
    ) -> Response:
        """Beamtime, what runs and waits, last results, troubles. Follow the events after `last_event`."""
        return response(answered(parts.control, request, scope=viewer.scope))

    return routes
