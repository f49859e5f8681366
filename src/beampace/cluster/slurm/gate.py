"""No retry storm: what the queue has just refused, or did not answer, is not asked again at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from beampace.beamtime.resources import OnlineResources
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure

PAUSES_S = (2.0, 5.0, 15.0, 60.0)
"""Seconds for which nothing is asked after the first, second, ... refusal in a row."""


@dataclass(slots=True)
class Gate:
    """Remembers which reservation was refused; another one is asked for at once."""

    clock: Callable[[], float] = time.monotonic
    _shut: dict[tuple[str, str, str], tuple[float, int, InfrastructureError]] = field(default_factory=dict)

    def check(self, granted: OnlineResources) -> None:
        """Pass, or raise the last refusal again.

        Raises:
            InfrastructureError: this was refused a moment ago.
        """
        until, _, error = self._shut.get(_key(granted), (0.0, 0, None))
        if error is not None and self.clock() < until:
            raise InfrastructureError(error.code, error.detail, error.hint)

    def is_open(self, granted: OnlineResources) -> bool:
        """Whether this was not refused a moment ago."""
        until, _, _ = self._shut.get(_key(granted), (float("-inf"), 0, None))
        return self.clock() >= until

    def why(self, granted: OnlineResources) -> InfrastructureError | None:
        """The refusal for which this is not asked at the moment, or None."""
        _, _, error = self._shut.get(_key(granted), (0.0, 0, None))
        return None if self.is_open(granted) else error

    def refused(self, granted: OnlineResources, error: InfrastructureError) -> None:
        """Remember a refusal."""
        _, count, _ = self._shut.get(_key(granted), (0.0, 0, error))
        pause = PAUSES_S[min(count, len(PAUSES_S) - 1)]
        self._shut[_key(granted)] = (self.clock() + pause, count + 1, error)

    def taken(self) -> None:
        """Something was taken: the way is free."""
        self._shut.clear()


class NoRoom(InfrastructureError):
    """Nothing was asked: there is no room in what is held."""


@dataclass(slots=True)
class Outage:
    """A block in which the queue is asked; while it has just left a question unanswered, there is none.

    A question without answer holds up who asks it for seconds: when the controller is away, only the poller,
    which has a thread of its own, goes on asking.
    """

    clock: Callable[[], float] = time.monotonic
    _until: float = float("-inf")
    _count: int = 0
    _detail: str = ""

    @property
    def lasts(self) -> bool:
        """Whether the queue gave no answer a moment ago."""
        return self.clock() < self._until

    def answered(self) -> None:
        """The queue has answered: ask again at once."""
        self._until, self._count = float("-inf"), 0

    def __enter__(self) -> None:
        """Begin to ask.

        Raises:
            InfrastructureError: the queue gave no answer a moment ago (node_lost).
        """
        if self.lasts:
            raise InfrastructureError(Failure.NODE_LOST, f"The queue did not answer just now. {self._detail}")

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        """Take note of how it went."""
        if isinstance(error, NoRoom):
            return
        if isinstance(error, InfrastructureError) and error.code is Failure.NODE_LOST:
            self._until = self.clock() + PAUSES_S[min(self._count, len(PAUSES_S) - 2)]
            self._count += 1
            self._detail = error.detail
        elif error is None:
            self.answered()


def _key(granted: OnlineResources) -> tuple[str, str, str]:
    return (granted.account, granted.reservation, granted.partition)
