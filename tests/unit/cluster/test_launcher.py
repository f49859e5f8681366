"""Parts of the launcher."""

from __future__ import annotations

import ast
import errno
import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from beampace.cluster import launcher
from beampace.cluster.launcher import ExitFile, Launch, Output, Process, environment_of
from tests.support.attempts import wait_for


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
    output.finish()
    kept = (tmp_path / launcher.OUTPUT).read_bytes()
    if size <= 1000:
        assert kept == written
    else:
        note = f"\n[{size - 1000} bytes are left out here]\n".encode()
        assert kept == written[:750] + note + written[-250:]


def fails(*_: object, **__: object) -> int:
    raise OSError(errno.EIO, "Input/output error")


def test_output_that_cannot_be_written_waits_and_keeps_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = Output(tmp_path, 1000)
    output.take(b"before ")
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", fails)
        output.take(b"meanwhile ")
        output.finish()
    output.take(b"after")
    assert (tmp_path / launcher.OUTPUT).read_bytes() == b"before meanwhile after"
    assert output.left_out == 0


def test_output_that_waits_is_bounded_and_what_is_lost_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = Output(tmp_path, 40_000_000)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", fails)
        for _ in range(30):
            output.take(b"x" * 100_000)
        assert len(output.late) == launcher.LATE_BYTES
    output.finish()
    note = b"\n[2000000 bytes are left out here]\n"
    assert (tmp_path / launcher.OUTPUT).read_bytes() == b"x" * launcher.LATE_BYTES + note


def test_output_on_a_full_disk_does_not_stop_the_program_and_goes_on_after_it(tmp_path: Path) -> None:
    output = Output(tmp_path, 1000)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, output.file)
    os.close(full)
    output.take(b"x" * 100)
    assert (output.file, len(output.late)) == (-1, 100)
    output.take(b"y")  # into the file, opened anew
    assert (tmp_path / launcher.OUTPUT).read_bytes() == b"x" * 100 + b"y"


def test_output_that_can_never_be_written_does_not_stop_the_program(tmp_path: Path) -> None:
    (tmp_path / launcher.OUTPUT).mkdir()
    output = Output(tmp_path, 1000)
    output.take(b"x")
    output.finish()
    assert output.late == b"x"


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


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ESTALE, errno.EIO, errno.ENOTCONN, errno.EACCES])
def test_exit_record_waits_for_a_directory_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    exit_file = ExitFile(tmp_path)
    pauses: list[float] = []

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    def rest(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            monkeypatch.undo()

    monkeypatch.setattr(os, "open", refuse)
    assert exit_file.write({"exit": 5}, rest=rest)
    assert json.loads((tmp_path / launcher.EXIT).read_bytes()) == {"exit": 5}
    assert pauses == sorted(pauses)
    assert (len(pauses), max(pauses)) == (8, 5.0)


def test_nothing_follows_from_a_file_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / launcher.CANCEL).touch()
    assert launcher._seen(tmp_path / launcher.CANCEL)
    monkeypatch.setattr(Path, "stat", fails)  # as `exists` and `lstat` ask it
    assert not launcher._seen(tmp_path / launcher.CANCEL)


def test_exit_record_is_given_up_when_somebody_says_so(tmp_path: Path) -> None:
    asked: list[float] = []
    assert not ExitFile(tmp_path / "gone").write(
        {"exit": 5}, rest=lambda s: asked.append(s) or len(asked) == 3
    )
    assert len(asked) == 3


def places(root: Path) -> list[str]:
    """A place that does not exist, one that is no directory, and two that will do."""
    (root / "file").write_text("")
    for name in ("good", "next"):
        (root / name).mkdir()
    return [str(root / name) for name in ("missing", "file", "good", "next")]


def test_scratch_is_in_the_first_place_that_will_do_and_goes_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("")
    launch = Launch(
        "k-1", ["true"], {"TMPDIR": "/elsewhere", "A": "b"}, scratch=places(tmp_path), scratch_mb=1
    )
    with launcher.scratch_of(launch) as given:
        made = Path(given.environment["TMPDIR"])
        assert given.environment == {"TMPDIR": str(made), launcher.SCRATCH: str(made), "A": "b"}
        assert made.parent == tmp_path / "good"
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        assert len(made.name) < 60  # sockets have short names
        (made / "deep").mkdir()
        (made / "deep/file").write_text("")
        (made / "out").symlink_to(kept)
    assert list((tmp_path / "good").iterdir()) == []
    assert (kept / "file").exists()


def test_without_room_the_environment_is_left_alone(tmp_path: Path) -> None:
    for launch in (
        Launch("k-1", ["true"], {"A": "b"}, scratch=places(tmp_path), scratch_mb=1e12),
        Launch("k-1", ["true"], {"A": "b"}),
    ):
        with launcher.scratch_of(launch) as given:
            assert given.environment == {"A": "b"}
    assert list((tmp_path / "good").iterdir()) == []


