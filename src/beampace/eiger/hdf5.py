"""Opening HDF5 files as a good neighbour: read-only, without locks, for less than a second."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

MAX_SIDE = 16384
"""Longest side of a frame that is believed, pixels."""

MAX_FRAMES = 1_000_000
"""Most frames of a dataset that are believed."""

CHILD_ENVIRONMENT = {"HDF5_USE_FILE_LOCKING": "FALSE"}
"""What every program we start must find in its environment."""

NOT_YET = (errno.ENOENT, errno.ESTALE, errno.EIO)
"""Errors of a shared file system that mean a file is not there yet."""

_PERMISSION = "Ask its owner for the right to read the file and to enter its directories."
_UNREACHABLE = "See whether the file system answers, and try again."


@contextmanager
def open_read(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading, without a lock, so that whoever patches it is not disturbed.

    Raises:
        InputError: no such file, one that may not be read or is not HDF5 (`not_a_dataset`), or cut
            short (`file_truncated`).
    """
    found = look_at(path)
    if stat.S_ISDIR(found.st_mode):
        raise failure(Failure.NOT_A_DATASET, f"{path} is a directory.")
    if not stat.S_ISREG(found.st_mode):  # to open a pipe is to wait for whoever planted it
        raise failure(Failure.NOT_A_DATASET, f"{path} is no ordinary file but a pipe, socket or device.")
    try:
        handle = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise _translated(path, error, found.st_size) from error
    with handle:
        yield handle


def look_at(path: Path) -> os.stat_result:
    """What a path leads to.

    Raises:
        InputError: nothing can be reached there now (`not_a_dataset`).
    """
    try:
        return path.stat()
    except OSError as error:
        raise _unreachable(path, error) from error


def _unreachable(path: Path, error: OSError) -> Exception:
    """A file that is not there, not yet there, or not for this account."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return failure(Failure.NOT_A_DATASET, f"{path} may not be read by this account.", _PERMISSION)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return failure(Failure.NOT_A_DATASET, f"There is no file {path} ({_reason(error)}).")
    return failure(Failure.NOT_A_DATASET, f"{path} cannot be reached ({_reason(error)}).", _UNREACHABLE)


def _translated(path: Path, error: OSError, size: int) -> Exception:
    words = str(error).lower()
    if error.errno in (*NOT_YET, errno.EACCES, errno.EPERM):
        return _unreachable(path, error)
    if "truncated file" in words or "eof" in words or not size:
        return failure(Failure.FILE_TRUNCATED, f"{path} is shorter than its own header says.")
    if "file signature not found" in words:
        return failure(Failure.NOT_A_DATASET, f"{path} is not an HDF5 file.")
    return failure(Failure.FILE_TRUNCATED, f"{path} cannot be opened: {error}.")


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else "no such file"
