"""Bounded polling of the tree below `raw/`: names and sizes, never what files hold."""

from __future__ import annotations

import errno
import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from beampace.core.sighting import FilesSeen, Trouble
from beampace.watch.content import DataFiles, content_of
from beampace.watch.files import Files, Listing, RealFiles
from beampace.watch.folder import Folder, Watched
from beampace.watch.heat import Heat, next_listing
from beampace.watch.paths import base, below, parent
from beampace.watch.settings import WatchSettings
from beampace.watch.trouble import crowded, cut, not_listed, odd, too_deep

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""A directory that went or was replaced: what its parent lists decides."""

_HEAD_START_S = 1.0
"""A directory nobody has listed yet goes before those that are late by less than this."""


@dataclass(frozen=True, slots=True)
class MasterSeen:
    """A master that is new or was changed, and the mark of its stat."""

    path: str
    mark: str


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll found.

    Attributes:
        masters: new or changed since the last poll.
        gone: paths of masters that are no longer there.
        files: data files that changed, or whose quiet time matters.
        troubles: all that stand now, the oldest first.
        vanished: whether `raw/` itself is not there.
        seconds: how long the poll took.
        listed: directories listed.
    """

    masters: tuple[MasterSeen, ...] = ()
    gone: tuple[str, ...] = ()
    files: tuple[FilesSeen, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    vanished: bool = False
    seconds: float = 0.0
    listed: int = 0


class Poller:
    """Lists what is due and remembers what it saw. Not for use by two threads at a time."""

    def __init__(
        self,
        raw: Path,
        settings: WatchSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
        files: Files | None = None,
    ) -> None:
        self._root = str(raw)
        self._settings = settings or WatchSettings()
        self._clock = clock
        self._files = files or RealFiles()
        self._turn = itertools.count()
        self._folders: dict[str, Folder] = {}
        self._queue: list[tuple[float, int, str]] = []
        self._troubles: dict[str, tuple[Trouble, ...]] = {}
        self._vanished = False
        self._add(self._root, 0, clock())
        self._folders[self._root].heat = Heat(root=True)

    def poll(self) -> Polled:
        """List what is due, within the time budget."""
        begin = now = self._clock()
        found = _Found()
        while self._queue and self._queue[0][0] <= now:
            due, _, path = heapq.heappop(self._queue)
            folder = self._folders.get(path)
            if folder is None or folder.due != due:
                continue  # it went, or was put elsewhere in the queue
            try:
                self._list(path, folder, now, found)
            finally:
                self._keep_in_queue(path, folder, due, now)
            now = self._clock()
            if now - begin >= self._settings.budget_s:
                break
        return found.polled(self._standing(), vanished=self._vanished, seconds=now - begin)

    def expect(self, master: str, n_files: int, prefix: str = "") -> FilesSeen | None:
        """Say how many data files a master names and how they begin; what is there of them."""
        watched = self._watched(master)
        if watched is None:
            return None
        folder = self._folders[parent(master)]
        watched.expected = n_files
        if prefix and prefix != watched.prefix:
            watched.prefix = prefix
            watched.data, watched.quiet_s = folder.content.data.get(prefix, DataFiles()), 0.0
        if not folder.awaits:
            folder.warm(awaited=float("-inf"))
        elif watched.awaits:
            folder.warm(awaited=self._clock() - watched.quiet_s)
        watched.said_s = watched.quiet_s
        return watched.seen(master)

    def want(self, path: str, for_s: float) -> None:
        """Keep the directories that lead to `path`, as far as they exist, active for a while."""
        now = self._clock()
        while path.startswith(self._root):
            folder = self._folders.get(path)
            if folder is not None:
                folder.warm(wanted=now + for_s)
                self._hasten(path, folder, now)
            if path == self._root:
                break
            path = parent(path)

    def files_of(self, master: str) -> FilesSeen | None:
        """Data files of a master as last listed; None when there is no such master."""
        watched = self._watched(master)
        return None if watched is None else watched.seen(master)

    def masters_in(self, directory: str) -> tuple[MasterSeen, ...]:
        """Masters listed in a directory itself."""
        folder = self._folders.get(directory)
        names = folder.masters.items() if folder else ()
        return tuple(MasterSeen(below(directory, name), watched.mark) for name, watched in names)

    def _watched(self, master: str) -> Watched | None:
        folder = self._folders.get(parent(master))
        return folder.masters.get(base(master)) if folder else None

    def _list(self, path: str, folder: Folder, now: float, found: _Found) -> None:
        """List one directory."""
        try:
            listing = self._files.listing(Path(path), self._settings.max_entries)
        except OSError as error:
            self._failed(path, folder, now, error)
            return
        if folder.failures:
            folder.failures, folder.signature = 0, None  # its trouble is over, even if nothing changed
        if path == self._root:
            self._vanished = False
        found.listed += 1
        self._take_in(path, folder, listing, now, found)
        took = self._clock() - now
        self._put(path, folder, next_listing(folder.heat, now, took, next(self._turn), self._settings))

    def _keep_in_queue(self, path: str, folder: Folder, due: float, now: float) -> None:
        """A listing that ended in a way nobody foresaw is tried again later."""
        if folder.due == due:
            self._put(path, folder, now + self._settings.quiet_s)

    def _take_in(self, path: str, folder: Folder, listing: Listing, now: float, found: _Found) -> None:
        signature = hash(listing)
        same = signature == folder.signature and not folder.crowded
        if not same:
            folder.signature = signature
            self._changed(path, folder, listing, now, found)
        if folder.listed_at(now, 2 * self._settings.quiet_s):
            folder.warm(awaited=now if folder.awaits else float("-inf"))
        for name, watched in folder.masters.items():
            master = below(path, name)
            said = watched.words(master, self._settings)
            if said:
                found.files[master] = said

    def _changed(self, path: str, folder: Folder, listing: Listing, now: float, found: _Found) -> None:
        before, content = folder.content, content_of(listing)
        fresh, gone = folder.take_in(content)
        found.masters += (MasterSeen(below(path, n), folder.masters[n].mark) for n in fresh)
        for name in gone:
            found.lose(below(path, name))
        for name in before.directories - content.directories:
            self._drop(below(path, name), found)
        folder.crowded = not self._add_all(path, folder, now)
        self._note(path, folder, listing)
        if content.mark != before.mark:
            folder.warm(changed=now)
            self._lead(path, now)

    def _add_all(self, path: str, folder: Folder, now: float) -> bool:
        """Take up subdirectories nobody has listed yet; False when there is no room for all."""
        if folder.depth >= self._settings.max_depth:
            return True
        for name in folder.content.directories:
            inner = below(path, name)
            if inner in self._folders:
                continue
            if len(self._folders) >= self._settings.max_directories:
                return False
            self._add(inner, folder.depth + 1, now - _HEAD_START_S)
        return True

    def _note(self, path: str, folder: Folder, listing: Listing) -> None:
        """Keep what staff should know of a directory that could be listed."""
        s = self._settings
        troubles = [odd(below(path, name), why) for name, why in folder.content.odd[:5]]
        if listing.cut:
            troubles.append(cut(path, s.max_entries))
        if folder.crowded:
            troubles.append(crowded(path, s.max_directories))
        if folder.depth >= s.max_depth and folder.content.directories:
            troubles.append(too_deep(path, s.max_depth))
        self._tell(path, troubles)

    def _failed(self, path: str, folder: Folder, now: float, error: OSError) -> None:
        """A directory that cannot be listed: not yet there, or something staff should know."""
        folder.failures += 1
        absent = error.errno in _ABSENT
        if path == self._root:
            self._vanished = absent
        elif absent:
            above = parent(path)
            self._hasten(above, self._folders[above], now)
        refused = error.errno in (errno.EACCES, errno.EPERM)
        if absent:
            self._tell(path, [])
        elif refused or folder.failures > 2:
            self._tell(path, [not_listed(path, error)])
        pause = self._settings.active_s * 2 ** min(folder.failures, 10)
        self._put(path, folder, now + min(pause, 1.0 if folder.heat.root else self._settings.quiet_s))

    def _lead(self, path: str, now: float) -> None:
        """What leads to a change stays active: the next run will be beside it."""
        while path != self._root:
            path = parent(path)
            folder = self._folders[path]
            folder.warm(led=now)
            self._hasten(path, folder, now)

    def _hasten(self, path: str, folder: Folder, now: float) -> None:
        """List a directory soon."""
        soon = (folder.listed if folder.listed is not None else now) + self._settings.active_s
        if folder.due > max(now, soon):
            self._put(path, folder, max(now, soon))

    def _add(self, path: str, depth: int, due: float) -> None:
        self._folders[path] = folder = Folder(depth, due)
        self._put(path, folder, due)

    def _put(self, path: str, folder: Folder, due: float) -> None:
        folder.due = due
        heapq.heappush(self._queue, (due, next(self._turn), path))

    def _drop(self, path: str, found: _Found) -> None:
        """Forget a directory and all below it."""
        folder = self._folders.pop(path, None)
        self._troubles.pop(path, None)
        if folder is None:
            return
        for name in folder.masters:
            found.lose(below(path, name))
        for name in folder.content.directories:
            self._drop(below(path, name), found)

    def _tell(self, path: str, troubles: list[Trouble]) -> None:
        if troubles:
            self._troubles[path] = tuple(troubles)
        else:
            self._troubles.pop(path, None)

    def _standing(self) -> tuple[Trouble, ...]:
        all_of_them: Iterator[Trouble] = itertools.chain.from_iterable(self._troubles.values())
        return tuple(itertools.islice(all_of_them, self._settings.max_troubles))


class _Found:
    """What a poll gathers."""

    def __init__(self) -> None:
        self.masters: list[MasterSeen] = []
        self.gone: list[str] = []
        self.files: dict[str, FilesSeen] = {}
        self.listed = 0

    def lose(self, master: str) -> None:
        self.gone.append(master)
        self.files.pop(master, None)

    def polled(self, troubles: tuple[Trouble, ...], *, vanished: bool, seconds: float) -> Polled:
        return Polled(
            tuple(self.masters),
            tuple(self.gone),
            tuple(self.files.values()),
            troubles,
            vanished,
            seconds,
            self.listed,
        )
