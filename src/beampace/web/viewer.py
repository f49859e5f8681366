"""The viewer: who asks for a page, and what he may see and do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import Request

from beampace.core.scope import Scope


class ViewerKind(StrEnum):
    """Kinds of viewers."""

    STAFF = "staff"
    GROUP = "group"
    WALL = "wall"
    PROGRAM = "program"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who was let in.

    Attributes:
        kind: `staff` (all, and access itself), `group` (its own things), `wall` (a screen: looks only),
            `program` (a bearer token with the role `read`: looks only, without a session).
        beamtime, group: what a group, or a wall screen of one group, is bound to; "" for all.
        session: opaque id of the session, for the audit; "" without one.
        csrf: what forms of this session have to carry; "" without a session.
        address: where the request comes from.
    """

    kind: ViewerKind
    beamtime: str = ""
    group: str = ""
    session: str = ""
    csrf: str = ""
    address: str = ""

    @property
    def scope(self) -> Scope:
        """What he may see."""
        return Scope(self.beamtime or None, self.group or None)

    @property
    def is_staff(self) -> bool:
        """Whether he may see what concerns staff: troubles, audit, access."""
        return self.kind is ViewerKind.STAFF

    @property
    def reads_reports(self) -> bool:
        """Whether he may have the report of a beamtime, and the account on the cluster."""
        return self.kind in (ViewerKind.STAFF, ViewerKind.PROGRAM)

    @property
    def sees_all(self) -> bool:
        """Whether nothing is hidden from him for being another group's."""
        return not self.group

    @property
    def may_act(self) -> bool:
        """Whether he may reprocess and cancel what he sees."""
        return self.kind in (ViewerKind.STAFF, ViewerKind.GROUP)

    @property
    def may_download(self) -> bool:
        """Whether he may take files with him; a screen on the wall only shows."""
        return self.kind is not ViewerKind.WALL

    @property
    def name(self) -> str:
        """Who it is, in words."""
        return f"group {self.group} of {self.beamtime}" if self.group else self.kind.value


def viewer_of(request: Request) -> Viewer:
    """The viewer whom the guard let in; a dependency of routes."""
    viewer: Viewer = request.scope["state"]["viewer"]
    return viewer
