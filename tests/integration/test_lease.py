"""One daemon per ledger."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from beampace.core.errors import InfrastructureError, InputError
from beampace.store import Lease, Ledger, open_ledger
from tests.support.postgres import PostgresServer, postgres
from tests.support.serving import until

__all__ = ["postgres"]

in_postgres = pytest.mark.xdist_group("postgres")


@pytest.fixture
def two(postgres: PostgresServer) -> Iterator[tuple[Ledger, Ledger]]:
    url = postgres.empty()
    with closing(open_ledger(url)) as first, closing(open_ledger(url)) as second:
        yield first, second


@in_postgres
def test_a_second_daemon_is_refused_with_who_holds_the_ledger(two: tuple[Ledger, Ledger]) -> None:
    first, second = two
    with closing(first.lease("haspp11, process 17")) as lease:
        with pytest.raises(InputError, match="Another daemon on haspp11, process 17, works with this ledger"):
            second.lease("elsewhere, process 4", patience_s=0.2)
        lease.ensure()
    with closing(second.lease("elsewhere, process 4", patience_s=0.2)):
        assert first.holder() == "elsewhere, process 4"


@in_postgres
def test_a_lost_connection_is_noticed_and_the_lease_taken_again(
    two: tuple[Ledger, Ledger], postgres: PostgresServer
) -> None:
    first, second = two
    with closing(first.lease("one, process 1")) as lease:
        cut(postgres)
        lease.ensure()
        with pytest.raises(InputError):
            second.lease("two, process 2", patience_s=0.0)
        cut(postgres)
        with closing(second.lease("two, process 2")), pytest.raises(InputError, match="two, process 2"):
            lease.ensure()
        until(lambda: is_held(lease), 10)  # the server takes a moment to see that a connection was closed
        assert second.holder() == "one, process 1"


@in_postgres
def test_a_database_that_does_not_answer_is_no_other_daemon(
    two: tuple[Ledger, Ledger], postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = two
    with closing(first.lease("one, process 1")) as lease:
        cut(postgres)
        first._database.engine.dispose()
        with monkeypatch.context() as patched:
            patched.setattr(psycopg, "connect", refuse)
            with pytest.raises(InfrastructureError, match="no route to host"):
                lease.ensure()
        lease.ensure()


def refuse(*_arguments: object, **_options: object) -> None:
    raise psycopg.OperationalError("no route to host")


def test_a_ledger_keeps_its_id_and_a_copy_has_another(tmp_path: Path) -> None:
    with closing(open_ledger(tmp_path / "a")) as ledger:
        known = ledger.identity()
        assert ledger.identity() == known
        ledger.lease("one, process 1").ensure()
    shutil.copy(tmp_path / "a", tmp_path / "b")
    (tmp_path / "a").rename(tmp_path / "moved")
    with closing(open_ledger(tmp_path / "moved")) as moved, closing(open_ledger(tmp_path / "b")) as copy:
        assert moved.identity() == known
        assert copy.identity() != known


def is_held(lease: Lease) -> bool:
    try:
        lease.ensure()
    except InputError:
        return False
    return True


def cut(postgres: PostgresServer) -> None:
    """End the connections that hold the lease, as a restart of the server would."""
    query = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks"
        " WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    )
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        assert len(connection.execute(query).fetchall()) == 1
