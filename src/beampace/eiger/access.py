"""Objects of an HDF5 file, reached without opening what somebody planted behind a link.

HDF5 opens the file an external link names by itself, and waits for ever when that is a pipe.
"""

from __future__ import annotations

import posixpath
import stat
from pathlib import Path

import h5py

MAX_HOPS = 16
"""Most soft links on the way to an object."""


def get(handle: h5py.File, path: str) -> object | None:
    """The object at an absolute path, or None when it is absent or must not be opened.

    Raises:
        KeyError, OSError, RuntimeError, ValueError: as HDF5 does for broken files.
    """
    return handle.get(path) if is_open_to(handle, path) else None


def is_open_to(handle: h5py.File, path: str, hops: int = 0) -> bool:
    """Whether the way to `path` leads through ordinary files only, and through one other at most."""
    crossed, here = False, "/"
    parts = [part for part in path.split("/") if part not in ("", ".")]
    for place, part in enumerate(parts):
        above, here = here, posixpath.join(here, part)
        link = handle.get(here, getlink=True)
        if isinstance(link, h5py.SoftLink):
            way = posixpath.normpath(posixpath.join(above, str(link.path), *parts[place + 1 :]))
            return not crossed and hops < MAX_HOPS and is_open_to(handle, way, hops + 1)
        if isinstance(link, h5py.ExternalLink):
            if crossed or not _is_ordinary(Path(handle.filename).parent / str(link.filename)):
                return False
            crossed = True
    return True


def _is_ordinary(file: Path) -> bool:
    """Whether opening a file cannot wait; one that is absent or not for this account cannot."""
    try:
        return stat.S_ISREG(file.stat().st_mode)
    except (OSError, ValueError):
        return True
