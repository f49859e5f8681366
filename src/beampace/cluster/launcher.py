"""The launcher: starts one attempt of a job, watches it, and writes down how it ended.

One file, standard library only, for any Python from 3.9, so that it may be copied to a node where nothing of
beampace is installed: `python -I launcher.py DIRECTORY/launch.json`. In the attempt's directory it leaves

- `pid.json`: its own pid, start time and boot; made exclusively (a hard link) *before* the program starts, so
  that of any number of launchers of one attempt exactly one goes on and the others end at once;
- `heartbeat.json`: every two seconds and when one comes up, the processes of its tree;
- `output.txt`: what the program wrote, the beginning and the end of it when that was much;
- `exit.json`: how it ended, written when nothing of the tree is left. A full disk, or a directory that is out
  of reach, is waited for; the program goes on meanwhile, and what it says waits in memory. (A file system
  that hangs instead of failing holds up the launcher, too; the queue's own limits hold then.)

The program runs in its own session and dies with the launcher. The launcher adopts what its tree leaves
behind (it is a "subreaper"), so a process cannot get away by making a session of its own. A file `cancel` in
the directory, or SIGTERM, ends the tree: the program first, then all of it, then by SIGKILL. A launcher that
has nothing left to do but to wait for its directory ends at once when it is told to.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

LAUNCH, PID, HEARTBEAT, OUTPUT, EXIT, CANCEL = (
    "launch.json",
    "pid.json",
    "heartbeat.json",
    "output.txt",
    "exit.json",
    "cancel",
)
MARK, MARK_DIRECTORY = "BEAMPACE_ATTEMPT", "BEAMPACE_DIRECTORY"
"""Environment variables by which every process of an attempt is known."""
SCRATCH = "BEAMPACE_SCRATCH"
"""Environment variable that names, as TMPDIR does, the attempt's own directory on a disk of the node."""

LOOK_S = 0.25
BEAT_S = 2.0
REST_S = 1.0
"""Seconds that processes which outlive their program have between SIGTERM and SIGKILL."""
LATE_WORD_S = 0.5
MEMORY_GRACE_S = 1.0
PATIENCE_S = 900.0
"""Seconds for which a full disk or a vanished directory is waited for before the exit record is given up."""
LATE_BYTES = 1_000_000
"""Output kept in memory at most while it cannot be written."""
RESERVED = 1024
CANNOT_START = 126

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PROC = Path("/proc")


class Launch(NamedTuple):
    """What is to be launched: the contents of `launch.json`.

    Attributes:
        name: `<key>-<attempt>`.
        argv: program and arguments.
        environment: added to the launcher's own.
        time_s, memory_mb: limits; 0 is none.
        cores: cores given, written into the exit record.
        nice: added to the nice level.
        affinity: processors to which it is bound, or None.
        grace_s: seconds between SIGTERM and SIGKILL.
        output_bytes: bytes kept of its output.
        scratch: directories of the node, the first with room is used for TMPDIR; empty: TMPDIR is left alone.
        scratch_mb: megabytes that must be free there.
        vanished_s: seconds for which the exit record waits for a full disk or a directory out of reach.
        pid: always 0: linked as `pid.json` this file says that the attempt was withdrawn before it began.
    """

    name: str
    argv: list[str]
    environment: dict[str, str]
    time_s: float = 0.0
    memory_mb: float = 0.0
    cores: int = 1
    nice: int = 0
    affinity: list[int] | None = None
    grace_s: float = 10.0
    output_bytes: int = 20_000_000
    scratch: Sequence[str] = ()
    scratch_mb: float = 0.0
    vanished_s: float = PATIENCE_S
    pid: int = 0


class Process(NamedTuple):
    """A process of this machine; `start` is in clock ticks since the boot, `state` the kernel's letter."""

    pid: int
    parent: int
    start: int
    state: str


def read_process(pid: int) -> Process | None:
    """The process with this pid, or None when there is none or it only waits to be collected (zombie).

    Raises:
        OSError: the process table cannot be read; nothing follows from it.
    """
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rfind(")") + 2 :].split()
    if len(fields) < 20 or fields[0] in "ZX":
        return None
    return Process(pid, int(fields[1]), int(fields[19]), fields[0])


def all_processes() -> dict[int, Process]:
    """Every process of this machine that can be seen."""
    found = (read_process(int(entry)) for entry in os.listdir(_PROC) if entry.isdigit())  # noqa: PTH208 (fast)
    return {process.pid: process for process in found if process is not None}


