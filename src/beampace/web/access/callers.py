"""Who calls: by bearer token or by the cookie of a session."""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool

from beampace.store import SessionRow
from beampace.web.access.cookies import cookie_name, cookie_of
from beampace.web.access.door import Door
from beampace.web.access.secrets import csrf_of
from beampace.web.access.way import Way
from beampace.web.tokens import Role, Tokens
from beampace.web.viewer import Viewer, ViewerKind

Scope = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody known.

    Attributes:
        viewer: what he may see and do.
        roles: of his bearer token; empty with a session.
        key: stands for him where requests are counted.
        secret: of his session, or "".
    """

    viewer: Viewer
    roles: frozenset[Role]
    key: str
    secret: str = ""


async def caller_of(scope: Scope, way: Way, tokens: Tokens, door: Door) -> Caller | None:
    """Who calls, or None: a bearer token goes before a cookie, and a wrong one is not made good by it."""
    if any(name == b"authorization" for name, _ in scope["headers"]):
        return _bearer(_token(scope), way, tokens)
    name = cookie_name(door.settings.base_path, https=way.https)
    secret = cookie_of(scope["headers"], name)
    return await _session(secret, way, door) if secret else None


def _bearer(token: str, way: Way, tokens: Tokens) -> Caller | None:
    roles = tokens.roles(token)
    if roles is None:
        return None
    kind = ViewerKind.STAFF if Role.ACT in roles else ViewerKind.PROGRAM
    key = "token " + hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
    return Caller(Viewer(kind, address=way.address), roles, key)


async def _session(secret: str, way: Way, door: Door) -> Caller | None:
    row = door.sessions.known(secret)
    if row is None and not door.limits.lookups.take(way.address):
        row = await run_in_threadpool(door.sessions.find, secret)
    if row is None:
        return None
    if row.address != way.address:
        await run_in_threadpool(door.sessions.seen_at, secret, row, way.address)
    return Caller(_viewer(row, secret, way), frozenset(), f"session {row.id}", secret)


def _viewer(row: SessionRow, secret: str, way: Way) -> Viewer:
    return Viewer(
        ViewerKind(row.kind),
        row.beamtime,
        row.group,
        session=str(row.id),
        csrf=csrf_of(secret),
        address=way.address,
    )


def _token(scope: Scope) -> str:
    """The bearer token of a request, "" without one or with several."""
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1:
        return ""
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
