"""The file of a SQLite ledger: nobody but its owner reads or writes it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.store.file_system import refuse_network


def prepare_file(file: Path) -> None:
    """Make the ledger's file (0600) and its directory (0700) where they are missing.

    Raises:
        InputError: it would lie on a network file system (bad_request).
        InfrastructureError: it cannot be made, or others could replace it (not_writable).
    """
    refuse_network(file)
    try:
        _make_directory(file.parent)
        _refuse_open_directory(file.parent)
        _make_private(file)
    except OSError as error:
        raise failure(
            Failure.NOT_WRITABLE,
            f"The ledger {file} cannot be opened: {error.strerror}.",
            "Choose a state_dir the account of the daemon may write to.",
        ) from error


def _make_directory(directory: Path) -> None:
    if not directory.is_dir():
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)


def _refuse_open_directory(directory: Path) -> None:
    mode = directory.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise failure(
            Failure.NOT_WRITABLE,
            f"Everybody may write to {directory}: the ledger could be replaced.",
            f"Run: chmod 700 {directory}",
        )


def _make_private(file: Path) -> None:
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
            os.fchmod(handle, 0o600)
    finally:
        os.close(handle)
