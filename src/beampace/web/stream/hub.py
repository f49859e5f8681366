"""The hub: one reader of the ledger's events for all who follow them.

Nothing is pushed into queues: each reader has its own place, an event id, and takes from the hub's ring what
lies behind it, or from the ledger what the ring no longer has. So a slow reader costs no memory, and nobody
misses an event or gets one twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool

from beampace.core.errors import InfrastructureError
from beampace.core.scope import Scope
from beampace.web.stream.audience import covers

POLL_S = 0.1
PAGE = 500
MOST_KEPT = 5000
"""Events kept in memory; older ones are read from the ledger."""

log = logging.getLogger("beampace.web")


class EventRecord(Protocol):
    """An event as the ledger has it."""

    @property
    def id(self) -> int:
        """Its number; grows."""
        ...

    @property
    def at(self) -> datetime:
        """When it was written down."""
        ...

    @property
    def topic(self) -> str:
        """What it is about."""
        ...

    @property
    def beamtime(self) -> str:
        """Of which beamtime, or ""."""
        ...

    @property
    def group(self) -> str:
        """Of which group, or ""."""
        ...

    @property
    def payload(self) -> Any:
        """Particulars, JSON."""
        ...


class EventSource(Protocol):
    """Where events come from; the ledger is one. Called in threads."""

    def events(self, after: int = 0, limit: int = PAGE) -> Sequence[EventRecord]:
        """Events with ids above `after`, in the order of their ids, at most `limit`."""
        ...

    def last_event(self) -> int:
        """Id of the last event, 0 when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """An event as text of the SSE format.

    Attributes:
        id: its number.
        topic, beamtime, group: decide who sees it.
        text: what is sent.
    """

    id: int
    topic: str
    beamtime: str
    group: str
    text: bytes

    @classmethod
    def of(cls, event: EventRecord) -> Encoded:
        """Of an event; its data are one line of JSON."""
        return cls(event.id, event.topic, event.beamtime, event.group, event_text(event).encode())


class Hub:
    """Reads events while anybody follows them.

    Args:
        source: where they come from.
        stopping: set when the server stops; then all readers are woken.
        poll_s: seconds between two looks.
    """

    def __init__(self, source: EventSource, stopping: asyncio.Event, poll_s: float = POLL_S) -> None:
        self._source = source
        self._stopping = stopping
        self._poll_s = poll_s
        self._ring: deque[Encoded] = deque(maxlen=MOST_KEPT)
        self._first = 0
        """All events above this id, up to the last of the ring, are in the ring."""
        self._last: int | None = None
        self._readers = 0
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    @property
    def news(self) -> asyncio.Event:
        """Set at the next piece of news; take it before looking for news."""
        return self._news

    def tell(self) -> None:
        """Wake all readers."""
        woken, self._news = self._news, asyncio.Event()
        woken.set()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Somebody reads for as long as the context lasts; the hub is idle while nobody does."""
        self._readers += 1
        if self._task is None:
            self._ring.clear()  # what came since nobody listened is in the ledger for whoever asks
            self._last = None
            self._task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            self._readers -= 1
            if self._readers == 0 and self._task is not None:
                self._task.cancel()
                self._task = None

    async def after(self, id_: int, scope: Scope) -> tuple[int, bytes]:
        """What a scope has to see of the next events after one, and the id to go on from.

        The id grows while there are more events, seen or not.
        """
        kept = self._kept(id_)
        page = await self._page(id_) if kept is None else kept
        shown = [one.text for one in page if covers(scope, one.topic, one.beamtime, one.group)]
        return (page[-1].id if page else id_), b"".join(shown)

    def _kept(self, id_: int) -> list[Encoded] | None:
        """Events after `id_`, or None when some of them are only in the ledger."""
        if self._last is not None and id_ >= self._last:
            return []
        if self._last is None or id_ < self._first:
            return None
        found: list[Encoded] = []
        for one in reversed(self._ring):
            if one.id <= id_:
                break
            found.append(one)
        return found[::-1]

    async def _page(self, id_: int) -> list[Encoded]:
        return [Encoded.of(event) for event in await run_in_threadpool(self._source.events, id_, PAGE)]

    async def _follow(self) -> None:
        while not self._stopping.is_set():
            with _tolerant():
                await self._look()
            await waited(self._stopping, self._poll_s)
        self.tell()

    async def _look(self) -> None:
        """Take in what is new."""
        if self._last is None:
            self._first = self._last = await run_in_threadpool(self._source.last_event)
            self.tell()
        while page := await self._page(self._last):
            for one in page:
                if len(self._ring) == MOST_KEPT:
                    self._first = self._ring[0].id
                self._ring.append(one)
            self._last = page[-1].id
            self.tell()
            if len(page) < PAGE:
                return


@contextmanager
def _tolerant() -> Iterator[None]:
    """A ledger that does not answer now may answer later; readers wait."""
    try:
        yield
    except InfrastructureError as error:
        log.warning("events cannot be read now: %s", error)


def event_text(event: EventRecord) -> str:
    """One event; its data are one line of JSON."""
    data = {
        "id": event.id,
        "at": event.at.isoformat(),
        "topic": event.topic,
        "beamtime": event.beamtime,
        "group": event.group,
        "payload": event.payload,
    }
    topic = "".join(sign for sign in event.topic if sign.isalnum() or sign in "._-")
    return f"id: {event.id}\nevent: {topic}\ndata: {json.dumps(data, default=dict)}\n\n"


async def waited(news: asyncio.Event, seconds: float) -> bool:
    """Wait for news; whether they came in time."""
    with suppress(TimeoutError):
        await asyncio.wait_for(news.wait(), seconds)
    return news.is_set()
