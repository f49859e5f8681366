"""Parts of the launcher."""

from __future__ import annotations

import ast
import errno
import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from beampace.cluster import launcher
from beampace.cluster.launcher import ExitFile, Output, Process


def test_is_of_the_standard_library_only_and_for_python_3_9() -> None:
    source = Path(launcher.__file__).read_text()
    parsed = ast.parse(source, feature_version=(3, 9))
    imported = {
        (node.module or "").split(".")[0]
        if isinstance(node, ast.ImportFrom)
        else node.names[0].name.split(".")[0]
        for node in ast.walk(parsed)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported <= set(sys.stdlib_module_names)


def test_tree_follows_parents_to_any_depth() -> None:
    parents = {2: 1, 3: 2, 4: 3, 5: 1, 6: 99}
    processes = {pid: Process(pid, parent, 0, "S") for pid, parent in parents.items()}
    assert set(launcher.tree([2], processes)) == {2, 3, 4}
    assert set(launcher.tree([99], processes)) == {6}
    assert set(launcher.tree([], processes)) == set()


def test_finds_itself_with_its_parent_and_start() -> None:
    me = launcher.read_process(os.getpid())
    assert me is not None
    assert me.parent == os.getppid()
    assert launcher.all_processes()[os.getpid()].start == me.start
    assert launcher.read_process(2**22 + 1) is None


def test_kernel_lists_of_children_agree_with_the_process_table() -> None:
    pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
    try:
        assert pid in launcher._descendants(os.getpid())
        assert pid in launcher.tree([os.getpid()], launcher.all_processes())
        assert launcher._rss_mb(pid) > 0
        assert 0 < launcher._pss_mb(pid) <= 1.1 * launcher._rss_mb(pid)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    assert launcher.read_process(pid) is None


def test_a_signal_is_not_sent_to_another_process_with_the_pid() -> None:
    pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
    process = launcher.read_process(pid)
    assert process is not None
    launcher.send(process._replace(start=process.start + 1), 9)
    assert os.waitpid(pid, os.WNOHANG)[0] == 0
    launcher.send(process, 9)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == 9


def test_pid_file_is_made_once(tmp_path: Path) -> None:
    assert launcher.announce(tmp_path)
    before = (tmp_path / launcher.PID).read_bytes()
    assert not launcher.announce(tmp_path)
    assert (tmp_path / launcher.PID).read_bytes() == before
    assert json.loads(before)["pid"] == os.getpid()
    assert [path.name for path in tmp_path.iterdir()] == [launcher.PID]


@pytest.mark.parametrize("size", [0, 10, 999, 1000, 1001, 5000, 100_000])
def test_output_keeps_the_beginning_and_the_end(tmp_path: Path, size: int) -> None:
    written = bytes(i % 251 for i in range(size))
    output = Output(tmp_path, 1000)
    for start in range(0, size, 77):
        output.take(written[start : start + 77])
    output.close()
    kept = (tmp_path / launcher.OUTPUT).read_bytes()
    if size <= 1000:
        assert kept == written
    else:
        note = f"\n[{size - 1000} bytes are left out here]\n".encode()
        assert kept == written[:750] + note + written[-250:]


def test_output_on_a_full_disk_does_not_stop_the_program(tmp_path: Path) -> None:
    output = Output(tmp_path, 1000)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, output.file)
    os.close(full)
    output.take(b"x" * 100)
    assert output.left_out == 100
    output.close()


def test_exit_record_waits_for_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = os.write

    def refuse(file: int, data: bytes) -> int:
        calls.append(time.monotonic())
        if len(calls) < 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data)

    exit_file = ExitFile(tmp_path)
    monkeypatch.setattr(os, "write", refuse)
    assert exit_file.write({"exit": 5})
    assert len(calls) == 4
    assert json.loads((tmp_path / launcher.EXIT).read_bytes()) == {"exit": 5}


def test_exit_record_is_given_up_at_last(tmp_path: Path) -> None:
    (tmp_path / launcher.EXIT).mkdir()
    assert not ExitFile(tmp_path).write({"exit": 0}, patience_s=0.2)


def test_exit_record_is_never_seen_half(tmp_path: Path) -> None:
    seen = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            try:
                seen.append(json.loads((tmp_path / launcher.EXIT).read_bytes()))
            except FileNotFoundError:
                continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(200):
        assert ExitFile(tmp_path).write({"exit": number})
    stop.set()
    watcher.join()
    assert all(set(record) == {"exit"} for record in seen)
