"""The ledger: the one front of the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from beampace.store.access import Access
from beampace.store.address import address_of
from beampace.store.attempts import Attempts
from beampace.store.beamtimes import Beamtimes
from beampace.store.catalogue import Catalogue
from beampace.store.charges import Charges
from beampace.store.database import Database
from beampace.store.datasets import Datasets
from beampace.store.deeds import Deeds
from beampace.store.events import Events
from beampace.store.jobs import Jobs
from beampace.store.lease import Leases
from beampace.store.reports import Reports
from beampace.store.results import Results
from beampace.store.schema import SCRIPTS
from beampace.store.schema import migrate as migrate_database
from beampace.store.scoped import Scoped


class Ledger(
    Beamtimes,
    Datasets,
    Jobs,
    Attempts,
    Charges,
    Results,
    Events,
    Reports,
    Leases,
    Catalogue,
    Scoped,
    Access,
    Deeds,
):
    """Beamtimes, datasets, jobs, attempts, results and events.

    Synchronous and safe between threads; each call is one short transaction with a fixed number of
    statements. Every change appends its event in the same transaction. States only move forward;
    `revive` is the one exception.

    Every method may raise `InfrastructureError` (disk_full, not_writable) when the database does not answer.
    """

    def __repr__(self) -> str:
        return f"Ledger({self.shown})"

    @property
    def shown(self) -> str:
        """Where it is kept, for people: without user, password or options."""
        return self._database.address.shown

    def close(self) -> None:
        """Close all connections."""
        self._database.close()


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def open_ledger(
    where: str | Path, *, clock: Callable[[], datetime] = utc_now, scripts: Path = SCRIPTS
) -> Ledger:
    """Open a ledger, made or brought to this program's revision where needed.

    Args:
        where: a file or directory on a local disk, or `postgresql://USER@HOST/DATABASE`.
        clock: aware wall-clock time.
        scripts: the migrations.

    Raises:
        InputError: no address, a network file system, or a ledger made by a newer program (bad_request).
        InfrastructureError: the database cannot be read or written (disk_full, not_writable).
    """
    database = Database(address_of(where))
    try:
        migrate_database(database, scripts)
    except BaseException:
        database.close()
        raise
    return Ledger(database, clock)


def migrate(where: str | Path, scripts: Path = SCRIPTS) -> bool:
    """Bring a ledger to this program's revision; returns whether anything was to be done.

    Raises:
        InputError: as `open_ledger`.
        InfrastructureError: as `open_ledger`.
    """
    database = Database(address_of(where))
    try:
        return migrate_database(database, scripts)
    finally:
        database.close()
