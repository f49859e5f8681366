"""The guard of the HTTP interface: whoever is not let in reaches nothing behind it."""

from __future__ import annotations

import logging
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from beampace.core.errors import BeampaceError
from beampace.core.taxonomy import TAXONOMY
from beampace.web.access.bodies import App, Message, Receive, Scope, Send, body_of, form_field, replayed
from beampace.web.access.callers import Caller, caller_of
from beampace.web.access.door import Door
from beampace.web.access.paths import without_base
from beampace.web.access.secrets import same
from beampace.web.access.way import Way, is_ours, is_own_origin, way_of
from beampace.web.answers import ErrorAnswer
from beampace.web.api.responses import STATUS, refused, response
from beampace.web.failing import error_page, wants_page
from beampace.web.parts import Parts
from beampace.web.render import Renderer
from beampace.web.requests import MAX_REQUEST_BYTES
from beampace.web.tokens import Role

BODY_S = 10.0
"""Seconds a caller has to send a body."""

PUBLIC = ("/login", "/in")
"""Pages of those who are not let in yet."""

ACTIONS = ("/api/reprocess", "/api/cancel")
"""What makes work for the cluster."""

_ASKING = ("GET", "HEAD")

_HEADERS = {
    b"cache-control": b"no-store",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; sandbox",
}
"""Of every answer that does not say otherwise."""

_HTTPS_ONLY = {b"strict-transport-security": b"max-age=31536000"}

log = logging.getLogger("beampace.web")


