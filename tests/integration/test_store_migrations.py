"""Bringing ledgers forward: from nothing, beside a daemon that writes, by several at once, never back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect

from beampace.core.errors import InputError
from beampace.store import migrate, open_ledger
from beampace.store.address import address_of
from beampace.store.database import Database
from beampace.store.schema import SCRIPTS, configuration, head, revision
from beampace.store.tables import METADATA
from tests.support.ledgers import address, claim, new_result, with_job
from tests.support.postgres import postgres

__all__ = ["address", "postgres"]

NEXT = '''
"""A revision of the future: a column that may be empty, one with a default, an index."""
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{before}"
branch_labels = depends_on = None


def upgrade():
    recreate = "always" if op.get_bind().dialect.name == "sqlite" else "auto"
    with op.batch_alter_table("jobs", recreate=recreate) as batch:
        batch.add_column(sa.Column("note", sa.Text()))
        batch.add_column(sa.Column("weight", sa.Integer(), nullable=False, server_default="1"))
    op.create_index("ix_jobs_weight", "jobs", ["weight"])
'''


@pytest.fixture
def future(tmp_path: Path) -> Path:
    """The migrations of a program that is one revision ahead."""
    scripts = tmp_path / "migrations"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "9999_future.py").write_text(NEXT.format(before=head()))
    return scripts


def test_from_nothing_to_what_the_program_expects(address: str) -> None:
    assert migrate(address)
    assert not migrate(address)
    database = Database(address_of(address))
    try:
        with database.writing("migrate") as connection:
            assert revision(connection) == head()
            assert set(inspect(connection).get_table_names()) == {*METADATA.tables, "alembic_version"}
            command.check(configuration(connection))  # raises when tables.py says something else
    finally:
        database.close()


def test_a_newer_ledger_is_refused_with_both_revisions_and_left_alone(address: str, future: Path) -> None:
    ledger = open_ledger(address, scripts=future)
    with_job(ledger)
    events = ledger.events()
    ledger.close()
    with pytest.raises(InputError) as caught:
        open_ledger(address)
    assert "9999" in caught.value.words and head() in caught.value.words
    assert "newer beampace" in caught.value.next_step
    again = open_ledger(address, scripts=future)
    assert again.events() == events
    again.close()


def test_rows_and_references_survive_a_table_made_anew(address: str, future: Path) -> None:
    ledger = open_ledger(address)
    with_job(ledger)
    claim(ledger)
    ledger.finish(new_result("k"))
    before = (ledger.jobs(), ledger.results(), ledger.attempts("k"), ledger.events())
    assert migrate(address, future)
    assert (ledger.jobs(), ledger.results(), ledger.attempts("k"), ledger.events()) == before
    ledger.close()


def test_a_daemon_of_the_revision_before_goes_on_writing(address: str, future: Path) -> None:
    old = open_ledger(address)
    written: list[int] = []
    stop = threading.Event()

    def daemon() -> None:
        while not stop.is_set():
            number = len(written)
            with_job(old, f"k{number}")
            claim(old, f"k{number}")
            assert old.finish(new_result(f"k{number}")) is not None
            written.append(number)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(daemon)
        _wait_for(lambda: len(written) >= 3 or running.done())
        assert migrate(address, future)
        enough = len(written) + 5
        _wait_for(lambda: len(written) >= enough or running.done())
        stop.set()
        running.result()
    assert len(old.results()) == len(old.jobs()) == len(written) >= enough
    old.close()


def test_many_programs_that_start_at_once_migrate_once(address: str, future: Path) -> None:
    ready = threading.Barrier(6)

    def program(_: int) -> bool:
        ready.wait()
        return migrate(address, future)

    with ThreadPoolExecutor(6) as pool:
        assert any(pool.map(program, range(6)))
    ledger = open_ledger(address, scripts=future)
    with ledger._database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchall()
    ledger.close()
    assert [tuple(row) for row in rows] == [("9999",)]


def _wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_migration_that_fails_changes_nothing(address: str, future: Path) -> None:
    script = future / "versions" / "9999_future.py"
    script.write_text(script.read_text() + "    raise RuntimeError('half way')\n")
    ledger = open_ledger(address)
    with_job(ledger)
    with pytest.raises(RuntimeError, match="half way"):
        migrate(address, future)
    with ledger._database.reading() as connection:
        assert revision(connection) == head()
        assert "note" not in {column["name"] for column in inspect(connection).get_columns("jobs")}
    claim(ledger)
    ledger.close()


def test_an_installed_wheel_brings_its_migrations(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    [wheel] = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import sys, beampace.store as s; print(s.__file__);"
        "l = s.open_ledger(sys.argv[1]); print(l.append('x', {})); l.close()"
    )
    run = [sys.executable, "-c", program, str(tmp_path / "ledger.sqlite")]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(run, env=environment, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == [str(tmp_path / "site" / "beampace" / "store" / "__init__.py"), "1"]
