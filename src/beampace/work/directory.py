"""The result directory: made once, never overwritten, readable whatever the umask by whom it should be."""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.eiger import plain_name
from beampace.results.acl import is_closed

OPEN_MODES = (0o755, 0o644)
"""Modes of directories and files that everybody may read."""

CLOSED_MODES = (0o770, 0o640)
"""Modes below a directory that is closed to others and hands on its group, as a beamtime's may, or a list."""

CLAIM = "log.txt"
"""The first file of a result; whoever makes it has the directory."""

MAX_NUMBER = 9999

log = logging.getLogger("beampace.work")

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.ENOENT,
    errno.ENAMETOOLONG,
    errno.ELOOP,
)


def result_directory(out: Path | None, name: str, work: str, base: Path) -> Path:
    """Make the directory of a result.

    Args:
        out: what the user asked for, or None for `<base>/beampace/<name>/<work>_<NNN>`.
        name: of the dataset.
        work: `process`, ...
        base: current directory.

    Raises:
        InputError: `out` is there and not empty, or is not a directory (bad_request).
        InfrastructureError: it cannot be made (not_writable, disk_full).
    """
    try:
        return _asked_for(out) if out is not None else _numbered(base / "beampace" / plain_name(name), work)
    except OSError as error:
        raise os_failure(error, str(out or base)) from error


def os_failure(error: OSError, where: str) -> BeampaceError:
    """An error of the operating system as a row of the taxonomy."""
    detail = f"{error.filename or where}: {error.strerror or error}."
    if error.errno in _FULL:
        return failure(Failure.DISK_FULL, detail)
    if error.errno in _REFUSED:
        return failure(Failure.NOT_WRITABLE, detail)
    return failure(Failure.ENGINE_FAILED, detail)


def open_to_readers(directory: Path) -> None:
    """Let everybody read what lies below; only those whose the directory is, where it is closed to others.

    The directory keeps its mode: it is set when it is made, and the user's own is left alone. A mode
    that cannot be set is logged; it never costs a result.
    """
    try:
        kept, (for_directory, for_file) = modes_below(directory)
        paths = [path for path in directory.rglob("*") if not path.is_symlink()]
    except OSError as error:
        log.warning("modes are left as they are: %s", error)
        return
    _set_modes((path, for_directory | kept if path.is_dir() else for_file) for path in paths)


def modes_below(directory: Path | int) -> tuple[int, tuple[int, int]]:
    """The set-group-ID bit a directory hands on, and the modes of directories and files below it.

    Args:
        directory: its path, or a handle.

    Raises:
        OSError: it cannot be asked.
    """
    mode = os.stat(directory).st_mode  # noqa: PTH116 - of a handle, too
    return mode & stat.S_ISGID, CLOSED_MODES if is_closed(directory) else OPEN_MODES


def _set_modes(wanted: Iterable[tuple[Path, int]]) -> None:
    refused = []
    for path, mode in wanted:
        try:
            path.chmod(mode)
        except OSError as error:
            refused.append(error)
    if refused:
        log.warning("%d modes cannot be set, the first: %s", len(refused), refused[0])


def _asked_for(out: Path) -> Path:
    dangling = out.is_symlink() and not out.exists()
    if dangling or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise _taken(out)
    try:
        _make(out)
        # Several programs may have found the directory empty; one of them makes the file.
        os.close(os.open(out / CLAIM, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError as error:
        raise _taken(out) from error
    return out


def _taken(out: Path) -> BeampaceError:
    return failure(Failure.BAD_REQUEST, f"--out {out} is there already and is not an empty directory.")


def _numbered(parent: Path, work: str) -> Path:
    _make(parent)
    taken = (re.fullmatch(rf"{re.escape(work)}_(\d+)", path.name) for path in parent.iterdir())
    first = max((int(match[1]) for match in taken if match), default=0) + 1
    for number in range(first, MAX_NUMBER):
        path = parent / f"{work}_{number:03d}"
        try:
            _make_one(path)
        except FileExistsError:
            continue
        return path
    raise failure(Failure.NOT_WRITABLE, f"{parent} holds {MAX_NUMBER} results of {work}.")


def _make(path: Path) -> None:
    """Make a directory and its parents; leave what exists as it is."""
    missing = [part for part in (path, *path.parents) if not part.exists()]
    for part in reversed(missing):
        try:
            _make_one(part)
        except FileExistsError:
            if not part.is_dir():
                raise


def _make_one(path: Path) -> None:
    """Make one directory with the mode that fits the one it lies in.

    Raises:
        OSError: it exists (FileExistsError) or cannot be made.
    """
    path.mkdir()
    kept, (mode, _) = modes_below(path.parent)
    _set_modes([(path, mode | kept)])