class Guard:
    """What stands before the application.

    Args:
        app: the application.
        parts: for tokens, door and settings.
        renderer: for pages that say why somebody is not let in.
        body_s: seconds a caller has to send a body.
    """

    def __init__(self, app: App, parts: Parts, renderer: Renderer, body_s: float = BODY_S) -> None:
        self._app = app
        self._parts = parts
        self._renderer = renderer
        self._body_s = body_s

    @property
    def _door(self) -> Door:
        return self._parts.door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it here."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        settings = self._parts.settings
        way = way_of(scope, settings)
        send = _with_headers(send, https=way is not None and way.https)
        if way is None or not is_ours(way, scope, settings):
            answer: Response = refused(421, "It goes to a name this server does not have.", _NAMES)
            return await answer(scope, receive, send)
        path = without_base(scope["path"], settings.base_path)
        state = {**scope.get("state", {}), "way": way, "viewer": None}
        return await self._judged({**scope, "path": path, "state": state}, way, receive, send)

    async def _judged(self, scope: Scope, way: Way, receive: Receive, send: Send) -> None:
        try:
            caller = await caller_of(scope, way, self._parts.tokens, self._door)
        except BeampaceError as error:  # the ledger cannot be asked who it is
            status = STATUS[TAXONOMY[error.code].exit]
            return await response(ErrorAnswer.of(error), status)(scope, receive, send)
        scope["state"]["viewer"] = caller.viewer if caller else None
        refusal = self._too_often(scope, way, caller) or self._not_allowed(scope, way, caller)
        if refusal is not None:
            return await refusal(scope, receive, send)
        try:
            body = await body_of(receive, self._body_s)
        except TimeoutError:
            refusal = self._no(scope, 408, f"Its body did not come within {self._body_s:g} s.")
            return await refusal(scope, receive, send)
        if body is None:
            refusal = self._no(scope, 413, f"Its body is longer than {MAX_REQUEST_BYTES} bytes.")
        elif caller is not None and caller.secret and not _is_public(scope):
            refusal = self._forged(scope, way, caller, body)
        if refusal is not None or body is None:
            return await (refusal or self._no(scope, 400, "It has no body."))(scope, receive, send)
        return await self._pass(scope, replayed(body, receive), send, caller)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, caller: Caller | None) -> None:
        """Hand it on; what streams to a session ends with the session."""
        if caller is None or not caller.secret:
            return await self._app(scope, receive, send)
        try:
            await self._app(scope, receive, _while_it_lasts(send, self._door, caller.secret))
        except _SessionEndedError:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _too_often(self, scope: Scope, way: Way, caller: Caller | None) -> Response | None:
        if scope["path"].startswith("/static/"):
            return None
        key = caller.key if caller else f"address {way.address}"
        wait = self._door.limits.requests.take(key)
        if not wait and caller and scope["method"] == "POST" and scope["path"] in ACTIONS:
            wait = self._door.limits.actions.take(key)
        if not wait:
            return None
        said = "Too many requests came in a short time."
        return self._no(scope, 429, said, f"Try again in {wait} s.", {"Retry-After": str(wait)})

    def _not_allowed(self, scope: Scope, way: Way, caller: Caller | None) -> Response | None:
        asks = scope["method"] in _ASKING
        if _is_public(scope) or (asks and scope["path"].startswith("/static/")):
            return None if asks else self._foreign(scope, way)
        if caller is None:
            return self._unknown(scope, way, asks=asks)
        if not caller.secret:
            return self._no_role(scope, caller, asks=asks)
        if asks:
            return None
        may = caller.viewer.may_act and scope["path"] != "/api/announce"
        if not may and scope["path"] != "/logout":
            return self._no(scope, 403, f"It is not for {caller.viewer.name} to do.")
        return self._foreign(scope, way)

    def _unknown(self, scope: Scope, way: Way, *, asks: bool) -> Response:
        if asks and wants_page(Request(scope)):
            query = scope.get("query_string", b"").decode("latin-1")
            asked = scope["path"] + (f"?{query}" if query else "")
            to = self._renderer.address("/login")
            return RedirectResponse(to if asked == "/" else f"{to}?next={quote(asked, safe='/')}", 303)
        log.warning("%s without a known token or session from %s", scope["method"], way.address)
        detail = "It carries no token or session that is known here."
        return refused(401, detail, _TOKENS, {"WWW-Authenticate": "Bearer"})

    def _no_role(self, scope: Scope, caller: Caller, *, asks: bool) -> Response | None:
        announces = scope["path"] == "/api/announce" and not asks
        needed = Role.ANNOUNCE if announces else Role.READ if asks else Role.ACT
        allowed = {needed} if announces else {needed, Role.ACT}
        if caller.roles & allowed:
            return None
        return refused(403, f"Its token does not have the role {needed}.", _TOKENS)

    def _foreign(self, scope: Scope, way: Way) -> Response | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if is_own_origin(headers, way, self._parts.settings):
            return None
        log.warning("%s from a page of somebody else's, by way of %s", scope["method"], way.address)
        return self._no(scope, 403, "It comes from a page that is not of this server.")

    def _forged(self, scope: Scope, way: Way, caller: Caller, body: bytes) -> Response | None:
        if scope["method"] in _ASKING:
            return None
        said = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-csrf-token"]
        if not said and _is_form(scope):
            try:
                said = [form_field(body, "csrf")]
            except ValueError:
                return self._no(scope, 400, "Its form cannot be read.")
        if len(said) == 1 and same(said[0], caller.viewer.csrf):
            return None
        log.warning("%s without the sign of its session from %s", scope["method"], way.address)
        hint = "Load the page again; send what it carries as `csrf`, or as header X-CSRF-Token."
        return self._no(scope, 403, "It does not carry the sign of its session.", hint)

    def _no(
        self, scope: Scope, status: int, detail: str, hint: str = "", headers: dict[str, str] | None = None
    ) -> Response:
        if not wants_page(Request(scope)):
            return refused(status, detail, hint, headers)
        nobody = {**scope, "state": {**scope["state"], "viewer": None}}  # the ledger is not asked for it
        answer = error_page(self._renderer, Request(nobody), status, detail, hint)
        answer.headers.update(headers or {})
        return answer


_TOKENS = "Send `Authorization: Bearer TOKEN`; the beamline staff have the tokens."
_NAMES = "Use the address the beamline staff gave you; they set it as [http] public_url."


def _is_public(scope: Scope) -> bool:
    return scope["path"] in PUBLIC


def _is_form(scope: Scope) -> bool:
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    return len(kinds) == 1 and kinds[0].split(b";")[0].strip().lower() == b"application/x-www-form-urlencoded"


class _SessionEndedError(Exception):
    """A session ended while something was streamed to it."""


def _while_it_lasts(send: Send, door: Door, secret: str) -> Send:
    """A `send` that fails once the session has ended."""

    async def sending(message: Message) -> None:
        lasts = door.sessions.known(secret) or await run_in_threadpool(door.sessions.find, secret)
        if lasts is None and message["type"] == "http.response.body" and message.get("more_body", False):
            raise _SessionEndedError
        await send(message)

    return sending


def _with_headers(send: Send, *, https: bool) -> Send:
    ours = {**_HEADERS, **(_HTTPS_ONLY if https else {})}

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            named = {name.lower() for name, _ in given}
            added = [(name, value) for name, value in ours.items() if name not in named]
            message = {**message, "headers": [*given, *added]}
        await send(message)

    return sending
