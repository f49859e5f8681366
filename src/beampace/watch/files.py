"""Listing directories: the one thing the poller asks of a file system."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from beampace.watch.names import data_prefix, is_watched, master_prefix


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a directory.

    Attributes:
        name: as listed.
        kind: `directory`, `file`, `link` or `other` (pipes, sockets, devices).
        size, inode, changed: of files that tell something of a dataset, else 0; `changed` is the time of
            the last change in ns, by a clock nobody trusts.
    """

    name: str
    kind: str
    size: int = 0
    inode: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """Entries of a directory; `cut` says that there are more than were read."""

    entries: tuple[Entry, ...]
    cut: bool = False


class Files(Protocol):
    """A file system that can be listed. `MemoryFiles` is its in-memory twin."""

    def listing(self, directory: Path, most: int) -> Listing:
        """The first `most` entries of a directory, which is not reached through a link of that name.

        Raises:
            OSError: it cannot be listed.
        """
        ...


class RealFiles:
    """The file system of this machine."""

    def listing(self, directory: Path, most: int) -> Listing:
        """The entries of a directory that is no symbolic link itself."""
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            with os.scandir(handle) as found:
                listed = list(islice(found, most + 1))
            entries = [made for entry in listed[:most] if (made := _entry(entry)) is not None]
        finally:
            os.close(handle)
        return Listing(tuple(entries), len(listed) > most)


def _entry(entry: os.DirEntry[str]) -> Entry | None:
    """None for what is not looked at, or went while it was."""
    if not is_watched(entry.name):
        return None
    if entry.is_dir(follow_symlinks=False):
        return Entry(entry.name, "directory")
    if not _tells(entry.name):
        return None
    try:
        return entry_of(entry.name, entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        return None


def entry_of(name: str, found: os.stat_result) -> Entry:
    """The entry a stat describes."""
    if stat.S_ISREG(found.st_mode):
        return Entry(name, "file", found.st_size, found.st_ino, found.st_mtime_ns)
    return Entry(name, "link" if stat.S_ISLNK(found.st_mode) else "other")


def _tells(name: str) -> bool:
    """Whether a file of this name tells something of a dataset; others cost no stat."""
    return (name.endswith(".h5") and bool(data_prefix(name) or master_prefix(name))) or name == "info.txt"
