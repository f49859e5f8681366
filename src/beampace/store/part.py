"""What every part of the ledger works with: transactions, the clock, and events told within them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.store.database import Database
from beampace.store.tables import events


@dataclass(slots=True)
class Turn:
    """A transaction that writes.

    Attributes:
        connection: its connection.
        now: the moment of everything it writes.
    """

    connection: Connection
    now: datetime
    _told: list[dict[str, Any]] = field(default_factory=list)

    def tell(self, topic: str, beamtime: str, group: str, payload: Mapping[str, Any]) -> None:
        """Append an event; it is written with the change it tells of, or not at all."""
        row = {"at": self.now, "topic": topic, "beamtime": beamtime, "group": group, "payload": dict(payload)}
        self._told.append(row)

    def flush(self) -> None:
        """Write the events, in one statement."""
        if self._told:
            self.connection.execute(events.insert(), self._told)
            self._told.clear()

    def insert_new(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An insert that can pass over what is there already."""
        return sqlite.insert(table) if self.connection.dialect.name == "sqlite" else postgresql.insert(table)


class Part:
    """A part of the ledger.

    Args:
        database: where it is kept.
        clock: aware wall-clock time.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def now(self) -> datetime:
        """The moment by the ledger's clock, aware."""
        return self._clock()

    def _read(self) -> AbstractContextManager[Connection]:
        return self._database.reading()

    @contextmanager
    def _write(self) -> Iterator[Turn]:
        with self._database.writing() as connection:
            turn = Turn(connection, self._clock())
            yield turn
            turn.flush()


def unknown(what: str, name: object) -> BeampaceError:
    """The error for something that is not in the ledger."""
    return failure(Failure.BAD_REQUEST, f"The ledger knows no {what} {name!r}.", "See `beampace status`.")
