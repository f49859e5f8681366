"""Rows of access as answers and pages show them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Literal

from beampace.store import AuditRow, PassRow, PasswordRow, SessionRow
from beampace.web.answers import DeedInfo, PassInfo, PasswordInfo, SessionInfo


def pass_info(row: PassRow, now: datetime) -> PassInfo:
    """A link or screen."""
    named = {**asdict(row), "id": f"pass-{row.id}"}
    del named["revoked"]
    return PassInfo(**named, state=_state(row, now))


def session_info(row: SessionRow) -> SessionInfo:
    """Somebody who is logged in."""
    return SessionInfo(**{**asdict(row), "id": f"session-{row.id}"})


def password_info(row: PasswordRow) -> PasswordInfo:
    """That somebody has a password."""
    return PasswordInfo(**asdict(row))


def deed_info(row: AuditRow) -> DeedInfo:
    """A line of the audit."""
    return DeedInfo(at=row.at, **asdict(row.done))


def _state(row: PassRow, now: datetime) -> Literal["lets in", "used", "revoked", "expired"]:
    if row.lets_in(now):
        return "lets in"
    if row.revoked is not None:
        return "revoked"
    return "used" if row.kind == "link" and row.used is not None else "expired"
