"""Opening HDF5 files as a good neighbour: read-only, without locks, for less than a second."""

from __future__ import annotations

import errno
import os
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


@contextmanager
def open_read(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading, without a lock, so that whoever patches it is not disturbed.

    Raises:
        InputError: no such file (`not_a_dataset`), not HDF5 (`not_a_dataset`), or cut short
            (`file_truncated`).
    """
    try:
        handle = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise _translated(path, error) from error
    with handle:
        yield handle


def _translated(path: Path, error: OSError) -> Exception:
    words = str(error).lower()
    if path.is_dir():
        return failure(Failure.NOT_A_DATASET, f"{path} is a directory.")
    if error.errno in NOT_YET or "no such file" in words or not path.exists():
        return failure(Failure.NOT_A_DATASET, f"There is no file {path} ({_reason(error)}).")
    if error.errno in (errno.EACCES, errno.EPERM):
        return failure(Failure.NOT_A_DATASET, f"{path} may not be read by this account.")
    if "truncated file" in words or "eof" in words or not path.stat().st_size:
        return failure(Failure.FILE_TRUNCATED, f"{path} is shorter than its own header says.")
    if "file signature not found" in words:
        return failure(Failure.NOT_A_DATASET, f"{path} is not an HDF5 file.")
    return failure(Failure.FILE_TRUNCATED, f"{path} cannot be opened: {error}.")


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else "no such file"
