"""Access by commands: whoever may give the daemon commands lets others in."""

from __future__ import annotations

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.store import Deed
from beampace.web import (
    AccessAnswer,
    AccessAuditRequest,
    AccessLinkRequest,
    AccessListRequest,
    AccessPasswordRequest,
    AccessRevokeRequest,
    AuditAnswer,
    DoneAnswer,
    LinkAnswer,
)
from beampace.web.access.door import Door, WantedPass
from beampace.web.access.showing import deed_info, pass_info, password_info, session_info


class AccessDesk:
    """The part of the daemon's control that is about access."""

    __slots__ = ()

    door: Door | None

    def access_link(self, request: AccessLinkRequest) -> LinkAnswer:
        """Make a link."""
        door = self._open_door()
        beamtime = _beamtime(door, request.beamtime, request.group)
        wanted = WantedPass(request.kind, beamtime, request.group, request.hours, request.note)
        address, row = door.make(wanted)
        _note(door, "link_made", f"pass-{row.id}", _whose(beamtime, request.group, row.role))
        return LinkAnswer(id=f"pass-{row.id}", address=address, expires=row.expires)

    def access_password(self, request: AccessPasswordRequest) -> DoneAnswer:
        """Set a password."""
        door = self._open_door()
        beamtime = _beamtime(door, request.beamtime, request.group)
        door.set_password(beamtime, request.group, request.password)
        whose = _whose(beamtime, request.group, "staff")
        _note(door, "password_set", whose)
        return DoneAnswer(words=f"The password of {whose} is set; sessions by an earlier one have ended.")

    def access_list(self, request: AccessListRequest) -> AccessAnswer:
        """Who may come in, and who is in."""
        del request
        ledger = self._open_door().ledger
        return AccessAnswer(
            passes=tuple(pass_info(row, ledger.now()) for row in ledger.passes()),
            sessions=tuple(session_info(row) for row in ledger.sessions()),
            passwords=tuple(password_info(row) for row in ledger.passwords()),
        )

    def access_revoke(self, request: AccessRevokeRequest) -> DoneAnswer:
        """Take a link back, or end a session."""
        door = self._open_door()
        what, _, number = request.id.partition("-")
        done = door.revoke(int(number)) if what == "pass" else door.sessions.end(int(number))
        if not done:
            raise failure(
                Failure.BAD_REQUEST,
                f"There is no {request.id} that lets anybody in.",
                "See `beampace access list`.",
            )
        _note(door, "revoked", request.id)
        return DoneAnswer(words=f"{request.id} lets nobody in any more.")

    def access_audit(self, request: AccessAuditRequest) -> AuditAnswer:
        """Who did what."""
        rows = self._open_door().ledger.deeds(request.beamtime or None, request.limit)
        return AuditAnswer(deeds=tuple(deed_info(row) for row in rows))

    def _open_door(self) -> Door:
        if self.door is None:
            raise failure(
                Failure.BAD_REQUEST,
                "The HTTP interface is switched off: there are no pages to let anybody in.",
                "Set [http] port and start the daemon again.",
            )
        return self.door


def _beamtime(door: Door, asked: str, group: str) -> str:
    """The beamtime of a group: the one asked for, else the open one.

    Raises:
        InputError: none is open, or one is given without a group (bad_request).
    """
    if not group:
        if asked:
            raise failure(
                Failure.BAD_REQUEST, "A beamtime alone says not for whom.", "Name the group too: --group."
            )
        return ""
    beamtime = asked or next((row.id for row in door.ledger.beamtimes() if row.closed is None), "")
    if not beamtime:
        raise failure(Failure.BAD_REQUEST, "No beamtime is open.", "Name one: --beamtime ID.")
    return beamtime


def _whose(beamtime: str, group: str, role: str) -> str:
    return f"group {group} of {beamtime}" if group else role


def _note(door: Door, deed: str, what: str, detail: str = "") -> None:
    door.ledger.write_down(Deed("command", "", "", "", "", deed, what, detail))
