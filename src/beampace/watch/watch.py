"""The watch: polling, announcements and the reading of masters joined into sightings."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import UTC
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Protocol

from beampace.core.dataset import DatasetKind
from beampace.core.errors import BeampaceError, failure
from beampace.core.sighting import FilesSeen, Sighting, Trouble
from beampace.core.taxonomy import Failure
from beampace.watch.announce import Announced, Announcement, accepted
from beampace.watch.aside import Aside
from beampace.watch.files import Files
from beampace.watch.inside import place_of
from beampace.watch.messages import Answer, Identified, Refused
from beampace.watch.names import master_prefix, named, spelt
from beampace.watch.owners import Owners
from beampace.watch.poller import Polled, Poller
from beampace.watch.settings import WatchSettings
from beampace.watch.unread import UnreadMasters

_WANTED_S = 5.0
"""How long a directory is looked at closely because somebody asked."""

_AT_A_TIME = 4
"""Masters the reader is asked for at a time; a new one waits behind no more than these."""


class Reads(Protocol):
    """Who reads masters; `Identifier`, or a twin of it in tests."""

    def look(self, master: Path, raw: Path, kind: DatasetKind | None = None) -> Future[Answer]:
        """Read a master."""
        ...


@dataclass(frozen=True, slots=True)
class WatchTick:
    """What a tick of the watch found.

    Attributes:
        sightings: masters that were read for the first time, or again after they changed.
        files: data files of masters that were sighted before or now; take in the sightings first.
        troubles: all that stand now; the same trouble is an equal record from tick to tick.
        vanished: whether `raw/` itself is not there.
        seconds: how long the tick took.
    """

    sightings: tuple[Sighting, ...] = ()
    files: tuple[FilesSeen, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    vanished: bool = False
    seconds: float = 0.0


class Watch:
    """Watches one `raw/`. `tick` is called by one thread, the rest by any."""

    def __init__(
        self,
        raw: Path,
        settings: WatchSettings | None = None,
        identifier: Reads | None = None,
        clock: Callable[[], float] = time.monotonic,
        files: Files | None = None,
    ) -> None:
        """Nothing is looked at before the first tick.

        Args:
            raw: root of the raw data; symbolic links that lead to it are followed.
            settings: paces and bounds.
            identifier: who reads masters; shared by watches and closed by whoever made it.
            clock: monotonic seconds.
            files: the file system, if not this machine's.
        """
        if identifier is None:
            raise ValueError("a watch needs somebody who reads masters")
        self.raw = raw.resolve()
        self._settings = settings or WatchSettings()
        self._identifier = identifier
        self._clock = clock
        self._poller = Poller(self.raw, self._settings, clock, files)
        self._aside = Aside("watch: listings")
        self._polling: Future[Polled] | None = None
        self._reading: deque[tuple[str, Future[Answer]]] = deque()
        self._unread = UnreadMasters(self._settings)
        self._owners = Owners()
        self._announced = Announced(self._settings)
        self._frames: dict[str, Trouble] = {}
        self._held: set[str] = set()
        self._asked: deque[Announcement | str] = deque()
        self._last = Polled()

    def tick(self) -> WatchTick:
        """Look at what is due and read masters, for a few tenths of a second at most."""
        begin = self._clock()
        polled = self._poll()
        if polled is None:
            return WatchTick(troubles=(*self._last.troubles, _hangs(self.raw)), seconds=self._clock() - begin)
        sightings = self._take_in(polled, begin)
        self._take_asked(begin)
        self._look_for_announced(begin)
        sightings += self._read_for(self._settings.read_wait_s)
        files = self._told(polled, sightings)
        troubles = self._troubles(polled, self._clock())
        return WatchTick(tuple(sightings), files, troubles, polled.vanished, self._clock() - begin)

    def announce(self, announcement: Announcement) -> Path:
        """Take in an announcement; its dataset is sighted by one of the next ticks.

        Returns:
            Its path with symbolic links resolved, as sightings have it.

        Raises:
            InputError: it lies outside `raw`, can never be a dataset, or too many are waited for
                (`bad_request`).
            InfrastructureError: the file system does not answer (`timed_out`).
        """
        if self._announced.is_full or len(self._asked) >= self._settings.max_announced:
            detail = f"{self._settings.max_announced} announcements are waited for already."
            raise failure(Failure.BAD_REQUEST, detail, "Announce it when its files are there.")
        future = self._aside.do(lambda: accepted(announcement, self.raw))
        try:
            taken = future.result(self._settings.poll_deadline_s + 5.0)
        except TimeoutError as error:
            detail = f"{spelt(announcement.path)} was not looked at in time."
            raise failure(Failure.TIMED_OUT, detail, "See whether the file system answers.") from error
        self._asked.append(taken)
        return taken.path

    def watch_again(self, path: str) -> None:
        """Read a master again, and look at its data files closely for a while; one that is gone is let be."""
        self._asked.append(path)

    def close(self) -> None:
        """End it; the identifier lives on."""
        self._aside.close(self._settings.poll_deadline_s)

    def _poll(self) -> Polled | None:
        """A finished poll, or None while the file system does not answer."""
        patience = 0.0 if self._polling else self._settings.poll_deadline_s
        future = self._polling or self._aside.do(self._poller.poll)
        wait([future], patience)
        self._polling = None if future.done() else future
        if not future.done():
            return None
        self._last = future.result()
        return self._last

    def _take_in(self, polled: Polled, now: float) -> list[Sighting]:
        """What a poll found; sightings of datasets that other paths stand for now."""
        sightings: list[Sighting] = []
        for path in polled.gone:
            self._unread.remove(path)
            self._frames.pop(path, None)
            self._held.discard(path)
            sightings += self._owners.gone(path, self._poller.files_of)
        for seen in polled.masters:
            self._unread.add(seen.path, now)
        for files in polled.files:
            if files.changed_s == 0:
                self._unread.nudge(files.path, now)
                sightings += self._owners.changed(files.path, self._poller.files_of)
        return sightings

    def _take_asked(self, now: float) -> None:
        while self._asked:
            asked = self._asked.popleft()
            if isinstance(asked, Announcement):
                self._announced.add(asked, now)
            elif self._poller.files_of(asked) is not None:
                self._unread.add(asked, now)
                self._poller.want(asked, _WANTED_S)

    def _look_for_announced(self, now: float) -> None:
        """Announced masters that are there are read; directories that lead to others are kept active."""
        for path in self._announced.waiting(now):
            there = self._announced_at(path)
            for master in there:
                self._unread.add(master, now)
            if there:
                self._announced.found(path)
            else:
                self._poller.want(path, _WANTED_S)

    def _announced_at(self, path: str) -> list[str]:
        if master_prefix(PurePosixPath(path).name):
            return [path] if self._poller.files_of(path) is not None else []
        return [seen.path for seen in self._poller.masters_in(path)]

    def _read_for(self, seconds: float) -> list[Sighting]:
        """Read masters, one at a time, for so long."""
        sightings: list[Sighting] = []
        until = self._clock() + seconds
        while self._ask_more():
            path, future = self._reading[0]
            wait([future], max(0.0, until - self._clock()))
            if not future.done():
                break
            self._reading.popleft()
            sightings += self._answered(path, future)
        return sightings

    def _ask_more(self) -> bool:
        """Keep the reader busy until the next tick; whether an answer is awaited."""
        while len(self._reading) < _AT_A_TIME:
            path = self._unread.next(self._clock())
            if path is None:
                break
            said = self._announced.said_of(path)
            future = self._identifier.look(Path(path), self.raw, said.kind if said else None)
            self._unread.asked(path)
            self._reading.append((path, future))
        return bool(self._reading)

    def _answered(self, path: str, future: Future[Answer]) -> tuple[Sighting, ...]:
        """Take in an answer; the sightings to be told."""
        now = self._clock()
        error = future.exception()
        if error is not None:
            known = error if isinstance(error, BeampaceError) else failure(Failure.ENGINE_FAILED, repr(error))
            self._unread.failed(path, known.code, spelt(known.words), spelt(known.next_step), now)
            return ()
        said = future.result()
        if isinstance(said, Refused):
            self._unread.failed(path, said.code, spelt(said.words), spelt(said.next_step), now)
            return ()
        if not isinstance(said, Identified) or not said.identity:
            self._unread.without_identity(path, now)
            return ()
        return self._identified(path, said)

    def _identified(self, path: str, said: Identified) -> tuple[Sighting, ...]:
        if not self._unread.read(path) or self._poller.files_of(path) is None:
            return ()  # it changed or went while it was read
        self._poller.expect(path, said.n_files, said.data_prefix)
        self._held.add(path)
        self._compare(path, said)
        told = self._owners.seen(self._sighting(path, said), self._poller.files_of)
        if not self._owners.owns(path):  # renamed, perhaps: see whether the other is still there
            self._poller.want(self._owners.owner_of(said.identity), _WANTED_S)
        return told

    def _sighting(self, path: str, said: Identified) -> Sighting:
        master, announced = Path(path), self._announced.said_of(path)
        names = named(master)
        return Sighting(
            identity=said.identity,
            path=path,
            place=place_of(master, self.raw),
            name=names.prefix,
            kind=said.kind,
            kind_reason=said.kind_reason,
            n_announced=said.n_announced,
            frame_time_s=said.frame_time_s,
            n_files=said.n_files,
            collected=said.collected.astimezone(UTC) if said.collected else None,
            group=announced.group if announced else "",
            sample=(announced.sample if announced else "") or names.sample,
            by="announce" if announced else "poll",
        )

    def _compare(self, path: str, said: Identified) -> None:
        """Whether the number of frames is the announced one."""
        announced = self._announced.said_of(path)
        self._frames.pop(path, None)
        if announced and announced.frames not in (None, said.n_announced):
            words = f"{announced.frames} frames were announced, the master says {said.n_announced}."
            self._frames[path] = Trouble(spelt(path), words, "The master is believed.")

    def _told(self, polled: Polled, sightings: list[Sighting]) -> tuple[FilesSeen, ...]:
        """Files of sighted datasets; what changes while a master is read anew is told afterwards."""
        self._held.update(files.path for files in polled.files)
        self._held.update(sighting.path for sighting in sightings)
        ready = {path for path in self._held if not self._unread.is_open(path)}
        self._held -= ready
        found = (self._poller.files_of(path) for path in sorted(ready) if self._owners.owns(path))
        return tuple(files for files in found if files is not None)

    def _troubles(self, polled: Polled, now: float) -> tuple[Trouble, ...]:
        found = chain(
            polled.troubles,
            self._unread.troubles(),
            self._announced.troubles(now),
            self._frames.values(),
            self._owners.troubles(),
        )
        return tuple(islice(found, self._settings.max_troubles))


def _hangs(raw: Path) -> Trouble:
    words = "Listing what is below it takes long; nothing new is seen meanwhile."
    return Trouble(spelt(raw), words, "See whether the file system answers.")