def test_a_place_that_may_not_be_written_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tempfile.mkdtemp

    def refuse(**where: str) -> str:
        if where["dir"].endswith("good"):
            raise PermissionError(errno.EACCES, "Permission denied")  # root, as which tests run, may write
        return real(**where)

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with launcher.scratch_of(Launch("k-1", ["true"], {}, scratch=places(tmp_path))) as given:
        assert Path(given.environment["TMPDIR"]).parent == tmp_path / "next"


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import launcher
launch = launcher.Launch("k-1", [], {}, scratch=[sys.argv[2]])
with launcher.scratch_of(launch) as given:
    open(given.environment["TMPDIR"] + "/file", "w").close()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_launcher_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    beside = str(Path(launcher.__file__).parent)
    command = [sys.executable, "-I", "-c", KILLED, beside, str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    family, member = launcher._scratch_name()
    assert left.name.startswith(family)
    random = left.name.rpartition("-")[2]
    pid, start = member.split("-")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("")
    stays = {
        f"{family}{member}-{random}",  # its maker lives: this process
        left.name.replace("bp-", "bp-0"),  # of another boot, or of a machine that shares the place
        f"{family}oops-1-{random}",
        "bp-mine",
    }
    for name in stays:
        (tmp_path / name).mkdir()
    (tmp_path / f"{family}{pid}-{int(start) + 1}-{random}").mkdir()  # the pid is of another process by now
    (tmp_path / f"{left.name}link").symlink_to(outside)
    with launcher.scratch_of(Launch("k-1", [], {}, scratch=[str(tmp_path)])) as given:
        made = Path(given.environment["TMPDIR"]).name
        found = {path.name for path in tmp_path.iterdir()}
    assert found == stays | {made, "outside", f"{left.name}link"}
    assert (outside / "file").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_what_another_account_left_stays(tmp_path: Path) -> None:
    family, _ = launcher._scratch_name()
    theirs = tmp_path / f"{family}4194304-1-abcdefgh"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    with launcher.scratch_of(Launch("k-1", [], {}, scratch=[str(tmp_path)])):
        assert theirs.exists()
    os.chown(theirs, 0, 0)
    with launcher.scratch_of(Launch("k-1", [], {}, scratch=[str(tmp_path)])):
        assert not theirs.exists()


def test_memory_of_a_process_that_hides_its_maps_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.read_bytes

    def hidden(path: Path) -> bytes:
        if path.name == "smaps_rollup":
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", hidden)
    assert launcher._pss_mb(os.getpid()) == pytest.approx(launcher._rss_mb(os.getpid()), rel=0.1)


class Run:
    """A launcher that runs as on a node, in a directory that may vanish."""

    def __init__(self, root: Path, code: str, **limits: Any) -> None:
        self.directory = root / "attempt"
        self.away = root / "away"
        self.directory.mkdir()
        launch = Launch("k-1", [sys.executable, "-c", code], {}, **{"grace_s": 1.0, **limits})
        launcher.write_whole(self.directory / launcher.LAUNCH, launch._asdict())
        command = [sys.executable, "-I", "-S", launcher.__file__, str(self.directory / launcher.LAUNCH)]
        self.process = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)

    def wait_file(self, name: str) -> str:
        path = self.directory / name
        wait_for(lambda: path.exists() and path.read_text(), name)
        return path.read_text()

    def program(self) -> int:
        return int(json.loads(self.wait_file(launcher.HEARTBEAT))["program"])

    def vanish(self) -> None:
        self.directory.rename(self.away)

    def come_back(self) -> None:
        self.away.rename(self.directory)

    def end(self) -> int:
        """The launcher's exit code, when it has ended; it has said nothing."""
        said = self.process.communicate(timeout=30)[1]
        assert said == ""
        return self.process.returncode

    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.directory / launcher.EXIT).read_bytes())
        return record

    def clean(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    made: list[Run] = []

    def start(code: str, **limits: Any) -> Run:
        made.append(Run(tmp_path, code, **limits))
        return made[-1]

    yield start
    for one in made:
        one.clean()


SAYS = """
import os, sys, time
print("before", flush=True)
while not os.path.exists({flag!r}):
    time.sleep(0.02)
print("meanwhile", flush=True)
"""


def gone(pid: int) -> Callable[[], bool]:
    return lambda: launcher.read_process(pid) is None


def test_a_program_that_ends_while_its_directory_is_away_leaves_its_record(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    flag = tmp_path / "go"
    one = run(SAYS.format(flag=str(flag)) + "sys.exit(5)")
    program = one.program()
    one.vanish()
    flag.touch()
    wait_for(gone(program), "the end of the program")
    time.sleep(1.5)  # longer than the first pauses
    assert one.process.poll() is None
    assert not (one.away / launcher.EXIT).exists()
    one.come_back()
    assert one.end() == 0
    assert (one.record()["exit"], one.record()["reason"]) == (5, "")
    assert (one.directory / launcher.OUTPUT).read_text() == "before\nmeanwhile\n"


def test_a_program_outlives_its_directory_and_is_heard_of_again(run: Callable[..., Run]) -> None:
    one = run("import time; time.sleep(60)")
    program = one.program()
    before = one.wait_file(launcher.HEARTBEAT)
    one.vanish()
    time.sleep(2 * launcher.LOOK_S + launcher.BEAT_S)
    assert launcher.read_process(program) is not None
    one.come_back()
    wait_for(lambda: one.wait_file(launcher.HEARTBEAT) != before, "another heartbeat")
    (one.directory / launcher.CANCEL).touch()
    assert one.end() == 0
    assert one.record()["reason"] == "cancelled"


@pytest.mark.parametrize(
    ("limits", "reason"), [({"memory_mb": 100}, "out_of_memory"), ({"time_s": 1.5}, "timed_out")]
)
def test_limits_hold_while_the_directory_is_away(
    run: Callable[..., Run], tmp_path: Path, limits: dict[str, float], reason: str
) -> None:
    flag = tmp_path / "go"
    hungry = "held = b'x' * 200_000_000; time.sleep(60)"
    one = run(SAYS.format(flag=str(flag)) + hungry, **limits)
    program = one.program()
    one.vanish()
    flag.touch()
    wait_for(gone(program), "the end of the program")
    one.come_back()
    assert one.end() == 0
    assert one.record()["reason"] == reason


def test_a_directory_that_stays_away_is_given_up_in_time(run: Callable[..., Run], tmp_path: Path) -> None:
    flag = tmp_path / "go"
    one = run(SAYS.format(flag=str(flag)), vanished_s=1.0)
    program = one.program()
    one.vanish()
    flag.touch()
    wait_for(gone(program), "the end of the program")
    began = time.monotonic()
    assert one.end() == 1
    assert 0.5 < time.monotonic() - began < 10.0
    assert not (one.away / launcher.EXIT).exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_launcher_that_only_waits_for_its_directory_ends_when_told(
    run: Callable[..., Run], tmp_path: Path, number: int
) -> None:
    flag = tmp_path / "go"
    one = run(SAYS.format(flag=str(flag)))
    program = one.program()
    one.vanish()
    flag.touch()
    wait_for(gone(program), "the end of the program")
    time.sleep(2.0)  # the pauses are seconds by now
    assert one.process.poll() is None
    one.process.send_signal(number)
    began = time.monotonic()
    assert one.end() == 1
    assert time.monotonic() - began < 1.0


def test_a_program_that_was_told_to_end_before_its_launcher_was_is_cancelled(run: Callable[..., Run]) -> None:
    one = run("import time; time.sleep(60)")
    program = one.program()
    os.kill(program, signal.SIGTERM)  # as a queue does: all at once, in any order
    wait_for(gone(program), "the end of the program")
    time.sleep(0.05)
    one.process.send_signal(signal.SIGTERM)
    assert one.end() == 0
    assert (one.record()["signal"], one.record()["reason"]) == (signal.SIGTERM, "cancelled")


def test_a_program_that_somebody_else_ended_is_not_cancelled(run: Callable[..., Run]) -> None:
    one = run("import time; time.sleep(60)")
    os.kill(one.program(), signal.SIGTERM)
    assert one.end() == 0
    assert (one.record()["signal"], one.record()["reason"]) == (signal.SIGTERM, "")


ENDINGS = {
    "": ("pass", {}),
    "cancelled": ("open('up', 'w').write('yes'); time.sleep(60)", {}),
    "out_of_memory": ("held = b'x' * 200_000_000; time.sleep(60)", {"memory_mb": 100}),
    "timed_out": ("time.sleep(60)", {"time_s": 0.5}),
}


@pytest.mark.parametrize("reason", ENDINGS)
def test_scratch_goes_however_the_attempt_ends(run: Callable[..., Run], tmp_path: Path, reason: str) -> None:
    place = tmp_path / "scratch"
    place.mkdir()
    code, limits = ENDINGS[reason]
    begin = "import os, time, tempfile; kept = tempfile.mkdtemp(); print(kept, flush=True); "
    one = run(begin + code, scratch=[str(place)], scratch_mb=1.0, **limits)
    if reason == "cancelled":
        one.wait_file("up")
        assert len(list(place.iterdir())) == 1
        one.process.terminate()
    assert one.end() == 0
    assert one.record()["reason"] == reason
    assert Path((one.directory / launcher.OUTPUT).read_text()).is_relative_to(place)
    assert list(place.iterdir()) == []


def test_a_program_knows_its_home_where_nobody_said_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    launch = Launch("a-1", ["true"], {})
    monkeypatch.delenv("HOME")
    assert environment_of(launch, tmp_path)["HOME"] == pwd.getpwuid(os.getuid()).pw_dir
    monkeypatch.setenv("HOME", "/elsewhere")
    assert "HOME" not in environment_of(launch, tmp_path)
    assert environment_of(Launch("a-1", ["true"], {"HOME": "/x"}), tmp_path)["HOME"] == "/x"
