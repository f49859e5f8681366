"""What the beamtime grants: to submit while it is open, for a moment after its stop to cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from beampace.beamtime.resources import OnlineResources

Granted = Callable[[], OnlineResources | None]


@dataclass(slots=True)
class Grants:
    """The online resources, remembered for a short while when they end. May be used by several threads.

    Attributes:
        source: what is granted at this moment; None before the start and after the stop.
        farewell_s: seconds after the stop for which the account is still used to cancel and to give back.
        clock: monotonic seconds.
    """

    source: Granted
    farewell_s: float = 20.0
    clock: Callable[[], float] = time.monotonic
    _last: OnlineResources | None = field(default=None, repr=False)
    _ended: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> OnlineResources | None:
        """What is granted now: nothing is submitted without it."""
        return self._look()[0]

    def lasting(self) -> OnlineResources | None:
        """What is granted, or was a moment ago: what is left may be cancelled with it."""
        return self._look()[1]

    def _look(self) -> tuple[OnlineResources | None, OnlineResources | None]:
        now = self.source()
        with self._lock:
            if now is not None:
                self._last, self._ended = now, self.clock()
            elif self._last is not None and self.clock() - self._ended >= self.farewell_s:
                self._last = None  # account and key are forgotten
            return now, self._last
