"""How often somebody may ask: token buckets, in memory."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_KEYS = 10_000
"""Callers remembered by a bucket."""


class Buckets:
    """A bucket per key: `burst` at once, `rate` per second in the long run.

    Args:
        rate: tokens per second that come back.
        burst: tokens of a full bucket.
        clock: monotonic seconds.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._filled: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> int:
        """Take a token: 0 when there was one, else the whole seconds until there is one again."""
        with self._lock:
            now = self._clock()
            level, at = self._filled.pop(key, (self._burst, now))
            level = min(self._burst, level + (now - at) * self._rate)
            taken = level >= 1
            self._filled[key] = (level - 1 if taken else level, now)
            while len(self._filled) > MOST_KEYS:
                self._filled.popitem(last=False)
        return 0 if taken else math.ceil((1 - level) / self._rate)


class Limits:
    """All limits of the pages.

    Attributes:
        address: attempts to log in per address; many people may share one.
        name: attempts to log in per group of a beamtime, and for staff.
        requests: per session, token, or address of somebody unknown.
        lookups: sessions that are not in memory, per address: looking for one asks the ledger.
        actions: reprocessing and cancelling, per session or token.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.address = Buckets(20 / 60, 20, clock)
        self.name = Buckets(10 / 60, 10, clock)
        self.requests = Buckets(50, 300, clock)
        self.lookups = Buckets(20, 200, clock)
        self.actions = Buckets(30 / 60, 30, clock)
