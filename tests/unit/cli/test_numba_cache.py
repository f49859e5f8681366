from pathlib import Path

import pytest

from beampace.cli import numba_cache


def test_the_choice_of_the_user_stands(tmp_path):
    environ = {"NUMBA_CACHE_DIR": str(tmp_path / "mine")}
    assert numba_cache.choose(environ, tmp_path / "shipped") == tmp_path / "mine"


def test_a_writable_installation_is_used(tmp_path):
    environ = {"HOME": str(tmp_path)}
    shipped = tmp_path / "shipped"
    assert numba_cache.choose(environ, shipped) == shipped
    assert environ["NUMBA_CACHE_DIR"] == str(shipped)


def test_a_shared_installation_is_copied_to_the_user(tmp_path):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "kernel.nbc").write_bytes(b"code")
    shipped.chmod(0o775)  # others may write: never used in place
    chosen = numba_cache.choose({"HOME": str(tmp_path)}, shipped)
    assert chosen == tmp_path / ".cache" / "beampace" / "numba"
    assert (chosen / "kernel.nbc").read_bytes() == b"code"


def test_without_any_writable_place_a_private_one_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    blocked = tmp_path / "file"
    blocked.write_text("")
    chosen = numba_cache.choose({"HOME": str(blocked)}, blocked / "shipped")
    assert chosen.parent == tmp_path
    assert Path(chosen).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_directory_others_can_write_is_not_trusted(tmp_path, mode):
    cache = tmp_path / ".cache" / "beampace" / "numba"
    cache.mkdir(parents=True)
    cache.chmod(mode)
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert numba_cache.choose({"HOME": str(tmp_path)}, blocked / "x") != cache
