"""Log-in and log-out: by the password of a group or of staff, or by a link."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from beampace.core.errors import BeampaceError
from beampace.store import SessionRow
from beampace.web.access.auditing import write_down
from beampace.web.access.cookies import clear_cookie, set_cookie
from beampace.web.access.door import named
from beampace.web.access.paths import local_path
from beampace.web.access.way import Way
from beampace.web.parts import Parts
from beampace.web.render import Renderer
from beampace.web.viewer import Viewer, ViewerKind, viewer_of

WRONG = "Beamtime, group and password do not fit together."
SPENT = "This link does not let in: it was used, it is too old, or it was taken back."
OPEN_WAY = "Log-in needs https: a password must not be read by others on its way."

Short = Annotated[str, Form(max_length=200)]
Long = Annotated[str, Form(max_length=2000)]


def router(parts: Parts, renderer: Renderer) -> APIRouter:
    """The routes."""
    routes, counter = APIRouter(include_in_schema=False), _Counter(parts, renderer)

    @routes.get("/login")
    def login_page(request: Request, next: Annotated[str, Query(max_length=2100)] = "/") -> Response:  # noqa: A002
        return counter.form(request, local_path(next))

    @routes.post("/login")
    async def log_in(
        request: Request,
        who: Short = "group",
        beamtime: Short = "",
        group: Short = "",
        password: Annotated[str, Form(max_length=1000)] = "",
        next: Long = "/",  # noqa: A002
    ) -> Response:
        whose = ("", "") if who == "staff" else (beamtime.strip(), group.strip())
        to = local_path(next)
        refusal = await run_in_threadpool(counter.refusal, request, to, whose)
        if refusal is not None:
            return refusal
        return await counter.by_password(request, whose, password, to)

    @routes.get("/in")
    def link_page(request: Request) -> Response:
        return renderer.page(request, "in.html.j2", None, words="")

    @routes.post("/in")
    def enter(request: Request, token: Long = "") -> Response:
        return counter.refusal(request, "/", None) or counter.by_link(request, token)

    @routes.post("/logout")
    def log_out(request: Request, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        if viewer.session:
            parts.door.sessions.end(int(viewer.session))
            write_down(parts, viewer, "logged_out", viewer.name)
        answer = RedirectResponse(renderer.address("/login"), 303)
        clear_cookie(answer, parts.settings.base_path, https=way_of_request(request).https)
        return answer

    return routes


def way_of_request(request: Request) -> Way:
    """The way the guard found."""
    way: Way = request.scope["state"]["way"]
    return way


class _Counter:
    """Where people come in."""

    def __init__(self, parts: Parts, renderer: Renderer) -> None:
        self._parts = parts
        self._renderer = renderer

    def form(self, request: Request, to: str, words: str = "", status: int = 200) -> Response:
        """The page to log in."""
        rows = self._parts.ledger.beamtimes()
        shown = next((row.id for row in rows if row.closed is None), rows[0].id if rows else "")
        return self._renderer.page(
            request, "login.html.j2", None, status, next=to, words=words, beamtime=shown
        )

    def refusal(self, request: Request, to: str, whose: tuple[str, str] | None) -> Response | None:
        """Why nobody is let in by this way, or so often; the name counts besides the address."""
        way, limits = way_of_request(request), self._parts.door.limits
        if not way.private:
            public = self._parts.settings.public_url
            hint = f" Use {public}/login." if public.startswith("https:") else " Ask the beamline staff."
            return self.form(request, to, OPEN_WAY + hint, 403)
        wait = limits.address.take(way.address)
        if not wait and whose is not None:
            wait = limits.name.take("\0".join(whose))
        if not wait:
            return None
        answer = self.form(request, to, f"Too many attempts: try again in {wait} s.", 429)
        answer.headers["Retry-After"] = str(wait)
        return answer

    async def by_password(self, request: Request, whose: tuple[str, str], password: str, to: str) -> Response:
        """Let in by a password, or not."""
        door, address = self._parts.door, way_of_request(request).address
        wanted = _names(whose)
        right = await asyncio.wrap_future(door.passwords.check(*(wanted or ("-", "-")), password))
        if wanted is None or not right:
            said = " of ".join(reversed(whose)) if any(whose) else "staff"
            await run_in_threadpool(door.refused, address, f"password of {said}")
            return await run_in_threadpool(self.form, request, to, WRONG, 401)
        secret, row = await run_in_threadpool(door.begin, *whose, address)
        return await run_in_threadpool(self._let_in, request, secret, row, to)

    def by_link(self, request: Request, token: str) -> Response:
        """Let in by a link or as a screen, or not."""
        door, address = self._parts.door, way_of_request(request).address
        entered = door.enter(token, address)
        if entered is None:
            door.refused(address, "link")
            return self._renderer.page(request, "in.html.j2", None, 401, words=SPENT)
        return self._let_in(request, *entered, "/")

    def _let_in(self, request: Request, secret: str, row: SessionRow, to: str) -> Response:
        self._end_former(request)
        way, settings = way_of_request(request), self._parts.settings
        viewer = Viewer(ViewerKind(row.kind), row.beamtime, row.group, str(row.id), "", way.address)
        write_down(self._parts, viewer, "logged_in", viewer.name, f"by {row.way}")
        answer = RedirectResponse(self._renderer.address(to), 303)
        lasts_s = (row.expires - row.begun).total_seconds()
        set_cookie(answer, secret, lasts_s, settings.base_path, https=way.https)
        return answer

    def _end_former(self, request: Request) -> None:
        """The cookie of a former session is written over: that session is nobody's any more."""
        former: Viewer | None = request.scope["state"]["viewer"]
        if former is not None and former.session:
            self._parts.door.sessions.end(int(former.session))


def _names(whose: tuple[str, str]) -> tuple[str, str] | None:
    """Whose password it is said to be; None when it can be nobody's."""
    if whose == ("", ""):
        return whose
    try:
        named(*whose)
    except BeampaceError:
        return None
    return whose
