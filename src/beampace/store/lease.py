"""One daemon per ledger: a lock that lasts as long as a connection of its own, and who holds it.

A SQLite ledger lies in the daemon's own directory, which one daemon holds at a time. A PostgreSQL ledger may
be reached from anywhere; its server lets go of an advisory lock when the connection that took it is gone.
"""

from __future__ import annotations

import time
import uuid

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.store.part import Part
from beampace.store.tables import holder

LEASE_LOCK = 0x6265616D6C656173
"""Key of PostgreSQL's advisory lock: `beamleas` in ASCII."""

PATIENCE_S = 5.0
"""Seconds in which the server may notice that the daemon before has gone."""

_PAUSE_S = 0.1


class Leases(Part):
    """Who the ledger is, and who works with it."""

    def identity(self) -> str:
        """The id of this ledger, made at its first use; a copy of a SQLite file is another ledger."""
        with self._write() as turn:
            known = turn.connection.execute(select(holder.c.ledger)).scalar_one_or_none()
            if known is None:
                known = uuid.uuid4().hex
                turn.connection.execute(holder.insert().values(ledger=known, words=""))
        file = self._database.address.file
        return str(known) if file is None else f"{known}-{file.stat().st_ino:x}"

    def lease(self, who: str, patience_s: float = PATIENCE_S) -> Lease:
        """Become the only daemon that works with this ledger.

        Args:
            who: such as `HOST, process 123`.
            patience_s: seconds to wait for one that has just ended.

        Raises:
            InputError: another daemon does (bad_request).
            InfrastructureError: the database cannot be asked (not_writable).
        """
        self.identity()
        lease = Lease(self, who)
        deadline = time.monotonic() + patience_s
        while True:
            try:
                lease.ensure()
            except BeampaceError as error:
                if error.code is not Failure.BAD_REQUEST or time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE_S)
            else:
                return lease

    def holder(self) -> str:
        """Who took the ledger last, or ""."""
        with self._read() as connection:
            return connection.execute(select(holder.c.words)).scalar_one_or_none() or ""

    def lock_connection(self) -> Connection | None:
        """A connection of its own that has the lock; None while another one has it.

        Raises:
            InfrastructureError: the database cannot be asked (not_writable).
        """
        with self._database.explained():
            connection = self._database.engine.connect()
            try:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                query = text("SELECT pg_try_advisory_lock(:key)")
                if connection.execute(query, {"key": LEASE_LOCK}).scalar_one():
                    return connection
            except BaseException:
                let_go(connection)
                raise
            connection.close()
            return None

    def take(self, who: str) -> None:
        """Write down who works with the ledger from now on."""
        with self._write() as turn:
            turn.connection.execute(holder.update().values(words=who, since=turn.now))

    @property
    def is_private(self) -> bool:
        """Whether it lies in a directory that only one daemon holds."""
        return self._database.is_sqlite


class Lease:
    """What a daemon holds of a ledger while it works with it; for one thread at a time."""

    def __init__(self, leases: Leases, who: str) -> None:
        self._leases = leases
        self._who = who
        self._connection: Connection | None = None

    def ensure(self) -> None:
        """See that it is held, and take it again when its connection was lost and nobody else has it.

        Raises:
            InputError: another daemon works with the ledger (bad_request).
            InfrastructureError: the database cannot be asked (not_writable).
        """
        if self._leases.is_private or self._lives():
            return
        connection = self._leases.lock_connection()
        if connection is None:
            raise failure(
                Failure.BAD_REQUEST,
                f"Another daemon on {self._leases.holder()}, works with this ledger.",
                "Stop it first, or give this one a ledger of its own.",
            )
        self._connection = connection
        self._leases.take(self._who)

    def close(self) -> None:
        """Let go of it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            let_go(connection)

    def _lives(self) -> bool:
        """Whether the connection that took the lock is still there: then the lock is held."""
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            self.close()
            return False
        return True


def let_go(connection: Connection) -> None:
    """Close a connection for good: in the pool it would keep the lock."""
    connection.invalidate()
    connection.close()
