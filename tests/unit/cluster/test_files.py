"""Files of an attempt's directory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from beampace.cluster import launcher
from beampace.cluster.files import Started, read_exit, read_started, read_tree, withdraw
from beampace.core.job import ExitRecord

GARBAGE = [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"pid": "x"}', b'{"pid": []}', b"[" * 5000]


@pytest.mark.parametrize("content", GARBAGE)
def test_garbage_names_no_process_and_no_end(tmp_path: Path, content: bytes) -> None:
    for name in (launcher.PID, launcher.EXIT, launcher.HEARTBEAT):
        (tmp_path / name).write_bytes(content)
    assert read_started(tmp_path) == Started()
    assert read_exit(tmp_path) in (None, ExitRecord())
    assert read_tree(tmp_path) == frozenset()


@pytest.mark.parametrize("record", [{"exit": "0"}, {"reason": 3}, {"seconds": "long"}, {"signal": [9]}])
def test_exit_record_of_wrong_types_is_none(tmp_path: Path, record: dict[str, object]) -> None:
    (tmp_path / launcher.EXIT).write_text(json.dumps(record))
    assert read_exit(tmp_path) is None


def test_nothing_there(tmp_path: Path) -> None:
    assert read_started(tmp_path) is None
    assert read_exit(tmp_path) is None
    assert read_tree(tmp_path) == frozenset()


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text('{"exit": 0}')
    (tmp_path / launcher.EXIT).symlink_to(tmp_path / "elsewhere")
    assert read_exit(tmp_path) is None
    os.mkfifo(tmp_path / launcher.PID)
    assert read_started(tmp_path) == Started()


def test_exit_record_comes_back(tmp_path: Path) -> None:
    record = {"exit": None, "signal": 9, "reason": "out_of_memory", "seconds": 2, "cpu_s": 1.5, "ended": "x"}
    assert launcher.ExitFile(tmp_path).write(record)
    assert read_exit(tmp_path) == ExitRecord(None, 9, "out_of_memory", 2, 1.5)


def test_withdrawn_before_it_began(tmp_path: Path) -> None:
    (tmp_path / launcher.LAUNCH).write_text('{"name": "k-1", "argv": ["true"], "environment": {}, "pid": 0}')
    assert withdraw(tmp_path)
    assert withdraw(tmp_path)
    started = read_started(tmp_path)
    assert started is not None
    assert started.pid == 0
    assert not launcher.announce(tmp_path)


def test_not_withdrawn_once_begun(tmp_path: Path) -> None:
    (tmp_path / launcher.LAUNCH).write_text('{"pid": 0}')
    assert launcher.announce(tmp_path)
    assert not withdraw(tmp_path)
