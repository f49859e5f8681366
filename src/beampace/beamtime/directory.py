"""Which directory a path leads to: `/gpfs/current` is another directory with the next beamtime."""

from __future__ import annotations

from pathlib import Path


def root_id(root: Path) -> str:
    """What tells a directory from another one that has the same path later: the number of its inode.

    It is the same on every machine that mounts the file system, which its device number is not.

    Raises:
        OSError: the directory cannot be asked; it may be gone.
    """
    return str(root.stat().st_ino)


def is_still(root: Path, known: str) -> bool:
    """Whether a path leads to the directory it led to when `root_id` was asked; "" is any directory.

    Raises:
        OSError: the directory cannot be asked, for another reason than that it is gone.
    """
    try:
        return root.is_dir() and known in ("", root_id(root))
    except FileNotFoundError:
        return False
