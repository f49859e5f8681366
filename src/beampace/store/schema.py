"""Bringing a ledger to the revision this program knows.

A revision only adds (tables, indexes, columns that may be empty or have a default on the server), so that a
daemon of the revision before goes on writing while and after the ledger is brought forward.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.store.database import Database

SCRIPTS = Path(__file__).parent / "migrations"


def configuration(connection: Connection | None = None, scripts: Path = SCRIPTS) -> Config:
    """Alembic's settings, without a file; `env.py` finds the connection in its attributes."""
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def head(scripts: Path = SCRIPTS) -> str:
    """The newest revision this program knows."""
    newest = ScriptDirectory.from_config(configuration(scripts=scripts)).get_current_head()
    if newest is None:
        raise failure(
            Failure.ENGINE_MISSING, f"There are no migrations in {scripts}.", "Install beampace again."
        )
    return newest


def revision(connection: Connection) -> str | None:
    """The revision a ledger has; None when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(database: Database, scripts: Path = SCRIPTS) -> bool:
    """Bring a ledger to the newest revision, in one transaction; several programs may do so at once.

    Returns:
        Whether anything was to be done.

    Raises:
        InputError: it was made by a newer program (bad_request).
        InfrastructureError: it cannot be written (disk_full, not_writable).
    """
    newest = head(scripts)
    with database.reading() as connection:
        before = revision(connection)
    if before == newest:
        return False
    try:
        with database.writing("migrate") as connection:
            _upgrade(connection, database.address.shown, scripts)
    finally:
        database.engine.dispose()  # no connection keeps what it knew of the tables before
    return True


def _upgrade(connection: Connection, shown: str, scripts: Path) -> None:
    before, newest = revision(connection), head(scripts)  # another program may have been first
    if before == newest:
        return
    known = {script.revision for script in ScriptDirectory(str(scripts)).walk_revisions()}
    if before is not None and before not in known:
        raise failure(
            Failure.BAD_REQUEST,
            f"The ledger {shown} has revision {before}; this beampace knows revisions up to {newest}.",
            "Install the newer beampace that made it. A ledger is never taken back to an older revision.",
        )
    command.upgrade(configuration(connection, scripts), "head")
    if connection.dialect.name == "sqlite":
        _check_references(connection)


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"the migration broke {len(broken)} references, first {tuple(broken[0])}")
