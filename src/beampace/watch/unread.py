"""Masters that wait to be read: which is next, and when one that failed is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from beampace.core.sighting import Trouble
from beampace.core.taxonomy import Failure
from beampace.watch.names import spelt
from beampace.watch.settings import WatchSettings

_BROKE_READER = (Failure.ENGINE_FAILED, Failure.TIMED_OUT, Failure.OUT_OF_MEMORY)
_NO_IDENTITY = "It says neither which series of which detector it is nor when it was taken, and has no frame."


@dataclass(frozen=True, slots=True)
class Unread:
    """A master that waits.

    Attributes:
        order: of being seen; the latest goes first.
        since: when it was seen new or changed.
        due: when it may be read.
        tries: readings that failed since then; `crashes`: those that broke the reader.
        trouble: what staff are told, once it has lasted.
    """

    order: int
    since: float
    due: float
    tries: int = 0
    crashes: int = 0
    trouble: Trouble | None = None


def after_failure(
    unread: Unread, path: str, code: Failure, words: str, next_step: str, now: float, settings: WatchSettings
) -> Unread:
    """How a master waits after a reading of it failed.

    A file that cannot be read is taken for one that is being written, for `not_yet_s`; one that broke the
    reader is told at once, and after `max_crashes` tried only when it changed.
    """
    broke = code in _BROKE_READER
    tries, crashes = unread.tries + 1, unread.crashes + broke
    pause = min(settings.again_s * 2 ** min(unread.tries, 20), settings.again_most_s)
    due = now + (max(pause, 1.0) if broke else pause)
    if crashes >= settings.max_crashes:
        due = float("inf")
    lasting = broke or now - unread.since >= settings.not_yet_s
    trouble = Trouble(spelt(path), words, next_step) if lasting else unread.trouble
    return replace(unread, due=due, tries=tries, crashes=crashes, trouble=trouble)


class UnreadMasters:
    """The queue of masters that wait to be read."""

    def __init__(self, settings: WatchSettings) -> None:
        self._settings = settings
        self._waiting: dict[str, Unread] = {}
        self._asked: dict[str, int] = {}
        self._order = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, path: str, now: float) -> None:
        """A master that is new, was changed, or shall be read again."""
        self._order += 1
        self._waiting[path] = Unread(self._order, now, now)

    def remove(self, path: str) -> None:
        """A master that went."""
        self._waiting.pop(path, None)

    def asked(self, path: str) -> None:
        """It is being read; a change from now on makes another reading necessary."""
        self._asked[path] = self._waiting[path].order

    def read(self, path: str) -> bool:
        """It was read; False when it changed or went since it was asked for."""
        order = self._asked.pop(path, None)
        unread = self._waiting.get(path)
        if unread is None or unread.order != order:
            return False
        del self._waiting[path]
        return True

    def next(self, now: float) -> str | None:
        """The master to be read now, none that is being read: those never tried first, the latest of them."""
        waiting = self._waiting.items()
        due = [(u.tries, -u.order, path) for path, u in waiting if u.due <= now and path not in self._asked]
        return min(due)[2] if due else None

    def failed(self, path: str, code: Failure, words: str, next_step: str, now: float) -> None:
        """A reading failed."""
        unread = self._waiting.get(path)
        if self._asked.pop(path, None) == (unread.order if unread else None) and unread is not None:
            failed = after_failure(unread, path, code, words, next_step, now, self._settings)
            self._waiting[path] = failed

    def without_identity(self, path: str, now: float) -> None:
        """It was read, but nothing tells it from others before its first frame is there."""
        self.failed(path, Failure.METADATA_INCONSISTENT, _NO_IDENTITY, "Wait for its first data file.", now)

    def nudge(self, path: str, now: float) -> None:
        """Its data files changed: worth a try soon."""
        unread = self._waiting.get(path)
        if unread is not None and unread.crashes < self._settings.max_crashes:
            self._waiting[path] = replace(unread, due=min(unread.due, now + self._settings.again_s))

    def is_open(self, path: str) -> bool:
        """Whether it is not known yet what a master is now; False once waiting has turned into trouble."""
        unread = self._waiting.get(path)
        return unread is not None and unread.trouble is None

    def troubles(self) -> Iterator[Trouble]:
        """Of those that have waited too long."""
        return (unread.trouble for unread in self._waiting.values() if unread.trouble)
