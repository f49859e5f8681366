"""`beampace access`: who is let in to the pages."""

from __future__ import annotations

import getpass
import sys
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beampace.cli.calling import Where, call, made, told
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
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
    PassInfo,
    PasswordInfo,
    SessionInfo,
)


@dataclass(frozen=True, slots=True)
class Whom:
    """For whom, as it was typed."""

    group: str = ""
    beamtime: str = ""
    staff: bool = False


def link_command(where: Where, whom: Whom, *, wall: bool, hours: float | None, note: str, json: bool) -> int:
    """Make a link and print it; returns the exit code."""

    def answer() -> LinkAnswer:
        if not wall:
            _one(whom)
        elif whom.staff:
            raise failure(Failure.BAD_REQUEST, "A screen on the wall is not staff.", "Leave out --staff.")
        kind = "wall" if wall else "link"
        request = made(
            AccessLinkRequest, kind=kind, beamtime=whom.beamtime, group=whom.group, hours=hours, note=note
        )
        return call(where, request, LinkAnswer)

    return told(answer, _show_link, json=json)


def password_command(where: Where, whom: Whom, *, json: bool) -> int:
    """Set a password, typed twice at a terminal or else the first line of standard input."""

    def answer() -> DoneAnswer:
        _one(whom)
        request = made(
            AccessPasswordRequest, beamtime=whom.beamtime, group=whom.group, password=_typed_password()
        )
        return call(where, request, DoneAnswer)

    return told(answer, _show_done, json=json)


def list_command(where: Where, *, json: bool) -> int:
    """Show links, passwords and sessions; returns the exit code."""
    return told(lambda: call(where, AccessListRequest(), AccessAnswer), _show_list, json=json)


def revoke_command(where: Where, named: str, *, json: bool) -> int:
    """Take back a link or end a session; returns the exit code."""
    return told(lambda: call(where, made(AccessRevokeRequest, id=named), DoneAnswer), _show_done, json=json)


def audit_command(where: Where, beamtime: str, limit: int, *, json: bool) -> int:
    """Show who did what; returns the exit code."""

    def answer() -> AuditAnswer:
        return call(where, made(AccessAuditRequest, beamtime=beamtime, limit=limit), AuditAnswer)

    return told(answer, _show_audit, json=json)


def _one(whom: Whom) -> None:
    """See that it is a group or staff: forgetting the group must not let in everywhere."""
    if whom.staff == bool(whom.group):
        raise failure(Failure.BAD_REQUEST, "It is for a group or for staff.", "Give --group NAME or --staff.")


def _typed_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("New password: ")
    if getpass.getpass("The same again: ") != first:
        raise failure(Failure.BAD_REQUEST, "The two passwords are not the same.", "Try again.")
    return first


def _show_link(console: Console, said: LinkAnswer) -> None:
    console.print(Text(said.address), soft_wrap=True)
    console.print(Text(f"It is {said.id}, lets in until {_moment(said.expires)} and is shown this once."))


def _show_done(console: Console, said: DoneAnswer) -> None:
    console.print(Text(said.words), soft_wrap=True)


def _show_list(console: Console, said: AccessAnswer) -> None:
    links = _table("link", "for", "kind", "until", "last used", "state", "note")
    for one in said.passes:
        kind = "screen" if one.kind == "wall" else "once"
        times = (_moment(one.expires), _moment(one.used))
        links.add_row(*map(Text, (one.id, _whose(one), kind, *times, one.state, one.note)))
    inside = _table("session", "who", "by", "since", "until", "last address")
    for other in said.sessions:
        times = (_moment(other.begun), _moment(other.expires))
        inside.add_row(*map(Text, (other.id, _whose(other), other.way, *times, other.address)))
    passwords = _table("password of", "since")
    for third in said.passwords:
        passwords.add_row(Text(_whose(third)), Text(_moment(third.since)))
    for table in (links, inside, passwords):
        console.print(table)


def _show_audit(console: Console, said: AuditAnswer) -> None:
    table = _table("when", "who", "session", "from", "deed", "to what", "particulars")
    for one in said.deeds:
        who = f"group {one.group} of {one.beamtime}" if one.group else one.viewer
        words = (_moment(one.at), who, one.session, one.address, one.deed, one.what, one.detail)
        table.add_row(*map(Text, words))
    console.print(table)


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _whose(one: PassInfo | SessionInfo | PasswordInfo) -> str:
    if one.group:
        return f"group {one.group} of {one.beamtime}"
    screen = isinstance(one, PassInfo | SessionInfo) and one.kind == "wall"
    return "screen, all groups" if screen else "staff"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"
