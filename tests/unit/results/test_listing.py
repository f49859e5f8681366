"""`datasets.txt`: one line per result, whoever else writes to it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from beampace.core.errors import BeampaceError
from beampace.results.listing import list_result


def test_a_line_once(tmp_path):
    directory = tmp_path / "user/s 1/scan/beampace/process_001"
    assert list_result(tmp_path, directory)
    assert not list_result(tmp_path, directory)
    assert (tmp_path / "datasets.txt").read_text() == "user/s 1/scan/beampace/process_001\n"


def test_no_line_looks_like_an_option(tmp_path):
    assert list_result(tmp_path, tmp_path / "-rf/scan")
    assert not list_result(tmp_path, tmp_path / "-rf/scan")
    assert (tmp_path / "datasets.txt").read_text() == "./-rf/scan\n"


def test_lines_of_others_stay_and_half_a_line_is_not_prolonged(tmp_path):
    listing = tmp_path / "datasets.txt"
    listing.write_text("user/s1/rotational_001/xdsapp\nuser/s2/half")
    node = listing.stat().st_ino
    assert list_result(tmp_path, tmp_path / "user/s2")
    lines = listing.read_text().splitlines()
    assert (
        lines == ["user/s1/rotational_001/xdsapp", "user/s2/half", "user/s2"]
        and listing.stat().st_ino == node
    )


def test_many_writers_lose_nothing(tmp_path):
    def write(writer: int) -> None:
        for number in range(50):
            list_result(tmp_path, tmp_path / f"user/{writer}/{number}")

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = (tmp_path / "datasets.txt").read_text().splitlines()
    expected = sorted(f"user/{writer}/{number}" for writer in range(4) for number in range(50))
    assert sorted(filter(None, lines)) == expected


def test_without_processed_nothing_happens(tmp_path):
    assert not list_result(tmp_path / "processed", tmp_path / "processed/user/x")
    assert not (tmp_path / "processed").exists()


@pytest.mark.parametrize("name", ["../outside", ".", "two\nlines", "bell\a"])
def test_paths_that_have_no_line(tmp_path, name):
    with pytest.raises(BeampaceError, match="bad_request"):
        list_result(tmp_path, tmp_path / name)


def test_planted_files_are_refused(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    processed = tmp_path / "processed"
    processed.mkdir()
    listing = processed / "datasets.txt"
    plants = (lambda: listing.symlink_to(precious), lambda: os.mkfifo(listing), listing.mkdir)
    for plant in plants:
        plant()
        with pytest.raises(BeampaceError, match="not_writable"):
            list_result(processed, processed / "user/x")
        _remove(listing)
    assert precious.read_text() == "kept"


def _remove(path: Path) -> None:
    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
