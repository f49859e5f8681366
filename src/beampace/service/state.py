"""The daemon's own directory: made, closed to others, and one daemon in it at a time."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.work.directory import os_failure

LOCK = "daemon.lock"
PID = "daemon.pid"
CLOSED = ("jobs", "cluster", "log")
"""Directories that stay closed to others, also where they may pass to the socket."""


def this_daemon() -> str:
    """This process for people: host and number."""
    return f"{socket.gethostname()}, process {os.getpid()}"


@contextmanager
def own_directory(directory: Path) -> Iterator[None]:
    """Hold the state directory for as long as the context lasts.

    Raises:
        InputError: another daemon holds it (bad_request).
        InfrastructureError: it cannot be made or written (not_writable, disk_full).
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise os_failure(error, str(directory)) from error
    try:
        _lock(handle, directory)
        for name in CLOSED:
            (directory / name).mkdir(mode=0o700, exist_ok=True)
        (directory / PID).write_text(f"{os.getpid()}\n", encoding="ascii")
        yield
        (directory / PID).unlink(missing_ok=True)
    finally:
        os.close(handle)


def _lock(handle: int, directory: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise failure(
            Failure.BAD_REQUEST,
            f"Another daemon on this host{_number(directory)} works in {directory}.",
            "Stop it first, or give this one a state_dir of its own.",
        ) from error


def _number(directory: Path) -> str:
    """The number of the process that holds a directory, as far as it has said."""
    try:
        text = (directory / PID).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return f", process {text}," if text.isdigit() else ""
