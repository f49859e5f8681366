"""The result directory: made once, never overwritten, readable by others whatever the umask."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure

DIRECTORY_MODE = 0o755
FILE_MODE = 0o644
MAX_NUMBER = 9999

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.ENAMETOOLONG)


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


def plain_name(name: str) -> str:
    """A name that is one harmless path component."""
    kept = re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("._-")
    return kept[:100] or "dataset"


def os_failure(error: OSError, where: str) -> BeampaceError:
    """An error of the operating system as a row of the taxonomy."""
    detail = f"{error.filename or where}: {error.strerror or error}."
    if error.errno in _FULL:
        return failure(Failure.DISK_FULL, detail)
    if error.errno in _REFUSED:
        return failure(Failure.NOT_WRITABLE, detail)
    return failure(Failure.ENGINE_FAILED, detail)


def open_to_readers(directory: Path) -> None:
    """Give every directory below 0755 and every file 0644."""
    directory.chmod(DIRECTORY_MODE)
    for path in directory.rglob("*"):
        if not path.is_symlink():
            path.chmod(DIRECTORY_MODE if path.is_dir() else FILE_MODE)


def _asked_for(out: Path) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise failure(Failure.BAD_REQUEST, f"--out {out} is there already and is not an empty directory.")
    _make(out)
    return out


def _numbered(parent: Path, work: str) -> Path:
    _make(parent)
    taken = (re.fullmatch(rf"{re.escape(work)}_(\d+)", path.name) for path in parent.iterdir())
    first = max((int(match[1]) for match in taken if match), default=0) + 1
    for number in range(first, MAX_NUMBER):
        path = parent / f"{work}_{number:03d}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        path.chmod(DIRECTORY_MODE)
        return path
    raise failure(Failure.NOT_WRITABLE, f"{parent} holds {MAX_NUMBER} results of {work}.")


def _make(path: Path) -> None:
    """Make a directory and its parents, each 0755; leave what exists as it is."""
    missing = [part for part in (path, *path.parents) if not part.exists()]
    for part in reversed(missing):
        part.mkdir(exist_ok=True)
        part.chmod(DIRECTORY_MODE)
