"""Bodies of requests: bounded, in time, read once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from beampace.web.requests import MAX_REQUEST_BYTES

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_FIELDS = 100
"""Fields of a form."""


async def body_of(receive: Receive, patience_s: float) -> bytes | None:
    """The whole body, or None when it is too long.

    Raises:
        TimeoutError: it did not come in time.
    """
    async with asyncio.timeout(patience_s):
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return bytes(body)
            body += message.get("body", b"")
            if len(body) > MAX_REQUEST_BYTES:
                return None
            if not message.get("more_body", False):
                return bytes(body)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once and then what really comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def form_field(body: bytes, name: str) -> str:
    """The only value of a field of a form as browsers send it, "" when there is none, or several.

    Raises:
        ValueError: it is no form.
    """
    fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    values = [value for key, value in fields if key == name]
    return values[0] if len(values) == 1 else ""
