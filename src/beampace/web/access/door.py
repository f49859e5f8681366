"""The door: everything of access in one place; pages, guard and commands use the same one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.store import Deed, Ledger, NewSession, PassRow, SessionRow
from beampace.web.access.limits import Limits
from beampace.web.access.passwords import Passwords
from beampace.web.access.secrets import digest, new_secret
from beampace.web.access.sessions import Sessions
from beampace.web.page_settings import PageSettings

LINK_H, WALL_H = 72.0, 90 * 24.0
"""Hours for which a one-time link and a wall screen let in, by default."""

MOST_H = 366 * 24.0

_NAME = re.compile(r"[^\W_][\w .+@-]{0,127}")


@dataclass(frozen=True, slots=True)
class WantedPass:
    """A pass to be made.

    Attributes:
        kind: `link` or `wall`.
        beamtime, group: whose it is; both "" for staff, or for a screen that shows all.
        hours: for how long; None for the usual.
        note: for whom, or where the screen is.
    """

    kind: Literal["link", "wall"] = "link"
    beamtime: str = ""
    group: str = ""
    hours: float | None = None
    note: str = ""

    @property
    def role(self) -> Literal["staff", "group", "wall"]:
        """What it makes of its bearer."""
        return "wall" if self.kind == "wall" else "group" if self.group else "staff"


class Door:
    """Makes, takes and takes back what lets people in. Called in threads.

    Args:
        ledger: where it is kept.
        settings: how the pages are reached.
        clock: monotonic seconds, for the limits.
    """

    def __init__(
        self, ledger: Ledger, settings: PageSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.ledger = ledger
        self.settings = settings
        self.sessions = Sessions(ledger)
        self.passwords = Passwords(ledger)
        self.limits = Limits(clock)

    def make(self, wanted: WantedPass) -> tuple[str, PassRow]:
        """Make a pass; gives the address that lets in, once: its token is not kept.

        Raises:
            InputError: a name cannot be one, or the hours are no hours (bad_request).
        """
        hours = wanted.hours if wanted.hours is not None else (WALL_H if wanted.kind == "wall" else LINK_H)
        if not 0 < hours <= MOST_H:
            raise failure(
                Failure.BAD_REQUEST, f"A link is valid for up to {MOST_H:g} hours, and more than none."
            )
        if wanted.group or wanted.beamtime:
            named(wanted.beamtime, wanted.group)
        token = new_secret()
        row = self.ledger.make_pass(
            digest(token),
            wanted.kind,
            wanted.role,
            hours * 3600,
            wanted.beamtime,
            wanted.group,
            wanted.note[:200],
        )
        return f"{self.settings.root}/in#{token}", row

    def enter(self, said: str, address: str) -> tuple[str, SessionRow] | None:
        """Use the token of a link or screen, or the address it is in: a session's secret, or None."""
        token = said.rpartition("#")[2].strip()
        row = self.ledger.use_pass(digest(token))
        if row is None:
            return None
        left = (row.expires - self.ledger.now()).total_seconds()
        lasts = left if row.kind == "wall" else self.settings.session_s
        return self.sessions.begin(
            NewSession("", row.role, row.beamtime, row.group, row.kind, lasts, address, row.id)
        )

    def begin(self, beamtime: str, group: str, address: str) -> tuple[str, SessionRow]:
        """Begin the session of somebody whose password was right."""
        kind: Literal["staff", "group"] = "group" if group else "staff"
        lasts = self.settings.session_s
        return self.sessions.begin(NewSession("", kind, beamtime, group, "password", lasts, address))

    def set_password(self, beamtime: str, group: str, password: str, keep: int | None = None) -> None:
        """Set a password; the sessions of the old one end.

        Raises:
            InputError: it is too short or too long, or a name cannot be one (bad_request).
        """
        if group or beamtime:
            named(beamtime, group)
        self.passwords.set(beamtime, group, password, keep)
        self.sessions.forget()

    def revoke(self, number: int) -> bool:
        """Take a pass back and end what it began; False when there is none."""
        done = self.ledger.revoke_pass(number)
        self.sessions.forget()
        return done

    def refused(self, address: str, what: str) -> None:
        """Write down that somebody was not let in."""
        self.ledger.write_down(Deed("stranger", "", "", "", address, "log_in_refused", what[:300]))


def named(beamtime: str, group: str) -> None:
    """See that both are names: without one of them somebody would see more than his group's.

    Raises:
        InputError: one is none (bad_request).
    """
    for what, name in (("beamtime", beamtime), ("group", group)):
        if not _NAME.fullmatch(name):
            raise failure(
                Failure.BAD_REQUEST,
                f"{name[:50]!r} is no name of a {what}.",
                "It has up to 128 letters, digits, spaces and . + @ - _, and begins with a letter or digit.",
            )
