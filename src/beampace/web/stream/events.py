"""Events of the ledger and live rows of frames as server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as Call

from beampace.core.errors import BeampaceError, failure
from beampace.core.scope import Scope
from beampace.core.taxonomy import Failure
from beampace.web.answers import ErrorAnswer
from beampace.web.api.responses import response
from beampace.web.live_source import LiveSource
from beampace.web.missing import missing
from beampace.web.parts import Parts
from beampace.web.stream.hub import Hub, waited
from beampace.web.stream.rows import LiveRows, woken
from beampace.web.viewer import Viewer, viewer_of

MOST_STREAMS = 200
"""Readers of events served at once."""

MOST_PER_READER = 64
"""Of them, those of one session, or of one address without a session."""

PIECE = 65536
STUCK_S = 30.0
"""Seconds in which a reader has to take a piece of so many bytes."""

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(slots=True)
class Stream:
    """What one reader gets: events after the last one it has, and live rows when it wants them.

    Attributes:
        hub: where events come from.
        rows: where live rows come from; None for a reader who wants none.
        scope: what may be seen.
        after: id of the last event the reader has.
        heartbeat_s: seconds of silence after which a comment is sent.
    """

    hub: Hub
    rows: LiveRows | None
    scope: Scope
    after: int
    heartbeat_s: float
    _number: int | None = None
    _spoken: float = field(default_factory=time.monotonic)

    async def texts(self, stopping: asyncio.Event) -> AsyncIterator[bytes]:
        """What is to be sent, until `stopping` is set."""
        yield f"retry: 1000\n: from {self.after}\n\n".encode()
        with ExitStack() as held:
            held.enter_context(self.hub.following())
            if self.rows is not None:
                held.enter_context(self.rows.following())
            while not stopping.is_set():
                news = self.hub.news
                text = await self._next()
                if text:
                    self._spoken = time.monotonic()
                    yield text
                elif text is not None:
                    await waited(news, self._quiet_s)
                    if self._quiet_s <= 0 and not stopping.is_set():
                        self._spoken = time.monotonic()
                        yield b": still here\n\n"

    @property
    def _quiet_s(self) -> float:
        return max(0.0, self._spoken + self.heartbeat_s - time.monotonic())

    async def _next(self) -> bytes | None:
        """What is new; None when there is more that is not to be seen."""
        before, live = self.after, b""
        self.after, text = await self.hub.after(before, self.scope)
        if self.rows is not None:
            self._number, live = self.rows.after(self._number, self.scope)
        return text + live or (b"" if self.after == before else None)


def router(parts: Parts, stopping: asyncio.Event) -> APIRouter:
    """The route."""
    routes = APIRouter()
    hub = Hub(parts.ledger, stopping)
    feeds = _Feeds(hub, parts.live)
    open_streams: Counter[str] = Counter()

    @routes.get("/api/events", summary="Follow events", response_class=StreamingResponse)
    async def follow(
        viewer: Annotated[Viewer, Depends(viewer_of)],
        after: Annotated[int, Query(ge=0, lt=2**63, title="Id of the last event that is known")] = 0,
        live: Annotated[bool, Query(title="Whether rows of frames are wanted, too")] = False,  # noqa: FBT002 - a query
        group: Annotated[str, Query(max_length=200, title="Only what is this group's")] = "",
        last_event_id: Annotated[
            int | None, Header(ge=0, lt=2**63, title="The same as `after`, as browsers resume")
        ] = None,
    ) -> Response:
        """Server-sent events: each has the id, topic and JSON of the ledger's event.

        With `live`, rows of looks and maps under way come as events `live` without an id.
        """
        scope = narrowed(viewer.scope, group)
        who = viewer.session or viewer.address
        if (refusal := _full(open_streams, who)) is not None:
            return response(ErrorAnswer.of(refusal))
        first = after if last_event_id is None else last_event_id
        rows = feeds.rows() if live else None
        stream = Stream(hub, rows, scope, first, parts.settings.heartbeat_s)
        return _Counted(stream, stopping, Seat(open_streams, who))

    return routes


def narrowed(scope: Scope, group: str) -> Scope:
    """The part of a scope that is a group's.

    Raises:
        HTTPException: 404: it is another group's.
    """
    if not group:
        return scope
    if scope.group not in (None, group):
        raise missing("group")
    return Scope(scope.beamtime, group)


def _full(open_streams: Counter[str], who: str) -> BeampaceError | None:
    if open_streams.total() >= MOST_STREAMS:
        detail = f"{MOST_STREAMS} readers follow the events already."
    elif open_streams[who] >= MOST_PER_READER and who:
        detail = f"{MOST_PER_READER} pages of yours follow the events already."
    else:
        return None
    return failure(Failure.REJECTED_BY_QUEUE, detail, "Close another page or try again later.")


class Seat:
    """A place among the readers, taken for as long as the context lasts."""

    def __init__(self, taken: Counter[str], who: str) -> None:
        self._taken, self._who = taken, who

    def __enter__(self) -> None:
        self._taken[self._who] += 1

    def __exit__(self, *_: object) -> None:
        self._taken[self._who] -= 1
        if not self._taken[self._who]:
            del self._taken[self._who]


class _Feeds:
    """Makes the live rows when they are first asked for: they wake readers in the loop that serves."""

    def __init__(self, hub: Hub, source: LiveSource) -> None:
        self._hub = hub
        self._source = source
        self._rows: LiveRows | None = None

    def rows(self) -> LiveRows:
        if self._rows is None:
            self._rows = LiveRows(self._source, woken(asyncio.get_running_loop(), self._hub.tell))
        return self._rows


class _Counted(Response):
    """A stream that is counted for as long as it lasts.

    It ends when its reader is gone or stuck, and when the server stops; with the session the guard ends it.
    """

    def __init__(self, stream: Stream, stopping: asyncio.Event, seat: Seat) -> None:
        super().__init__(media_type="text/event-stream", headers=_HEADERS)
        del self.headers["content-length"]
        self._stream, self._stopping, self._seat = stream, stopping, seat

    async def __call__(self, scope: Call, receive: Receive, send: Send) -> None:
        """Send until one of the ends is there."""
        del scope
        with self._seat:
            tasks = [asyncio.create_task(one) for one in (self._send(send), _gone(receive))]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, OSError | TimeoutError):
                raise end
        with suppress(OSError):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async for text in self._stream.texts(self._stopping):
            for begin in range(0, len(text), PIECE):
                body = text[begin : begin + PIECE]
                async with asyncio.timeout(STUCK_S):
                    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
