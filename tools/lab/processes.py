"""Processes of a laboratory: started, found again and ended by their ids, never by their names."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

PATIENCE_S = 30.0
POLL_S = 0.02
PLAIN = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python ignores and programs expect to end them."""


class LabError(RuntimeError):
    """A laboratory could not be made, or does not answer: the words say which part and where its log is."""


def until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds.

    Raises:
        LabError: it did not within `patience_s`.
    """
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"Waited {patience_s:.0f} s in vain: {what}.")
        time.sleep(POLL_S)


def spawn(argv: list[str], environment: Mapping[str, str], log: Path) -> int:
    """Start a program in a session of its own and return its id; it outlives this process.

    It gets signals as from a shell: Python ignores SIGPIPE, and the caller may have blocked others.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawnp(
        argv[0], argv, environment, file_actions=actions, setsid=True, setsigmask=(), setsigdef=PLAIN
    )


def began(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None when there is none, or only its remains."""
    with contextlib.suppress(ChildProcessError):  # of a spawner that is gone
        os.waitpid(pid, os.WNOHANG)
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the state on; the name before may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def remember(path: Path, pid: int) -> None:
    """Write down an id together with the time of its start: ids are used again."""
    path.write_text(json.dumps({"pid": pid, "began": began(pid)}), encoding="utf-8")


def remembered(path: Path) -> int | None:
    """The process that was written down, if it still is the same one and runs."""
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):  # cut off when its writer was killed
        return None
    pid = int(text["pid"])
    return pid if text["began"] is not None and began(pid) == text["began"] else None


def children() -> dict[int, list[int]]:
    """Parent -> children, of all processes."""
    table: dict[int, list[int]] = {}
    for pid in _all():
        fields = _stat(pid)
        if fields is not None:
            table.setdefault(int(fields[1]), []).append(pid)
    return table


def trees(roots: Iterable[int]) -> set[int]:
    """Processes and all that descend from them."""
    table = children()
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += table.get(pid, [])
    return found


def carrying(name: str, value: str) -> set[int]:
    """Processes that were started with a variable of this value."""
    wanted = f"{name}={value}".encode()
    return {pid for pid in _all() if wanted in _environment(pid).split(b"\0")}


def holding(path: Path) -> set[int]:
    """Processes that have a file open."""
    return {pid for pid in _all() if str(path) in _open_files(pid)}


def program(pid: int) -> str:
    """Name of the program a process runs, at most 15 characters; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _all() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # gone, or a kernel's own
        return b""


def _open_files(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.add(str(descriptor.readlink()))
    return found


def own_line() -> set[int]:
    """This process and those it descends from, which nothing here may end."""
    line = set()
    pid = os.getpid()
    while pid > 0:
        line.add(pid)
        fields = _stat(pid)
        pid = int(fields[1]) if fields is not None else 0
    return line


def known(pids: Iterable[int]) -> dict[int, int]:
    """Processes that run -> when they began; this process and its ancestors are left out."""
    spared = own_line()
    return {pid: start for pid in set(pids) - spared if (start := began(pid)) is not None}


def end(table: Mapping[int, int], patience_s: float = 3.0) -> None:
    """End known processes: asked first, then killed.

    Raises:
        LabError: one is still there.
    """
    _send(table, signal.SIGTERM)
    with contextlib.suppress(LabError):  # then they are killed
        until(lambda: not _running(table), "processes end", patience_s)
    kill(table)


def kill(table: Mapping[int, int]) -> None:
    """Kill known processes without asking, in the order of the table, and wait until they are gone.

    Raises:
        LabError: one is still there.
    """
    _send(table, signal.SIGKILL)
    until(lambda: not _running(table), f"processes {sorted(table)} are gone")


def _send(table: Mapping[int, int], number: int) -> None:
    for pid in _running(table):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _running(table: Mapping[int, int]) -> list[int]:
    return [pid for pid, start in table.items() if began(pid) == start]
