"""The place of the Unix socket: made safely, taken over only from the dead, reached however long its path."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

BACKLOG = 64


@contextmanager
def listening_socket(path: Path, *, shared: bool) -> Iterator[socket.socket]:
    """A listening socket at `path`, removed at the end.

    Args:
        path: its path; missing directories are made.
        shared: whether users other than the daemon's own may connect.

    Raises:
        InputError: another daemon serves there, or the directory is not safe (bad_request).
        OSError: it cannot be made.
    """
    _make_directory(path.parent, shared=shared)
    with _alone(path):
        _remove_stale(path)
        server = _bound(path, 0o666 if shared else 0o600)
        try:
            mark = _mark(path)
            server.listen(BACKLOG)
            yield server
        finally:
            server.close()
            if _mark(path) == mark:
                path.unlink(missing_ok=True)


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An address of `path` that fits into the 108 bytes a socket's may have, whatever its length.

    Raises:
        OSError: its directory cannot be opened.
    """
    handle = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{path.name}"
    finally:
        os.close(handle)


def answers(path: Path) -> bool:
    """Whether somebody takes connections at `path`."""
    with short_address(path) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError as error:
            return error.errno in (errno.EAGAIN, errno.ETIMEDOUT)  # its queue is full: it lives
        return True


def _make_directory(directory: Path, *, shared: bool) -> None:
    """Make the directory; refuse one in which others could put a socket of their own."""
    with suppress(FileExistsError):
        directory.mkdir(mode=0o711 if shared else 0o700, parents=True)
    status = directory.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid not in (os.geteuid(), 0) or mode & 0o022:
        raise failure(
            Failure.BAD_REQUEST,
            f"Others may write into {directory} (mode {mode:04o}, uid {status.st_uid}).",
            "Choose a state_dir of the daemon's own account, mode 0700.",
        )
    if shared and not mode & 0o011:
        raise failure(
            Failure.BAD_REQUEST,
            f"Other users are allowed to give commands, but cannot pass {directory} (mode {mode:04o}).",
            f"Let them pass: chmod 711 {directory}.",
        )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock beside the socket: one daemon per place, however they start."""
    handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _taken(path) from error
        yield
    finally:
        os.close(handle)


def _remove_stale(path: Path) -> None:
    """Remove what a dead daemon left."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise failure(Failure.BAD_REQUEST, f"{path} is there and is not a socket.", f"Remove {path}.")
    if answers(path):
        raise _taken(path)
    path.unlink(missing_ok=True)


def _bound(path: Path, mode: int) -> socket.socket:
    """A socket bound to `path`; its mode is right from the first moment on."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(server.fileno(), mode)
        with short_address(path) as address:
            server.bind(address)
        path.chmod(mode)  # whatever the umask took away
    except OSError:
        server.close()
        raise
    return server


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _taken(path: Path) -> Exception:
    return failure(
        Failure.BAD_REQUEST,
        f"Another daemon serves at {path}.",
        "Stop it first, or give this one a state_dir of its own.",
    )
