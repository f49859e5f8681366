"""Asks what a site is, by a thread of its own: again when something else is granted, and now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm.probe import Site
from beampace.core.errors import BeampaceError

AGAIN_S = 60.0
"""Seconds until a site is asked about again: reservations are extended, nodes go down."""
FAILED_S = 5.0
"""The same after a question without answer."""

Survey = Callable[[OnlineResources], Site]


@dataclass(frozen=True, slots=True)
class Known:
    """A site as it was at a moment.

    Attributes:
        site: as Slurm describes it.
        at: monotonic seconds of the answer.
    """

    site: Site
    at: float

    def left_s(self, now: float) -> float | None:
        """Seconds until the reservation ends, or None where there is none."""
        ends = self.site.reservation_ends_s
        return None if ends is None else ends - (now - self.at)


class Surveyor:
    """Keeps what is known of the site up to date; never waits.

    Args:
        survey: asks; may take seconds.
        clock: monotonic seconds.

    Attributes:
        error: why the last question had no answer, or None.
    """

    def __init__(self, survey: Survey, clock: Callable[[], float] = time.monotonic) -> None:
        self._survey = survey
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="slurm-survey")
        self._asked: tuple[OnlineResources, Future[Site]] | None = None
        self._known: tuple[OnlineResources, Known] | None = None
        self._due = float("-inf")
        self.error: BeampaceError | None = None

    def look(self, granted: OnlineResources) -> Known | None:
        """What is known of the site for what is granted now, or None as long as nothing is."""
        self._take()
        other = self._known is None or self._known[0] != granted
        if self._asked is None and (self._clock() >= self._due or (other and self.error is None)):
            self._asked = (granted, self._thread.submit(self._survey, granted))
        return self._known[1] if self._known is not None and not other else None

    def close(self) -> None:
        """Ask no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> None:
        if self._asked is None or not self._asked[1].done():
            return
        (granted, future), self._asked = self._asked, None
        try:
            self._known = (granted, Known(future.result(), self._clock()))
        except BeampaceError as error:
            self.error, self._due = error, self._clock() + FAILED_S
            return
        self.error, self._due = None, self._clock() + AGAIN_S
