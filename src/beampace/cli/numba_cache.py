"""Where compiled kernels are kept.

numba writes machine code beside the source file, which fails for a user who may not write to the
installation. The program therefore chooses a directory before numba is imported: the one filled at
installation if it may write there, else the user's own, filled from the first, else a private
temporary one. Cache files are pickles, so a directory somebody else could write to is never used.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"


def shipped_directory() -> Path:
    """Where the installation keeps its compiled kernels."""
    return Path(sys.prefix) / "share" / "beampace" / "numba"


def choose(environ: MutableMapping[str, str], shipped: Path) -> Path:
    """Set `NUMBA_CACHE_DIR` unless the user did; return the directory in force."""
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE])
    chosen = _first_usable(_candidates(environ, shipped))
    if chosen != shipped and shipped.is_dir() and not any(chosen.iterdir()):
        _fill(chosen, shipped)
    environ[VARIABLE] = str(chosen)
    return chosen


def _fill(chosen: Path, shipped: Path) -> None:
    """Copy the shipped kernels, whole or not at all: another first run may do the same at this moment."""
    copied = Path(tempfile.mkdtemp(prefix=".numba-", dir=chosen.parent)) / "numba"
    shutil.copytree(shipped, copied)
    copied.chmod(0o755)
    with suppress(OSError):  # the other one was quicker
        copied.rename(chosen)
    shutil.rmtree(copied.parent)


def _candidates(environ: MutableMapping[str, str], shipped: Path) -> tuple[Path, ...]:
    home = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME", "/nonexistent")) / ".cache")
    return (shipped, Path(home) / "beampace" / "numba")


def _first_usable(candidates: tuple[Path, ...]) -> Path:
    for candidate in candidates:
        if _usable(candidate):
            return candidate
    return Path(tempfile.mkdtemp(prefix="beampace-numba-"))


def _usable(directory: Path) -> bool:
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o755)
    except OSError:
        return False
    status = directory.stat()
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return status.st_uid == os.getuid() and not others_write and os.access(directory, os.W_OK)
