"""The file of a SQLite ledger belongs to its owner alone."""

import os
import stat
from pathlib import Path

import pytest

from beampace.core.errors import BeampaceError
from beampace.store import open_ledger


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _lax_umask() -> object:
    old = os.umask(0)
    yield
    os.umask(old)


def test_file_and_directory_are_private_whatever_the_umask(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "state" / "ledger.sqlite")
    ledger.append("x", {})
    modes = {path.name: mode(path) for path in (tmp_path / "state").iterdir()}
    ledger.close()
    assert mode(tmp_path / "state") == 0o700
    assert set(modes) == {"ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"}
    assert set(modes.values()) == {0o600}


def test_a_file_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").touch(0o666)
    open_ledger(tmp_path / "ledger.sqlite").close()
    assert mode(tmp_path / "ledger.sqlite") == 0o600


def test_a_directory_everybody_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(0o777)
    with pytest.raises(BeampaceError, match="chmod 700") as caught:
        open_ledger(tmp_path / "open" / "ledger.sqlite")
    assert caught.value.code == "not_writable"


def test_a_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    file.write_bytes(b"This is a diary, not a database." * 100)
    with pytest.raises(BeampaceError, match=r"ledger\.sqlite.*not a database") as caught:
        open_ledger(file)
    assert caught.value.code == "not_writable"
    assert file.read_bytes().startswith(b"This is a diary")


def test_a_place_that_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BeampaceError) as caught:
        open_ledger(tmp_path / "file" / "ledger.sqlite")
    assert caught.value.code == "not_writable"
