"""The door of the HTTP interface: a token, a role and a bounded body, or nothing behind it is reached."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import JSONResponse

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.web.answers import ErrorAnswer
from beampace.web.requests import MAX_REQUEST_BYTES
from beampace.web.tokens import Role, Tokens

BODY_S = 10.0
"""Seconds a caller has to send a body."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
)

log = logging.getLogger("beampace.web")


class Guard:
    """What stands before the application: to ask (GET, HEAD) needs `read`, all else needs `announce`."""

    def __init__(self, app: App, tokens: Tokens, body_s: float = BODY_S) -> None:
        self._app = app
        self._tokens = tokens
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif (refusal := self._refusal(scope)) is not None:
            await refusal(scope, receive, _with_headers(send))
        else:
            await self._pass(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        roles = self._tokens.roles(_token(scope))
        needed = Role.READ if scope["method"] in ("GET", "HEAD") else Role.ANNOUNCE
        if roles is None:
            log.warning("%s without a known token from %s", scope["method"], _caller(scope))
            return _refused(401, "It carries no token that is known here.", {"WWW-Authenticate": "Bearer"})
        if needed not in roles:
            return _refused(403, f"Its token does not have the role {needed}.")
        return None

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._body_s):
                body = await _body(receive)
        except TimeoutError:
            answer = refused(408, f"Its body did not come within {self._body_s:g} s.")
            return await answer(scope, receive, send)
        if body is None:
            answer = refused(413, f"Its body is longer than {MAX_REQUEST_BYTES} bytes.")
            return await answer(scope, receive, send)
        return await self._app(scope, _replayed(body, receive), send)


def refused(status: int, detail: str, hint: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer in the taxonomy's words to a request that cannot be carried out as it is."""
    step = f"{hint} See /api/openapi.json for what is taken.".strip()
    answer = ErrorAnswer.of(failure(Failure.BAD_REQUEST, detail, step))
    return JSONResponse(answer.model_dump(mode="json"), status, headers)


def _refused(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    hint = "Send `Authorization: Bearer TOKEN`; the beamline staff have the tokens."
    return refused(status, detail, hint, headers)


def _token(scope: Scope) -> str:
    """The bearer token of a request, "" without one or with several."""
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1:
        return ""
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _caller(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "somewhere"


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None when it is too long."""
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


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once and then what really comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
        await send(message)

    return sending