def tree(roots: Iterable[int], processes: Mapping[int, Process]) -> dict[int, Process]:
    """Those of `processes` that are `roots` or descend from them."""
    children: dict[int, list[int]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: dict[int, Process] = {}
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in processes and pid not in found:
            found[pid] = processes[pid]
        waiting += [child for child in children.get(pid, ()) if child not in found]
    return found


def marked(name: str, directory: Path, processes: Mapping[int, Process]) -> dict[int, Process]:
    """Those of `processes` whose environment says that they belong to the attempt."""
    wanted = {f"{MARK}={name}".encode(), f"{MARK_DIRECTORY}={directory}".encode()}
    return {pid: process for pid, process in processes.items() if wanted <= _environment(pid)}


def _environment(pid: int) -> set[bytes]:
    try:
        return set((_PROC / str(pid) / "environ").read_bytes().split(b"\0"))
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # gone, or of another user
        return set()


def send(process: Process, number: int) -> None:
    """Send a signal to a process unless its pid belongs to another one by now."""
    now = read_process(process.pid)
    if now is None or now.start != process.start:
        return
    try:
        os.kill(process.pid, number)
    except (ProcessLookupError, PermissionError):  # it has ended, or became another user
        return


def boot_id() -> str:
    """The kernel's name of this boot."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def write_whole(path: Path, record: Mapping[str, Any]) -> None:
    """Write JSON under a temporary name, then rename.

    Raises:
        OSError: it cannot be written; the old file stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(record) + "\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def announce(directory: Path) -> bool:
    """Write `pid.json`; False when the attempt was begun or withdrawn by somebody else.

    Raises:
        OSError: it cannot be written.
    """
    me = read_process(os.getpid())
    record = {"pid": os.getpid(), "start": me.start if me else 0, "boot": boot_id(), "started": _utc()}
    temporary = directory / f".{PID}.{os.getpid()}"
    try:
        temporary.write_text(json.dumps(record) + "\n")
        os.link(temporary, directory / PID)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _utc() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _seen(path: Path) -> bool:
    """Whether a file is there as far as can be seen: nothing follows from one that is out of reach."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


@contextmanager
def scratch_of(launch: Launch) -> Iterator[Launch]:
    """The launch with a directory of its own on the node in its environment, if there is room."""
    made = _make_scratch(launch)
    try:
        names = {"TMPDIR": made, SCRATCH: made} if made else {}
        yield launch._replace(environment={**launch.environment, **names})
    finally:
        if made:
            shutil.rmtree(made, ignore_errors=True)  # what it holds may be no longer ours to remove


def _make_scratch(launch: Launch) -> str:
    """A directory in the first place that can be used and has room; "" when there is none."""
    for place in launch.scratch:
        with suppress(OSError):
            family, member = _scratch_name()
            _sweep(Path(place), family)
            disk = os.statvfs(place)
            if disk.f_bavail * disk.f_frsize / 1e6 >= launch.scratch_mb:
                return tempfile.mkdtemp(prefix=f"{family}{member}-", dir=place)
    return ""


def _scratch_name() -> tuple[str, str]:
    """Beginning of the names of all scratch directories whose makers can be looked for here; and of our own.

    The boot is in it for a place that several machines share, the name space of pids for containers. It is
    kept short: programs make sockets below TMPDIR, and their paths may have 107 bytes.
    """
    me = read_process(os.getpid())
    space = (_PROC / "self/ns/pid").stat().st_ino
    return f"bp-{boot_id()[:8]}{space:x}-", f"{os.getpid()}-{me.start if me else 0}"


def _sweep(place: Path, family: str) -> None:
    """Remove what launchers of this account left that were killed."""
    for path in place.glob(f"{family}*-*-*"):
        with suppress(OSError, ValueError):
            pid, start = map(int, path.name[len(family) :].split("-")[:2])
            maker = read_process(pid)
            gone = maker is None or maker.start != start
            if gone and path.lstat().st_uid == os.getuid():
                shutil.rmtree(path, ignore_errors=True)


class ExitFile:
    """`exit.json`, with room on the disk taken before it is needed."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / EXIT
        self.reserve = directory / f".{EXIT}"
        try:
            self.reserve.write_bytes(b" " * RESERVED)
        except OSError:  # tried again when there is something to say
            return

    def write(
        self,
        record: Mapping[str, Any],
        patience_s: float = PATIENCE_S,
        rest: Callable[[float], object] = time.sleep,
    ) -> bool:
        """Write the record, trying again while the disk refuses or is away; False when that was in vain.

        Args:
            record: what is written.
            patience_s: seconds after which it is given up.
            rest: waits for some seconds; it is given up at once when that gives anything true.
        """
        deadline = time.monotonic() + patience_s
        pause = 0.1
        while True:
            try:
                self._once(record)
            except OSError:
                if time.monotonic() > deadline or rest(pause):
                    return False
                pause = min(2 * pause, 5.0)
            else:
                return True

    def _once(self, record: Mapping[str, Any]) -> None:
        text = json.dumps(record).encode().ljust(RESERVED - 1) + b"\n"
        file = os.open(self.reserve, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            if os.write(file, text) != len(text):
                raise OSError(f"{self.reserve} could not be written whole")
            os.fsync(file)
        finally:
            os.close(file)
        self.reserve.replace(self.path)


class Output:
    """`output.txt`: keeps the beginning and the end of what a program writes.

    What cannot be written now, on a full disk or one that is away, waits in memory as far as there is room.
    """

    def __init__(self, directory: Path, most: int) -> None:
        self.path = directory / OUTPUT
        self.file = -1
        self.end_most = min(most // 4, 1_000_000)
        self.room = most - self.end_most
        self.late = bytearray()
        self.end = bytearray()
        self.left_out = 0
        self.take(b"")

    def take(self, data: bytes) -> None:
        """Keep what there is room for."""
        head, rest = data[: self.room], data[self.room :]
        self.room -= len(head)
        self.late += head
        self.flush()
        self.left_out += max(0, len(self.late) - LATE_BYTES)
        del self.late[LATE_BYTES:]
        self.end += rest
        surplus = max(0, len(self.end) - self.end_most)
        del self.end[:surplus]
        self.left_out += surplus

    def finish(self) -> None:
        """Write the end, or have it wait to be written."""
        if self.left_out:
            self.late += f"\n[{self.left_out} bytes are left out here]\n".encode()
        self.late += self.end
        self.flush()

    def flush(self) -> None:
        """Write what waits, as far as that goes."""
        try:
            if self.file < 0:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
                self.file = os.open(self.path, flags, 0o644)
            while self.late:
                del self.late[: os.write(self.file, self.late)]
        except OSError:  # it must not stop the program
            self._close()

    def _close(self) -> None:
        """Have the file opened anew: of a disk that was away the old one is stale."""
        if self.file >= 0:
            with suppress(OSError):
                os.close(self.file)
            self.file = -1


class Supervisor:
    """One program and all that descends from it."""

    def __init__(self, launch: Launch, directory: Path, wake: int) -> None:
        self.launch = launch
        self.wake = wake
        self.directory = directory
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.output = Output(directory, launch.output_bytes)
        self.began = time.monotonic()
        self.reason = ""
        self.pid = 0
        self.status: int | None = None
        self.high_rss = 0.0
        self.max_mb = 0.0
        self.next_beat = 0.0
        self.beaten: set[int] = set()
        self.steps: list[tuple[float, int, bool]] = []

    def run(self, body: Callable[[Launch, Path], None]) -> dict[str, Any]:
        """Run the program to its end and return the exit record; nothing of it is left then."""
        self.libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.reader = self._start(body)
        while self.status is None:
            self._wait()
            with suppress(OSError):  # a process table that cannot be read now can be soon
                self._look()
        self._end_rest()
        self._drain()
        self._hear_late()
        self.output.finish()
        return self._record()

    def rest(self, seconds: float) -> bool:
        """Wait, and try to write output that waits; whether the launcher was told to end."""
        deadline = time.monotonic() + seconds
        told = self._told()
        while not told and (left := deadline - time.monotonic()) > 0:
            select.select([self.wake], [], [], left)
            told = self._told()
        self.output.flush()
        return told

    def _start(self, body: Callable[[Launch, Path], None]) -> int:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        launcher = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self._become_program(launcher, writer, body)
        os.close(writer)
        return reader

    def _become_program(self, launcher: int, writer: int, body: Callable[[Launch, Path], None]) -> None:
        """What the child does; never returns."""
        try:
            os.setsid()
            self.libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != launcher:  # it died before the line above
                os._exit(CANNOT_START)
            _plain_signals()
            _plain_files(writer)
            self._limits()
            os.chdir(self.directory)
            body(self.launch, self.directory)
        except OSError as error:
            os.write(2, f"launcher: cannot start {self.launch.argv[0]!r}: {error}\n".encode())
        finally:
            os._exit(CANNOT_START)

    def _limits(self) -> None:
        os.nice(self.launch.nice)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self.launch.affinity:
            os.sched_setaffinity(0, self.launch.affinity)
        with suppress(OSError):  # where /proc may not be written
            (_PROC / "self/oom_score_adj").write_text("500")  # the kernel ends the job, not the daemon

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self.wake, select.POLLIN)
        if self.reader >= 0:
            poll.register(self.reader, select.POLLIN)
        poll.poll(LOOK_S * 1000)
        self._drain()
        if self._told():
            self._end("cancelled", self.launch.grace_s)
        self._collect()

    def _told(self) -> bool:
        return bool(set(_read(self.wake) or b"") & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})

    def _hear_late(self) -> None:
        """A queue tells all processes to end at once: the program may have obeyed before we were told."""
        obeyed = self.status == signal.SIGTERM  # so it is written in a status
        if not self.reason and self.rest(LATE_WORD_S if obeyed else 0.0):
            self.reason = "cancelled"

    def _drain(self) -> None:
        data = _read(self.reader) if self.reader >= 0 else None
        while data:
            self.output.take(data)
            data = _read(self.reader) if len(data) == _CHUNK else None
        if data == b"":  # nobody can write to it any more
            os.close(self.reader)
            self.reader = -1
        self.output.flush()

    def _collect(self) -> None:
        """Take note of children that ended, adopted ones too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.status = status

    def _look(self) -> None:
        """Judge time, memory and wishes; take the next step of an ending."""
        now = time.monotonic()
        if 0 < self.launch.time_s < now - self.began:
            self._end("timed_out", self.launch.grace_s)
        if not self.reason and _seen(self.directory / CANCEL):
            self._end("cancelled", self.launch.grace_s)
        while self.steps and self.steps[0][0] <= now:
            _, number, everybody = self.steps[0]
            self._signal(number, everybody=everybody)
            self.steps.pop(0)
        pids = _descendants(os.getpid())
        if self._memory_mb(pids) > self.launch.memory_mb > 0:
            self._end("out_of_memory", min(MEMORY_GRACE_S, self.launch.grace_s))
        if now >= self.next_beat or set(pids) - self.beaten:
            self.next_beat = now + BEAT_S
            self.beaten = set(pids)
            self._beat(pids)

    def _memory_mb(self, pids: list[int]) -> float:
        """Resident memory of the tree; pages that several share are told apart only when it matters."""
        rss = sum(_rss_mb(pid) for pid in pids)
        if rss > 1.05 * self.high_rss or rss > self.launch.memory_mb > 0:
            self.high_rss = max(rss, self.high_rss)
            rss = sum(_pss_mb(pid) for pid in pids)
            self.max_mb = max(self.max_mb, rss)
            return rss
        return 0.0

    def _beat(self, pids: list[int]) -> None:
        processes = [process for process in map(read_process, pids) if process is not None]
        record = {
            "at": _utc(),
            "program": self.pid,
            "processes": [[process.pid, process.start] for process in processes],
            "memory_mb": round(self.max_mb, 1),
        }
        try:
            write_whole(self.directory / HEARTBEAT, record)
        except OSError:  # a full disk must not stop the program
            return

    def _end(self, reason: str, grace_s: float) -> None:
        if self.reason:
            return
        self.reason = reason
        now = time.monotonic()
        self.steps = [
            (now, signal.SIGTERM, False),  # so that it can end what it started, and leave what it has
            (now + grace_s / 2, signal.SIGTERM, True),
            (now + grace_s, signal.SIGKILL, True),
        ]

    def _signal(self, number: int, *, everybody: bool) -> None:
        for process in self._tree().values():
            if everybody or process.pid == self.pid:
                send(process, number)
                send(process, signal.SIGCONT)

    def _tree(self) -> dict[int, Process]:
        processes = all_processes()
        mine = {**tree([os.getpid()], processes), **marked(self.launch.name, self.directory, processes)}
        mine.pop(os.getpid(), None)
        return mine

    def _end_rest(self) -> None:
        """End what outlives the program; returns when nothing is left."""
        kill_at = time.monotonic() + (0.0 if self.reason else REST_S)
        while self._send_all(signal.SIGKILL if time.monotonic() >= kill_at else signal.SIGTERM):
            time.sleep(0.02)
            self._drain()
            self._collect()

    def _send_all(self, number: int) -> bool:
        """Send a signal to all that is left; False when nothing is."""
        try:
            left = self._tree()
            for process in left.values():
                send(process, number)
        except OSError:  # not known now: asked again
            return True
        return bool(left)

    def _record(self) -> dict[str, Any]:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        status = self.status or 0
        return {
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "reason": self.reason,
            "seconds": round(time.monotonic() - self.began, 3),
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
            "max_rss_mb": round(max(self.max_mb, usage.ru_maxrss / 1024), 1),
            "cores": self.launch.cores,
            "ended": _utc(),
        }


_CHUNK = 1 << 16


def _read(file: int) -> bytes | None:
    """What can be read at once; None when there is nothing yet, b"" at the end."""
    try:
        return os.read(file, _CHUNK)
    except BlockingIOError:
        return None


def _wake_by_signals() -> int:
    """A descriptor from which the numbers of signals can be read."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return reader


def _plain_signals() -> None:
    """Signals as a fresh program expects them."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) is not None:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _plain_files(writer: int) -> None:
    """No input, output to `writer`, nothing else open."""
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(writer, 1)
    os.dup2(writer, 2)
    close_others()


def close_others() -> None:
    """Close every descriptor but 0, 1 and 2."""
    for entry in os.listdir("/proc/self/fd"):  # noqa: PTH208 (fast)
        if int(entry) > 2:
            try:
                os.close(int(entry))
            except OSError:  # the one of the listing itself
                continue


def _descendants(root: int) -> list[int]:
    """Descendants of a process, by the kernel's lists of children where it keeps them."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        try:
            children = _children(waiting.pop())
        except FileNotFoundError:
            if not (_PROC / f"self/task/{os.getpid()}/children").exists():
                return [pid for pid in tree([root], all_processes()) if pid != root]
            continue
        found += children
        waiting += children
    return found


def _children(pid: int) -> list[int]:
    tasks = _PROC / str(pid) / "task"
    lists = [tasks / task / "children" for task in os.listdir(tasks)]  # noqa: PTH208 (fast)
    return [int(child) for path in lists for child in path.read_bytes().split()]


def _rss_mb(pid: int) -> float:
    try:
        pages = int((_PROC / str(pid) / "statm").read_bytes().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * resource.getpagesize() / 1e6


def _pss_mb(pid: int) -> float:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_bytes().splitlines()
    except PermissionError:  # as of a program that may be run and not read
        return _rss_mb(pid)
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(b"Pss:")) * 1024 / 1e6


def environment_of(launch: Launch, directory: Path) -> dict[str, str]:
    """What is added to the environment of the program."""
    return {**_home(), **launch.environment, MARK: launch.name, MARK_DIRECTORY: str(directory)}


def _home() -> dict[str, str]:
    """The account's home, where nothing else said it: slurmrestd starts jobs without."""
    if os.environ.get("HOME"):
        return {}
    try:
        return {"HOME": pwd.getpwuid(os.getuid()).pw_dir}
    except KeyError:  # an account without a name
        return {}


def execute(launch: Launch, directory: Path) -> None:
    """Become the program.

    Raises:
        OSError: it cannot be started.
    """
    os.execvpe(launch.argv[0], launch.argv, {**os.environ, **environment_of(launch, directory)})  # noqa: S606


def launch_once(path: Path, body: Callable[[Launch, Path], None]) -> int:
    """Run the attempt of a `launch.json` unless another launcher does or did; returns an exit code.

    Raises:
        OSError: `launch.json` cannot be read or `pid.json` not be written; nothing was started.
    """
    directory = path.parent
    launch = Launch(**json.loads(path.read_bytes()))
    wake = _wake_by_signals()  # from its pid file on it may be told to stop
    if not announce(directory):
        return 0
    exit_file = ExitFile(directory)
    with scratch_of(launch) as given:
        supervisor = Supervisor(given, directory, wake)
        record = _not_begun(launch) if _seen(directory / CANCEL) else supervisor.run(body)
        written = exit_file.write(record, launch.vanished_s, supervisor.rest)
    supervisor.output.flush()
    return 0 if written else 1


def _not_begun(launch: Launch) -> dict[str, Any]:
    return {"exit": None, "signal": None, "reason": "cancelled", "cores": launch.cores, "ended": _utc()}


if __name__ == "__main__":
    close_others()
    sys.exit(launch_once(Path(sys.argv[1]).absolute(), execute))
