"""Beamtimes in the ledger."""

from __future__ import annotations

from sqlalchemy import select

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.store.part import Part, unknown
from beampace.store.records import BeamtimeRow
from beampace.store.rows import beamtime_of
from beampace.store.tables import beamtimes

_LONGEST_ID = 200

TAKEN = "another beamtime's"
"""`root_id` of a beamtime whose root another one has been opened in: that of no directory."""


class Beamtimes(Part):
    """Opening and closing."""

    def open_beamtime(
        self,
        id: str,  # noqa: A002
        root: str,
        title: str = "",
        root_id: str = "",
        core_path: str = "",
    ) -> BeamtimeRow:
        """Open a beamtime, or open it again; everything but its id may change.

        Other beamtimes of the same root have it no longer, even if it is the same directory.

        Raises:
            InputError: the id is longer than 200 characters or empty (bad_request).
        """
        if not 0 < len(id) <= _LONGEST_ID:
            raise failure(Failure.BAD_REQUEST, f"{id[:50]!r} is no id of a beamtime (1 to 200 characters).")
        with self._write() as turn:
            query = select(beamtimes).where(beamtimes.c.id == id)
            old = turn.connection.execute(query).mappings().one_or_none()
            wanted = {"root": root, "title": title, "closed": None, "reason": ""}
            wanted |= {"root_id": root_id, "core_path": core_path}
            if old is not None and all(old[name] == value for name, value in wanted.items()):
                return beamtime_of(old)
            there = (beamtimes.c.root == root, beamtimes.c.id != id)
            turn.connection.execute(beamtimes.update().where(*there).values(root_id=TAKEN))
            if old is None:
                turn.connection.execute(beamtimes.insert().values(id=id, opened=turn.now, **wanted))
            else:
                turn.connection.execute(beamtimes.update().where(beamtimes.c.id == id).values(**wanted))
            if old is None or old[beamtimes.c.closed] is not None:
                turn.tell("beamtime.opened", id, "", {"title": title, "again": old is not None})
            return beamtime_of(turn.connection.execute(query).mappings().one())

    def close_beamtime(self, id: str, reason: str) -> None:  # noqa: A002
        """Close a beamtime; one that is closed keeps its first reason. Its jobs are left as they are.

        Raises:
            InputError: there is no such beamtime (bad_request).
        """
        with self._write() as turn:
            query = select(beamtimes).where(beamtimes.c.id == id)
            old = turn.connection.execute(query).mappings().one_or_none()
            if old is None:
                raise unknown("beamtime", id)
            if old["closed"] is None:
                change = beamtimes.update().where(beamtimes.c.id == id)
                turn.connection.execute(change.values(closed=turn.now, reason=reason))
                turn.tell("beamtime.closed", id, "", {"reason": reason})

    def beamtime(self, id: str) -> BeamtimeRow:  # noqa: A002
        """A beamtime by its id.

        Raises:
            InputError: there is no such beamtime (bad_request).
        """
        with self._read() as connection:
            row = connection.execute(select(beamtimes).where(beamtimes.c.id == id)).mappings().one_or_none()
        if row is None:
            raise unknown("beamtime", id)
        return beamtime_of(row)

    def beamtimes(self) -> tuple[BeamtimeRow, ...]:
        """All beamtimes, the last opened first."""
        with self._read() as connection:
            query = select(beamtimes).order_by(beamtimes.c.opened.desc(), beamtimes.c.id)
            return tuple(beamtime_of(row) for row in connection.execute(query).mappings())
