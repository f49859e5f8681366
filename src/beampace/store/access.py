"""Access in the ledger: passes, passwords and sessions. Each call is one transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import RowMapping, select

from beampace.store.access_records import NewSession, PassRow, PasswordRow, SessionRow
from beampace.store.access_tables import passes, passwords, sessions
from beampace.store.part import Part, Turn

KEPT = timedelta(days=30)
"""Time for which passes and sessions are kept after they have expired."""


class Access(Part):
    """Letting in, and no longer letting in."""

    def make_pass(
        self,
        token: str,
        kind: Literal["link", "wall"],
        role: Literal["staff", "group", "wall"],
        lasts_s: float,
        beamtime: str = "",
        group: str = "",
        note: str = "",
    ) -> PassRow:
        """Write down a new pass; `token` is the hash of its token."""
        with self._write() as turn:
            _prune(turn)
            values: dict[str, Any] = {"token": token, "kind": kind, "role": role, "note": note}
            values |= {"beamtime": beamtime, "group": group}
            values |= {"made": turn.now, "expires": turn.now + timedelta(seconds=lasts_s)}
            insert = passes.insert().values(values).returning(passes)
            return _pass_of(turn.connection.execute(insert).mappings().one())

    def use_pass(self, token: str) -> PassRow | None:
        """Use a pass by the hash of its token; None when it does not let in. A link is used up by it."""
        with self._write() as turn:
            query = select(passes).where(passes.c.token == token)
            row = turn.connection.execute(query).mappings().one_or_none()
            if row is None or not _pass_of(row).lets_in(turn.now):
                return None
            turn.connection.execute(passes.update().where(passes.c.id == row.id).values(used=turn.now))
            return _pass_of(row)

    def revoke_pass(self, number: int) -> bool:
        """Take a pass back and end the sessions it began; False when there is none to take back."""
        with self._write() as turn:
            there = (passes.c.id == number, passes.c.revoked.is_(None))
            done = turn.connection.execute(passes.update().where(*there).values(revoked=turn.now))
            living = (sessions.c["pass"] == number, sessions.c.ended.is_(None))
            turn.connection.execute(sessions.update().where(*living).values(ended=turn.now))
            return done.rowcount > 0

    def passes(self, limit: int = 200) -> tuple[PassRow, ...]:
        """Passes that let in or did so lately, the newest first."""
        query = select(passes).order_by(passes.c.id.desc()).limit(limit)
        with self._read() as connection:
            return tuple(_pass_of(row) for row in connection.execute(query).mappings())

    def set_password(self, beamtime: str, group: str, hashed: str, keep: int | None = None) -> None:
        """Set the password of a group, or of staff ("" and ""); the sessions it began end, but for `keep`."""
        with self._write() as turn:
            whose = (passwords.c.beamtime == beamtime, passwords.c.group == group)
            turn.connection.execute(passwords.delete().where(*whose))
            values = {"beamtime": beamtime, "group": group, "hash": hashed, "since": turn.now}
            turn.connection.execute(passwords.insert().values(values))
            theirs = (sessions.c.beamtime == beamtime, sessions.c.group == group)
            living = (sessions.c.way == "password", sessions.c.ended.is_(None), sessions.c.id != (keep or 0))
            turn.connection.execute(sessions.update().where(*theirs, *living).values(ended=turn.now))

    def password_hash(self, beamtime: str, group: str) -> str | None:
        """The hash of a password, or None when none was set."""
        query = select(passwords.c.hash).where(passwords.c.beamtime == beamtime, passwords.c.group == group)
        with self._read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def passwords(self) -> tuple[PasswordRow, ...]:
        """Which passwords there are."""
        c = passwords.c
        query = select(c.beamtime, c.group, c.since).order_by(c.beamtime, c.group)
        with self._read() as connection:
            return tuple(PasswordRow(*row) for row in connection.execute(query))

    def begin_session(self, new: NewSession) -> SessionRow:
        """Write down a log-in."""
        with self._write() as turn:
            _prune(turn)
            values: dict[str, Any] = {"secret": new.secret, "kind": new.kind}
            values |= {"beamtime": new.beamtime, "group": new.group}
            values |= {"way": new.way, "pass": new.by_pass, "begun": turn.now, "address": new.address}
            values |= {"expires": turn.now + timedelta(seconds=new.lasts_s)}
            insert = sessions.insert().values(values).returning(sessions)
            return _session_of(turn.connection.execute(insert).mappings().one())

    def session(self, secret: str) -> SessionRow | None:
        """The living session of a secret's hash."""
        living = (sessions.c.ended.is_(None), sessions.c.expires > self.now())
        query = select(sessions).where(sessions.c.secret == secret, *living)
        with self._read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _session_of(row)

    def sessions(self, limit: int = 200) -> tuple[SessionRow, ...]:
        """Living sessions, the newest first."""
        living = (sessions.c.ended.is_(None), sessions.c.expires > self.now())
        query = select(sessions).where(*living).order_by(sessions.c.id.desc()).limit(limit)
        with self._read() as connection:
            return tuple(_session_of(row) for row in connection.execute(query).mappings())

    def move_session(self, number: int, address: str) -> None:
        """Somebody of a session was seen at another address."""
        with self._write() as turn:
            turn.connection.execute(sessions.update().where(sessions.c.id == number).values(address=address))

    def end_session(self, number: int) -> bool:
        """End a session; False when there is none to end."""
        with self._write() as turn:
            there = (sessions.c.id == number, sessions.c.ended.is_(None))
            done = turn.connection.execute(sessions.update().where(*there).values(ended=turn.now))
            return done.rowcount > 0


def _prune(turn: Turn) -> None:
    for table in (passes, sessions):
        turn.connection.execute(table.delete().where(table.c.expires < turn.now - KEPT))


def _pass_of(row: RowMapping) -> PassRow:
    return PassRow(**{name: value for name, value in row.items() if name != "token"})


def _session_of(row: RowMapping) -> SessionRow:
    return SessionRow(**{name: row[name] for name in SessionRow.__dataclass_fields__})
