"""Addresses of ledgers, and that nothing secret in them is ever shown."""

import traceback
from pathlib import Path

import pytest

from beampace.core.errors import BeampaceError, InputError
from beampace.store import open_ledger
from beampace.store.address import address_of
from beampace.store.database import Database

SECRET = "s3cr3t"


@pytest.mark.parametrize("where", ["{}/x.sqlite", "sqlite:///{}/x.sqlite"])
def test_a_file(where: str, tmp_path: Path) -> None:
    address = address_of(where.format(tmp_path))
    assert address.file == tmp_path / "x.sqlite"
    assert address.shown == str(tmp_path / "x.sqlite")


def test_a_directory_means_the_ledger_in_it(tmp_path: Path) -> None:
    assert address_of(tmp_path).file == tmp_path / "ledger.sqlite"


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_postgresql(scheme: str) -> None:
    address = address_of(f"{scheme}://me:{SECRET}@db.desy.de:5433/beampace?sslpassword={SECRET}")
    assert address.url.drivername == "postgresql+psycopg"
    assert address.url.password == SECRET
    assert address.shown == "postgresql://db.desy.de:5433/beampace"


@pytest.mark.parametrize(
    "where",
    [
        f"mysql://me:{SECRET}@host/db",
        f"postgresql+asyncpg://me:{SECRET}@host/db",
        f"postgresql://me:{SECRET}@host:port/db",
        f"://me:{SECRET}@",
        "sqlite://",
    ],
)
def test_anything_else_is_refused_without_showing_it(where: str) -> None:
    with pytest.raises(InputError) as caught:
        address_of(where)
    assert caught.value.code == "bad_request"
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("more", ["", f"?sslpassword={SECRET}&connect_timeout=2"])
def test_a_password_is_in_no_message_no_traceback_and_no_repr(more: str, tmp_path: Path) -> None:
    url = f"postgresql://me:{SECRET}@127.0.0.1:1/ledger{more}"
    assert SECRET not in repr(address_of(url))
    database = Database(address_of(url))
    assert SECRET not in repr(database) + repr(database.engine)
    database.close()
    with pytest.raises(BeampaceError) as caught:
        open_ledger(url)
    assert caught.value.code == "not_writable"
    assert "127.0.0.1:1/ledger" in caught.value.words
    assert SECRET not in "".join(traceback.format_exception(caught.value))
