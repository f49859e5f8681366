"""One engine per ledger; short transactions that write one after another.

SQLite: WAL, and `BEGIN IMMEDIATE` for everything that writes: a transaction that reads first and writes
later would fail with "database is locked" however long it waited. PostgreSQL: an advisory lock makes writing
transactions follow one another likewise, so that events become visible in the order of their ids; a reader
that goes on after the last id it saw then never misses one.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.store.address import Address
from beampace.store.columns import json_text
from beampace.store.ledger_file import prepare_file

BUSY_S = 20.0
"""Seconds a transaction waits for its turn before it gives up."""

WRITERS_LOCK = 0x6265616D70616365
"""Key of PostgreSQL's advisory lock: `beampace` in ASCII."""

_MODE = "beampace_mode"

_ALIVE = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"}
"""Server and daemon notice within half a minute that the other's machine is gone."""


class Database:
    """The engine of a ledger and its transactions."""

    def __init__(self, address: Address) -> None:
        if address.file is not None:
            prepare_file(address.file)
        self.address = address
        self.engine = _sqlite_engine(address) if address.file else _postgresql_engine(address)
        self._turn = threading.Lock()
        if address.file:
            self._switch_to_wal()

    def __repr__(self) -> str:
        return f"Database({self.address.shown})"

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a SQLite file."""
        return self.address.file is not None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads.

        Raises:
            InfrastructureError: the database cannot be read (not_writable).
        """
        with self.explained(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, mode: str = "write") -> Iterator[Connection]:
        """A transaction that may write; those of all processes follow one another.

        Args:
            mode: `write`, or `migrate`: then SQLite does not check foreign keys.

        Raises:
            InfrastructureError: the database cannot be written (disk_full, not_writable).
        """
        engine = self.engine.execution_options(**{_MODE: mode})
        with self.explained(), self._turn, engine.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITERS_LOCK})
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _switch_to_wal(self) -> None:
        """WAL mode stays in the file. Two programs that switch at once are told "locked" without waiting."""
        deadline = time.monotonic() + BUSY_S
        while True:
            try:
                with self.explained(), self.engine.connect() as connection:
                    raw = connection.connection.dbapi_connection
                    if raw is None:
                        raise RuntimeError("the connection is closed")
                    raw.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise self._explanation(str(error)) from error
                time.sleep(0.02)
            except sqlite3.DatabaseError as error:
                raise self._explanation(str(error)) from error
            else:
                return

    @contextmanager
    def explained(self) -> Iterator[None]:
        """What the driver says becomes an error of the taxonomy."""
        try:
            yield
        except (IntegrityError, DataError, ProgrammingError):
            raise  # a fault of this program, not of the database
        except DBAPIError as error:
            raise self._explanation(_said(error)) from error

    def _explanation(self, said: str) -> BeampaceError:
        full = "disk is full" in said or "No space left" in said
        code = Failure.DISK_FULL if full else Failure.NOT_WRITABLE
        hint = (
            "Free space on the disk of the ledger; work goes on by itself."
            if full
            else "See that the database runs and may be written; work goes on by itself."
        )
        return failure(code, f"The ledger {self.address.shown} says: {said}.", hint)


def _said(error: DBAPIError) -> str:
    """First line of what the driver says: later ones may repeat what was sent."""
    return (str(error.orig).strip().splitlines() or ["nothing"])[0].rstrip(".")


def _sqlite_engine(address: Address) -> Engine:
    engine = create_engine(
        address.url,
        connect_args={"timeout": BUSY_S, "check_same_thread": False},
        json_serializer=json_text,
        pool_size=8,
        max_overflow=32,
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(raw: Any, _record: Any) -> None:
    raw.isolation_level = None  # Python's driver begins nothing by itself: `_begin_sqlite` does
    raw.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get(_MODE, "read")
    # Outside a transaction only: within one SQLite ignores it.
    connection.exec_driver_sql(f"PRAGMA foreign_keys = {'OFF' if mode == 'migrate' else 'ON'}")
    connection.exec_driver_sql("BEGIN" if mode == "read" else "BEGIN IMMEDIATE")


def _postgresql_engine(address: Address) -> Engine:
    limits = f"-c lock_timeout={BUSY_S:.0f}s -c idle_in_transaction_session_timeout=120s"
    limits += "".join(f" -c tcp_{name}={value}" for name, value in _ALIVE.items())
    url, query = address.url, dict(address.url.query)
    places: dict[str, str | Sequence[str]] = {key: query.pop(key) for key in ("host", "port") if key in query}
    # What may be secret goes to the driver alone: an engine shows its URL.
    secret = {} if url.password is None else {"password": url.password}
    bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, places)
    wanted = {"connect_timeout": "10", "application_name": "beampace", "options": limits} | _ALIVE
    wanted |= {"tcp_user_timeout": f"{1000 * BUSY_S:.0f}"}  # ms; what was sent and is not confirmed
    return create_engine(
        bare,
        connect_args=wanted | query | secret,
        json_serializer=json_text,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=32,
    )
