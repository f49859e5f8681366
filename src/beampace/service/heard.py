"""What became of the last sightings, for a caller in another thread who waits for one."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import PurePath

from beampace.store import Observed

MOST = 1000
"""Sightings that are remembered."""


@dataclass(slots=True)
class Heard:
    """The last sightings, numbered."""

    _changed: threading.Condition = field(default_factory=threading.Condition)
    _last: deque[tuple[int, PurePath, Observed]] = field(default_factory=lambda: deque(maxlen=MOST))
    _count: int = 0

    @property
    def count(self) -> int:
        """How many there were."""
        return self._count

    def tell(self, path: str, observed: Observed) -> None:
        """A master was sighted."""
        with self._changed:
            self._count += 1
            self._last.append((self._count, PurePath(path), observed))
            self._changed.notify_all()

    def wait_for(self, path: PurePath, after: int, seconds: float) -> Observed | None:
        """The first sighting of a master, or below a directory, or None when there is none in time.

        Args:
            path: of the master or directory, links resolved.
            after: only sightings after so many.
            seconds: to wait at most.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._of(path, after), seconds)

    def _of(self, path: PurePath, after: int) -> Observed | None:
        found = (one for number, at, one in self._last if number > after and at.is_relative_to(path))
        return next(found, None)
