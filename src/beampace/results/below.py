"""Writing below a directory to which others can write, too: no symbolic link on the way is followed.

The root (`processed`) comes from the daemon and may be a link; nothing below it is trusted.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.results.acl import has_list, is_closed, set_file_list
from beampace.results.write import told_plainly

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def opened_directory(name: str | Path, inside: int | None = None) -> Iterator[int]:
    """A directory, held open; in another one that is held open no symbolic link is followed.

    Raises:
        OSError: there is none.
    """
    handle = os.open(name, _DIRECTORY | (0 if inside is None else os.O_NOFOLLOW), dir_fd=inside)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def opened_below(root: Path, steps: Iterable[str]) -> Iterator[int]:
    """A directory below a root, held open; below it no symbolic link is followed.

    Args:
        root: directory that exists.
        steps: names of directories, one in the other; none of them leads up.

    Raises:
        OSError: there is none.
    """
    with ExitStack() as held:
        handle = held.enter_context(opened_directory(root))
        for step in steps:
            handle = held.enter_context(opened_directory(step, handle))
        yield handle


def write_below(root: Path, place: str, text: str, access: bytes | None = None) -> bool:
    """Write a UTF-8 file atomically, unless it holds the text already; whether it was written.

    Args:
        root: directory that exists.
        place: path of the file relative to it; its directories exist.
        text: what it holds.
        access: its access list (`results.acl.file_list`), or None: readable as what lies beside it.

    Raises:
        InputError: `place` leads out of `root` (bad_request).
        InfrastructureError: it cannot be written (not_writable, disk_full).
    """
    content = text.encode("utf-8")
    with told_plainly(root / place), _parent(root, place) as (handle, name):
        if _content(handle, name, len(content)) == content and _is_open_to(handle, name, access):
            return False
        _replace(handle, name, content, access)
    return True


def read_below(root: Path, place: str, most: int) -> bytes | None:
    """The first bytes of an ordinary file, or None when there is none that may be read."""
    try:
        with _parent(root, place) as (handle, name):
            return _content(handle, name, most)
    except OSError:
        return None


def append_below(root: Path, place: str, line: bytes, most: int) -> bool:
    """Append a line with a single write, unless it is there already; whether it was appended.

    Args:
        root: directory that exists.
        place: path of the file relative to it; made when it is missing.
        line: without its end.
        most: bytes of the file beyond which it is not looked through, and nothing is appended.

    Raises:
        InfrastructureError: it cannot be written, is no ordinary file, or has grown too long.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | _FILE
    with (
        told_plainly(root / place),
        _parent(root, place) as (handle, name),
        os.fdopen(os.open(name, flags, 0o664, dir_fd=handle), "r+b", buffering=0) as stream,
    ):
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            detail = f"{root / place} is no ordinary file of at most {most} bytes."
            raise failure(Failure.NOT_WRITABLE, detail)
        there = stream.read(most + 1) or b""
        if line in there.split(b"\n"):
            return False
        begin = b"" if not there or there.endswith(b"\n") else b"\n"
        stream.write(begin + line + b"\n")
    return True


@contextmanager
def _parent(root: Path, place: str) -> Iterator[tuple[int, str]]:
    """The directory of a file, held open, and the name of the file in it."""
    parts = PurePosixPath(place).parts
    if not parts or place.startswith("/") or ".." in parts:
        raise failure(Failure.BAD_REQUEST, f"{place!r} is no path below {root}.")
    with opened_below(root, parts[:-1]) as handle:
        yield handle, parts[-1]


def _content(handle: int, name: str, most: int) -> bytes | None:
    """Up to one byte more than `most`, so that a longer file is another one."""
    try:
        found = os.open(name, os.O_RDONLY | _FILE, dir_fd=handle)
    except OSError:
        return None
    with os.fdopen(found, "rb") as stream:
        return stream.read(most + 1) if stat.S_ISREG(os.fstat(found).st_mode) else None


def _is_open_to(handle: int, name: str, access: bytes | None) -> bool:
    """Whether a file has the list it shall have; without one it is only seen whether a list closes it."""
    try:
        found = os.open(name, os.O_RDONLY | _FILE, dir_fd=handle)
    except OSError:
        return False
    try:
        if access is None:
            return bool(os.fstat(found).st_mode & stat.S_IRWXO) or is_closed(handle)
        return has_list(found, access)
    finally:
        os.close(found)


def _replace(handle: int, name: str, content: bytes, access: bytes | None = None) -> None:
    temporary = f".{name}.{secrets.token_hex(8)}.part"
    found = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o600, dir_fd=handle)
    try:
        with os.fdopen(found, "wb") as stream:
            stream.write(content)
            os.fchmod(found, _mode(handle))
            if access is not None:
                set_file_list(found, access)
            stream.flush()
            os.fsync(found)
        os.replace(temporary, name, src_dir_fd=handle, dst_dir_fd=handle)
    except BaseException:
        with suppress(OSError):  # The first failure is the one to tell.
            os.unlink(temporary, dir_fd=handle)
        raise


def _mode(handle: int) -> int:
    """Readable by all, or by the group where the directory is the group's and closed to others."""
    mode = os.fstat(handle).st_mode
    return 0o640 if mode & stat.S_ISGID and not mode & stat.S_IRWXO else 0o644
