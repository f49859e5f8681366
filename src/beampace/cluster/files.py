"""The files of an attempt's directory, read with nothing trusted, and its claim."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beampace.cluster.launcher import EXIT, HEARTBEAT, LAUNCH, PID
from beampace.core.job import ExitRecord

CLAIM = "claim"
MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Started:
    """What `pid.json` says.

    Attributes:
        pid: of the launcher; 0 when the attempt was withdrawn before it began, -1 when it cannot be read.
        start: start time of the launcher in clock ticks since the boot.
        boot: the boot in which it ran.
        moment: when it began, as text (ISO, UTC).
    """

    pid: int = -1
    start: int = 0
    boot: str = ""
    moment: str = ""


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """Hold the attempt's claim: nobody else submits, looks for or withdraws it meanwhile.

    The lock is of this open file, so that it ends with the daemon, however that ends.

    Raises:
        OSError: the directory is missing or not writable.
    """
    file = os.open(directory / CLAIM, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def read_started(directory: Path) -> Started | None:
    """What `pid.json` says, or None while there is none.

    Raises:
        OSError: it cannot be read now; nothing follows from it.
    """
    try:
        record = _read(directory / PID)
        return Started(
            int(record["pid"]), int(record.get("start", 0)), str(record.get("boot", "")), _moment(record)
        )
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        return Started()


def _moment(record: Mapping[str, Any]) -> str:
    return str(record.get("started", ""))


def read_exit(directory: Path) -> ExitRecord | None:
    """The exit record of an attempt, or None while there is none that can be read."""
    try:
        record = _read(directory / EXIT)
        names = ExitRecord.__dataclass_fields__
        values = {name: record[name] for name in names if name in record}
        return _checked(ExitRecord(**values))
    except (OSError, ValueError, TypeError):
        return None


def _checked(record: ExitRecord) -> ExitRecord:
    numbers = (record.seconds, record.cpu_s, record.max_rss_mb, record.cores)
    codes = (record.exit, record.signal)
    if not all(isinstance(number, int | float) for number in numbers) or not isinstance(record.reason, str):
        raise TypeError("not an exit record")
    if not all(code is None or isinstance(code, int) for code in codes):
        raise TypeError("not an exit record")
    return record


def read_tree(directory: Path) -> frozenset[tuple[int, int]]:
    """Pid and start time of the processes of an attempt as last written down; empty when there is none.

    Raises:
        OSError: it cannot be read now; nothing follows from it.
    """
    try:
        pairs = _read(directory / HEARTBEAT)["processes"]
        return frozenset((int(pid), int(start)) for pid, start in pairs)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return frozenset()


def withdraw(directory: Path) -> bool:
    """Make sure that no launcher of this attempt can begin any more; False when one has begun.

    `launch.json`, which names pid 0, is linked as `pid.json`: that takes no room on a full disk.

    Raises:
        OSError: the link could not be made.
    """
    try:
        os.link(directory / LAUNCH, directory / PID)
    except FileExistsError:
        started = read_started(directory)
        return started is not None and started.pid == 0
    return True


def read_plain(path: Path, most: int = MOST_BYTES) -> bytes:
    """The content of a file that another account may have made: of an ordinary, small one.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: it is a link, no ordinary file, or longer than `most` bytes.
        OSError: it cannot be read now.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError(f"{path} is a link") from error
        raise
    with os.fdopen(file, "rb") as stream:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            raise ValueError(f"{path} is no ordinary file of at most {most} bytes")
        return stream.read(most)


def mark(path: Path) -> None:
    """Make an empty file in a directory of another account's; one that is there is left, a link not followed.

    Raises:
        OSError: it cannot be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    os.close(os.open(path, flags, 0o644))


def _read(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        FileNotFoundError: there is no file.
        ValueError, TypeError: it holds something else, or is a link.
        OSError: it cannot be read now.
    """
    try:
        record = json.loads(read_plain(path))
    except RecursionError as error:
        raise ValueError(f"{path} is nested too deeply") from error
    if not isinstance(record, dict):
        raise TypeError(f"{path} holds no object")
    return record
