"""Files of results on their way to a viewer: opened without following links, streamed, named safely."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from beampace.results.below import opened_below
from beampace.web.places import Below

PIECE = 256 * 1024
"""Bytes read at once."""

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 150


@dataclass(frozen=True, slots=True)
class Opened:
    """A regular file, held open until it was read or nobody holds it any more.

    Attributes:
        stream: its content.
        n_bytes: its size when it was opened.
        mtime: when it was last written, seconds since 1970.
    """

    stream: BinaryIO
    n_bytes: int
    mtime: float

    def pieces(self) -> Iterator[bytes]:
        """Exactly `n_bytes`: a file that grows is cut, one that shrinks is filled with zeros."""
        left = self.n_bytes
        with self.stream as stream:
            while left:
                piece = stream.read(min(PIECE, left)) or bytes(min(PIECE, left))
                left -= len(piece)
                yield piece


def steps_of(file: str) -> tuple[str, ...]:
    """The steps of a relative path, or () when it is none or leads out."""
    steps = PurePosixPath(file).parts
    bad = file.startswith("/") or ".." in steps or "\0" in file
    return () if bad else steps


def open_file(directory: Below, file: str) -> Opened | None:
    """A regular file in a directory of results, or None when there is none that may be read.

    Args:
        directory: where it is.
        file: path relative to it, from anywhere: it is not trusted.
    """
    inside, steps = steps_of(directory.place), steps_of(file)
    if not inside or not steps:
        return None
    try:
        with opened_below(directory.root, (*inside, *steps[:-1])) as handle:
            return open_in(handle, steps[-1])
    except OSError:
        return None


def open_in(directory: int, name: str) -> Opened | None:
    """A regular file of a directory that is held open, or None.

    Raises:
        OSError: it cannot be opened.
    """
    handle = os.open(name, _FILE, dir_fd=directory)
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        return None
    return Opened(os.fdopen(handle, "rb"), found.st_size, found.st_mtime)


def size_of(directory: Below, file: str) -> int | None:
    """Bytes of a file, or None when there is none that may be read."""
    found = open_file(directory, file)
    if found is None:
        return None
    found.stream.close()
    return found.n_bytes


def safe_name(name: str) -> str:
    """A file name that means the same everywhere: letters, digits, dot, dash, underscore."""
    return _UNSAFE.sub("_", name).strip("._")[-_LONGEST_NAME:] or "file"


def attachment(name: str, n_bytes: int | None = None) -> dict[str, str]:
    """Headers of something to be kept as a file, not shown."""
    headers = {"Content-Disposition": f'attachment; filename="{safe_name(name)}"'}
    return headers if n_bytes is None else {**headers, "Content-Length": str(n_bytes)}
