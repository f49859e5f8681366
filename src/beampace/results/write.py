"""Writing into a result directory: whole or not at all, readable by others whatever the umask."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.results.schema import Result

FILE_MODE = 0o644

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_RIGHT = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR}
)


@contextmanager
def told_plainly(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write `path` into endings of the taxonomy.

    Raises:
        InfrastructureError: the disk is full, or the place cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise failure(Failure.DISK_FULL, f"{path}: {error.strerror}.") from error
        if error.errno in _NO_RIGHT:
            raise failure(Failure.NOT_WRITABLE, f"{path}: {error.strerror}.") from error
        raise


def write_through(path: Path, fill: Callable[[Path], None]) -> Path:
    """Let `fill` write a temporary file beside `path`, flush it to disk, then give it its name.

    A reader sees the old file or the new one, never a part. The mode is 0644 whatever the umask.

    Raises:
        InfrastructureError: the disk is full, or the place cannot be written.
    """
    with told_plainly(path):
        temporary = _reserve(path)
        try:
            fill(temporary)
            temporary.chmod(FILE_MODE)
            _flush(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _flush(path.parent)
    return path


def write_bytes(path: Path, content: bytes) -> Path:
    """Write `content` atomically; see `write_through` for what it raises."""

    def fill(temporary: Path) -> None:
        temporary.write_bytes(content)

    return write_through(path, fill)


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text atomically; see `write_through` for what it raises."""
    return write_bytes(path, text.encode("utf-8"))


def write_result(directory: Path, result: Result) -> Path:
    """Write `result.json`, the last file of a result; return its path.

    Raises:
        InfrastructureError: the disk is full, or the directory cannot be written.
    """
    return write_text(directory / "result.json", result.to_json())


def _reserve(path: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".part{path.suffix}", dir=path.parent)
    os.close(handle)
    return Path(name)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
