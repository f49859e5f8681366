"""Rows of access as plain frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Way = Literal["link", "wall", "password"]
"""How somebody got in."""


@dataclass(frozen=True, slots=True)
class PassRow:
    """A one-time link, or the token of a wall screen; the token itself is nowhere kept.

    Attributes:
        id: number of the row.
        kind: `link` lets in once, `wall` again and again.
        role: what it makes of its bearer: `staff`, `group` or `wall`.
        beamtime, group: what he is bound to; "" for all.
        made: when it was made.
        expires: until when it lets in.
        used: when it last let somebody in, or None.
        revoked: when staff took it back, or None.
        note: what staff wrote beside it.
    """

    id: int
    kind: Literal["link", "wall"]
    role: Literal["staff", "group", "wall"]
    beamtime: str
    group: str
    made: datetime
    expires: datetime
    used: datetime | None = None
    revoked: datetime | None = None
    note: str = ""

    def lets_in(self, now: datetime) -> bool:
        """Whether it lets somebody in at a moment."""
        spent = self.kind == "link" and self.used is not None
        return self.revoked is None and not spent and now < self.expires


@dataclass(frozen=True, slots=True)
class PasswordRow:
    """That there is a password; its hash stays in the ledger."""

    beamtime: str
    group: str
    since: datetime


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A log-in; the secret of its cookie is nowhere kept.

    Attributes:
        id: number of the row; no secret.
        kind: of its viewer: `staff`, `group` or `wall`.
        beamtime, group: what he is bound to; "" for all.
        way: how he got in.
        begun: when.
        expires: until when it lasts.
        address: where he was last seen.
    """

    id: int
    kind: Literal["staff", "group", "wall"]
    beamtime: str
    group: str
    way: Way
    begun: datetime
    expires: datetime
    address: str = ""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A log-in to be written down; lengths in seconds."""

    secret: str
    kind: Literal["staff", "group", "wall"]
    beamtime: str
    group: str
    way: Way
    lasts_s: float
    address: str = ""
    by_pass: int | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did, for the audit.

    Attributes:
        viewer: kind of the viewer, or what stands for it: `command`, `stranger`.
        beamtime, group: what he is bound to.
        session: number of his session, or "".
        address: where he is.
        deed: what he did, one word.
        what: to what.
        detail: particulars.
    """

    viewer: str
    beamtime: str
    group: str
    session: str
    address: str
    deed: str
    what: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A line of the audit."""

    id: int
    at: datetime
    done: Deed
