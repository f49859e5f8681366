"""A file system in memory: the twin of `RealFiles`, which can also fail as shared ones do."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePosixPath

from beampace.watch.files import Entry, Listing
from beampace.watch.names import is_watched


def _no_delay(directory: str) -> None:
    """Lists at once."""
    del directory


@dataclass(slots=True)
class MemoryFiles:
    """Directories and files that exist only here.

    Attributes:
        failing: directory -> errno its listing ends with.
        listings: how often each directory was listed.
        delay: called with the directory before each listing; it may wait, as a slow file system does.
    """

    failing: dict[str, int] = field(default_factory=dict)
    listings: dict[str, int] = field(default_factory=dict)
    delay: Callable[[str], None] = _no_delay
    _tree: dict[str, dict[str, Entry]] = field(default_factory=dict)
    _inodes: count[int] = field(default_factory=lambda: count(1))

    def make(self, directory: str) -> None:
        """Make a directory and those that lead to it."""
        if directory in self._tree:
            return
        self._tree[directory] = {}
        path = PurePosixPath(directory)
        above = str(path.parent)
        if above != directory:
            self.make(above)
            self._tree[above][path.name] = Entry(path.name, "directory")

    def put(self, path: str, size: int = 1, kind: str = "file") -> None:
        """Write a file, or change its size; a file that is there keeps its inode."""
        at = PurePosixPath(path)
        self.make(str(at.parent))
        before = self._tree[str(at.parent)].get(at.name)
        inode = before.inode if before else next(self._inodes)
        self._tree[str(at.parent)][at.name] = Entry(at.name, kind, size, inode)

    def remove(self, path: str) -> None:
        """Remove a file, or a directory and all below it."""
        at = PurePosixPath(path)
        self._tree.get(str(at.parent), {}).pop(at.name, None)
        for directory in [one for one in self._tree if PurePosixPath(one).is_relative_to(at)]:
            del self._tree[directory]

    def listing(self, directory: Path, most: int) -> Listing:
        """The entries of a directory.

        Raises:
            OSError: there is none, or it was told to fail.
        """
        path = str(directory)
        self.delay(path)
        self.listings[path] = self.listings.get(path, 0) + 1
        code = self.failing.get(path, 0 if path in self._tree else errno.ENOENT)
        if code:
            raise OSError(code, os.strerror(code), path)
        found = [entry for entry in self._tree[path].values() if is_watched(entry.name)]
        return Listing(tuple(found[:most]), len(found) > most)
