"""Space for results: how much there is, and when it is so short that only results are kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from beampace.core.sighting import Trouble

MIN_FREE = 0.05
"""Share of a file system below which only results are written."""

_RELIEF = 1.2
"""Space must exceed the limit by this factor before everything is kept again, so that it does not flap."""


@dataclass(frozen=True, slots=True)
class Space:
    """Space of a file system.

    Attributes:
        path: what was asked about.
        free_bytes: what this account may still write.
        total_bytes: size of the file system.
    """

    path: str
    free_bytes: int
    total_bytes: int

    @property
    def free_share(self) -> float:
        """Free share, 0 to 1; 1 where the size is not known."""
        return self.free_bytes / self.total_bytes if self.total_bytes else 1.0


@dataclass(frozen=True, slots=True)
class DiskState:
    """What follows from the space: whether only results are written, and what staff are told."""

    only_results: bool = False
    trouble: Trouble | None = None


def judge(
    before: bool,  # noqa: FBT001 - the state so far
    space: Space,
    used_bytes: int = 0,
    quota_bytes: int | None = None,
    min_free: float = MIN_FREE,
) -> DiskState:
    """Decide whether space is short.

    Args:
        before: whether it was short so far.
        space: of the file system of the results.
        used_bytes: bytes of the results of the beamtime.
        quota_bytes: what they may take, or None.
        min_free: share of the file system that is to stay free.
    """
    relief = _RELIEF if before else 1.0
    if space.free_share < min_free * relief:
        words = (
            f"Only {_gb(space.free_bytes)} of {_gb(space.total_bytes)} are free: nothing but results is kept."
        )
        step = "Free space there; intermediate files are kept again then."
        return DiskState(only_results=True, trouble=Trouble(space.path, words, step))
    if quota_bytes is not None and used_bytes * relief > quota_bytes:
        words = (
            f"Results take {_gb(used_bytes)} of the {_gb(quota_bytes)} they may: nothing but results is kept."
        )
        step = "Remove results that are not wanted, or raise [disk] quota_gb."
        return DiskState(only_results=True, trouble=Trouble(space.path, words, step))
    return DiskState()


def space_at(path: Path) -> Space:
    """Space of the file system of `path`, or of its nearest parent that exists.

    Raises:
        OSError: it cannot be asked.
    """
    place = next((one for one in (path, *path.parents) if one.exists()), path)
    found = os.statvfs(place)
    return Space(str(path), found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


def _gb(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB"
