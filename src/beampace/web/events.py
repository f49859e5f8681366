"""The ledger's events as server-sent events: append-only, resumed by id, with a heartbeat."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool

HEARTBEAT_S = 15.0
POLL_S = 0.2
PAGE = 500


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


async def event_stream(
    source: EventSource,
    after: int,
    stopping: asyncio.Event,
    group: str | None = None,
    heartbeat_s: float = HEARTBEAT_S,
) -> AsyncIterator[str]:
    """Events after `after` as text of the SSE format, until `stopping` is set.

    Args:
        source: where they come from.
        after: id of the last event the reader has.
        stopping: set when the server stops.
        group: only events of this group and those of none; None for all.
        heartbeat_s: seconds of silence after which a comment is sent.
    """
    yield f"retry: 1000\n: from {after}\n\n"
    spoken = time.monotonic()
    while not stopping.is_set():
        page = await run_in_threadpool(source.events, after, PAGE)
        shown = [event for event in page if group is None or event.group in ("", group)]
        if shown:
            yield "".join(event_text(event) for event in shown)
            spoken = time.monotonic()
        elif time.monotonic() - spoken >= heartbeat_s:
            yield ": still here\n\n"
            spoken = time.monotonic()
        after = page[-1].id if page else after
        if len(page) < PAGE:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), POLL_S)


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
