"""The HTTP interface: announcements in, status, events and metrics out; nothing without a token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from beampace import __version__
from beampace.core.errors import failure
from beampace.core.taxonomy import TAXONOMY, Exit, Failure
from beampace.web.answers import AnnounceAnswer, Answer, ErrorAnswer, PongAnswer, StatusAnswer
from beampace.web.control import Control, answered
from beampace.web.events import HEARTBEAT_S, EventSource, event_stream
from beampace.web.guard import Guard, refused
from beampace.web.requests import AnnounceRequest, PingRequest, StatusRequest
from beampace.web.tokens import Tokens

MOST_STREAMS = 32
"""Readers of events served at once."""

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_STATUS = {Exit.SCIENCE: 409, Exit.BAD_INPUT: 400, Exit.INFRASTRUCTURE: 503, Exit.CANCELLED: 409}
_ERRORS: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorAnswer, "description": words}
    for status, words in (
        (400, "It cannot be done as asked"),
        (401, "No known token"),
        (403, "The token lacks the role"),
        (422, "A field is wrong"),
        (503, "The daemon cannot do it now"),
    )
}


def create_app(
    control: Control,
    tokens: Tokens,
    events: EventSource,
    metrics: Callable[[], bytes],
    heartbeat_s: float = HEARTBEAT_S,
) -> FastAPI:
    """The application.

    Args:
        control: who answers; called in threads.
        tokens: who may do what; with none of them, nobody may do anything.
        events: where `/api/events` reads; called in threads.
        metrics: the text of `/metrics`.
        heartbeat_s: seconds of silence after which a stream of events sends a comment.

    `app.state.stopping` is an event; once it is set, streams end.
    """
    app = FastAPI(
        title="beampace",
        summary="Processing that keeps pace with the beam",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        dependencies=[
            Depends(HTTPBearer(auto_error=False, description="A token of the daemon's token file"))
        ],
        responses=_ERRORS,
    )
    app.state.stopping = asyncio.Event()
    _add_commands(app, control)
    _add_events(app, events, heartbeat_s)
    _add_probes(app, control, metrics)
    _add_errors(app)
    app.add_middleware(Guard, tokens=tokens)
    return app


def _add_commands(app: FastAPI, control: Control) -> None:
    @app.post("/api/announce", summary="Announce a dataset", response_model=AnnounceAnswer)
    def announce(request: AnnounceRequest) -> Response:
        """Say that a dataset is being taken or is there. The same announcement twice changes nothing."""
        return _response(answered(control, request))

    @app.get("/api/status", summary="How things are", response_model=StatusAnswer)
    def status(request: Annotated[StatusQuery, Query()]) -> Response:
        """Beamtime, what runs and waits, last results, troubles. Follow the events after `last_event`."""
        return _response(answered(control, request))


class StatusQuery(StatusRequest):
    """The status request as the query of an address."""


def _add_events(app: FastAPI, events: EventSource, heartbeat_s: float) -> None:
    open_streams: set[object] = set()

    @app.get("/api/events", summary="Follow events", response_class=StreamingResponse)
    async def follow(
        after: Annotated[int, Query(ge=0, title="Id of the last event that is known")] = 0,
        group: Annotated[str | None, Query(max_length=128, title="Only events of this group")] = None,
        last_event_id: Annotated[int | None, Header(ge=0, title="The same, as browsers resume")] = None,
    ) -> Response:
        """Server-sent events: each has the id, topic and JSON of the ledger's event."""
        if len(open_streams) >= MOST_STREAMS:
            return _response(
                ErrorAnswer.of(
                    failure(
                        Failure.REJECTED_BY_QUEUE,
                        f"{MOST_STREAMS} readers follow the events already.",
                        "Close another page or try again later.",
                    )
                )
            )
        first = after if last_event_id is None else last_event_id
        stream = event_stream(events, first, app.state.stopping, group, heartbeat_s)
        return _Counted(stream, open_streams)


class _Counted(StreamingResponse):
    """A stream of events that is counted for as long as it lasts."""

    def __init__(self, stream: object, open_streams: set[object]) -> None:
        super().__init__(stream, media_type="text/event-stream")  # type: ignore[arg-type]
        self._open = open_streams

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        self._open.add(self)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._open.discard(self)


def _add_probes(app: FastAPI, control: Control, metrics: Callable[[], bytes]) -> None:
    @app.get("/healthz", summary="Whether the daemon is well", response_model=PongAnswer)
    def health() -> Response:
        """200 while the daemon's loop turns, 503 when it does not."""
        answer = answered(control, PingRequest())
        well = isinstance(answer, PongAnswer) and answer.healthy
        return _response(answer, 200 if well else 503)

    @app.get("/metrics", summary="Measurements for Prometheus", response_class=Response)
    def measurements() -> Response:
        """Text of the Prometheus format."""
        return Response(metrics(), media_type=METRICS_TYPE)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        faults = [
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()[:5]
        ]
        return refused(422, "; ".join(faults) + ".", "Send JSON with Content-Type: application/json.")

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        return refused(error.status_code, f"{error.detail}.")

    @app.exception_handler(Exception)  # the boundary towards callers; the server logs it
    async def crashed(_: Request, error: Exception) -> Response:
        detail = f"The daemon itself failed ({type(error).__name__})."
        fault = failure(Failure.ENGINE_FAILED, detail, "See the daemon's log.")
        return _response(ErrorAnswer.of(fault), 500)


def _response(answer: Answer, status: int | None = None) -> Response:
    if status is None:
        status = _STATUS[TAXONOMY[answer.code].exit] if isinstance(answer, ErrorAnswer) else 200
    return JSONResponse(answer.model_dump(mode="json"), status)
