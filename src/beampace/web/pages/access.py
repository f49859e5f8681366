"""The page of access, for staff: links, passwords, wall screens, sessions, and who did what."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from starlette.responses import RedirectResponse, Response

from beampace.core.scope import Scope
from beampace.web.access.auditing import write_down
from beampace.web.access.door import LINK_H, WALL_H, WantedPass
from beampace.web.access.passwords import LONGEST, SHORTEST
from beampace.web.access.showing import deed_info, pass_info, password_info, session_info
from beampace.web.choice import chosen_beamtime
from beampace.web.parts import Parts
from beampace.web.render import Renderer
from beampace.web.viewer import Viewer, viewer_of

Short = Annotated[str, Form(max_length=200)]
Asking = Annotated[Viewer, Depends(viewer_of)]


def router(parts: Parts, renderer: Renderer) -> APIRouter:
    """The routes."""
    routes = APIRouter(include_in_schema=False, prefix="/access")
    office = _Office(parts, renderer)

    @routes.get("")
    def overview(
        request: Request, viewer: Asking, beamtime: Annotated[str, Query(max_length=200)] = ""
    ) -> Response:
        _staff_only(viewer)
        return office.page(request, viewer, beamtime)

    @routes.post("/link")
    def make_link(
        request: Request,
        viewer: Asking,
        kind: Annotated[Literal["group", "staff", "wall"], Form()],
        beamtime: Short = "",
        group: Short = "",
        hours: Annotated[float | None, Form(gt=0, le=366 * 24)] = None,
        note: Short = "",
    ) -> Response:
        _logged_in_staff(viewer)
        return office.make_link(request, viewer, _wanted(kind, beamtime, group, hours, note), beamtime)

    @routes.post("/password")
    def set_password(
        viewer: Asking,
        whose: Annotated[Literal["group", "staff"], Form()],
        password: Annotated[str, Form(max_length=1000)],
        beamtime: Short = "",
        group: Short = "",
    ) -> Response:
        _logged_in_staff(viewer)
        owner = ("", "") if whose == "staff" else _named(beamtime, group)
        parts.door.set_password(*owner, password, keep=int(viewer.session))
        write_down(parts, viewer, "password_set", f"group {owner[1]} of {owner[0]}" if owner[1] else "staff")
        return office.back(beamtime)

    @routes.post("/revoke")
    def revoke(
        viewer: Asking, number: Annotated[int, Form(ge=1, le=2**62)], beamtime: Short = ""
    ) -> Response:
        _logged_in_staff(viewer)
        if parts.door.revoke(number):
            write_down(parts, viewer, "revoked", f"pass-{number}")
        return office.back(beamtime)

    @routes.post("/end")
    def end(viewer: Asking, number: Annotated[int, Form(ge=1, le=2**62)], beamtime: Short = "") -> Response:
        _logged_in_staff(viewer)
        if parts.door.sessions.end(number):
            write_down(parts, viewer, "revoked", f"session-{number}")
        return office.back(beamtime)

    return routes


class _Office:
    """Shows who may come in, and makes links."""

    def __init__(self, parts: Parts, renderer: Renderer) -> None:
        self._parts = parts
        self._renderer = renderer

    def page(self, request: Request, viewer: Viewer, asked: str, made: str = "") -> Response:
        """The page; `made` is the address of a link just made, shown this once."""
        ledger = self._parts.ledger
        chosen = chosen_beamtime(ledger, viewer, asked)
        beamtime = chosen.id if chosen else ""
        return self._renderer.page(
            request,
            "access.html.j2",
            viewer,
            made=made,
            beamtime=beamtime,
            beamtimes=[row.id for row in ledger.beamtimes()],
            groups=ledger.groups_in(Scope(beamtime)) if beamtime else (),
            passes=[pass_info(row, ledger.now()) for row in ledger.passes()],
            sessions=[session_info(row) for row in ledger.sessions()],
            passwords=[password_info(row) for row in ledger.passwords()],
            deeds=[deed_info(row) for row in ledger.deeds(beamtime or None)],
            hours={"link": LINK_H, "wall": WALL_H},
            shortest=SHORTEST,
            longest=LONGEST,
        )

    def make_link(self, request: Request, viewer: Viewer, wanted: WantedPass, asked: str) -> Response:
        """Make a link and show it."""
        address, row = self._parts.door.make(wanted)
        whose = f"group {row.group} of {row.beamtime}" if row.group else row.role
        write_down(self._parts, viewer, "link_made", f"pass-{row.id}", f"{row.kind} for {whose}")
        known = {beamtime.id for beamtime in self._parts.ledger.beamtimes()}
        return self.page(request, viewer, asked if asked in known else "", address)

    def back(self, beamtime: str) -> Response:
        """To the page, which can then be loaded again without doing anything twice."""
        known = beamtime in {row.id for row in self._parts.ledger.beamtimes()}
        return RedirectResponse(
            self._renderer.address(f"/access?beamtime={beamtime}" if known else "/access"), 303
        )


def _staff_only(viewer: Viewer) -> None:
    if not viewer.is_staff:
        raise HTTPException(403, "This page is for the beamline staff")


def _logged_in_staff(viewer: Viewer) -> None:
    """A program with a token acts on datasets; whom to let in is decided by people."""
    if not viewer.is_staff or not viewer.session:
        raise HTTPException(403, "Only beamline staff who are logged in let others in")


def _wanted(kind: str, beamtime: str, group: str, hours: float | None, note: str) -> WantedPass:
    if kind == "staff":
        return WantedPass("link", hours=hours, note=note)
    if kind == "wall" and not group.strip():
        return WantedPass("wall", hours=hours, note=note)
    return WantedPass("wall" if kind == "wall" else "link", *_named(beamtime, group), hours, note)


def _named(beamtime: str, group: str) -> tuple[str, str]:
    """Beamtime and group of a form; never an empty group, which would stand for staff."""
    if not beamtime.strip() or not group.strip():
        raise HTTPException(422, "A group and its beamtime are needed")
    return beamtime.strip(), group.strip()
