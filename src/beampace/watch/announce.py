"""Announcements: somebody says where a dataset is, or will be."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from beampace.core.dataset import DatasetKind
from beampace.core.errors import failure
from beampace.core.sighting import Trouble
from beampace.core.taxonomy import Failure
from beampace.watch.inside import proven_inside
from beampace.watch.names import data_prefix, is_watched, master_prefix, spelt
from beampace.watch.paths import parent
from beampace.watch.settings import WatchSettings

MAX_REMEMBERED = 10_000
"""Announcements whose particulars are remembered."""

_TOLD_S = 3600.0
"""How long staff are told of an announcement that never came true."""

Word = Annotated[str, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.+-]{0,63})?$")]
"""A harmless word, or ""."""


class Announcement(BaseModel):
    """What somebody says of a dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    path: Path
    """Of a master, or of a run directory; need not exist yet."""
    kind: DatasetKind | None = None
    """Stands for what `info.txt` says; the headers still decide whether the spindle turned."""
    group: Word = ""
    """Group the dataset belongs to; empty to be found by rule."""
    sample: Word = ""
    """Name of the sample; empty to be taken from the path."""
    frames: int | None = Field(default=None, ge=1, le=1_000_000)
    """Frames planned; another number in the master is told to staff."""


def accepted(announcement: Announcement, raw: Path) -> Announcement:
    """The announcement with its path proven to lie inside `raw`, symbolic links resolved.

    Raises:
        InputError: it lies elsewhere, or can never be a master or a run directory (`bad_request`).
    """
    path = proven_inside(announcement.path, raw)
    prefix = data_prefix(path.name)
    if prefix:
        detail = f"{spelt(path)} is a data file."
        raise failure(Failure.BAD_REQUEST, detail, f"Announce {prefix}_master.h5 beside it.")
    if not all(is_watched(part) for part in path.relative_to(raw).parts):
        detail = f"{spelt(path)} is hidden or still being copied; such files are not looked at."
        raise failure(Failure.BAD_REQUEST, detail)
    if not _can_be(path):
        detail = f"{spelt(path)} is neither a master file nor a directory."
        raise failure(Failure.BAD_REQUEST, detail, "Announce the file that ends in _master.h5.")
    return announcement.model_copy(update={"path": path})


def _can_be(path: Path) -> bool:
    """Whether what is there now, if anything, is what its name says."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return True  # not there yet
    return stat.S_ISREG(mode) if master_prefix(path.name) else stat.S_ISDIR(mode)


@dataclass(frozen=True, slots=True)
class _Waiting:
    announcement: Announcement
    until: float


class Announced:
    """Announcements that were accepted: what they say, and which are still looked for."""

    def __init__(self, settings: WatchSettings) -> None:
        self._settings = settings
        self._said: dict[str, Announcement] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._unseen: dict[str, float] = {}

    @property
    def is_full(self) -> bool:
        """Whether no more can wait."""
        return len(self._waiting) >= self._settings.max_announced

    def add(self, announcement: Announcement, now: float) -> None:
        """Take in an accepted announcement; a later one for the same path replaces the one before."""
        path = str(announcement.path)
        self._said.pop(path, None)
        self._said[path] = announcement
        if len(self._said) > MAX_REMEMBERED:
            del self._said[next(iter(self._said))]
        self._unseen.pop(path, None)
        self._waiting[path] = _Waiting(announcement, now + self._settings.announced_for_s)

    def said_of(self, master: str) -> Announcement | None:
        """What was announced of a master or of its directory."""
        return self._said.get(master) or self._said.get(parent(master))

    def waiting(self, now: float) -> Iterator[str]:
        """Paths that are looked for; those whose time is over become troubles."""
        for path, waiting in list(self._waiting.items()):
            if now < waiting.until:
                yield path
            else:
                del self._waiting[path]
                self._unseen[path] = now

    def found(self, path: str) -> None:
        """A path that was looked for is there."""
        self._waiting.pop(path, None)

    def troubles(self, now: float) -> list[Trouble]:
        """Announcements that never came true, for an hour."""
        self._unseen = {path: since for path, since in self._unseen.items() if now - since < _TOLD_S}
        return [_never(path) for path in self._unseen]


def _never(path: str) -> Trouble:
    step = "Check the path: it has to be a master or the directory it lies in. Then announce it again."
    return Trouble(spelt(path), "It was announced but never seen.", step)
