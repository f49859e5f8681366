"""No retry storm: what the queue has just refused is not asked for again at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from beampace.beamtime.resources import OnlineResources
from beampace.core.errors import InfrastructureError

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

    def refused(self, granted: OnlineResources, error: InfrastructureError) -> None:
        """Remember a refusal."""
        _, count, _ = self._shut.get(_key(granted), (0.0, 0, error))
        pause = PAUSES_S[min(count, len(PAUSES_S) - 1)]
        self._shut[_key(granted)] = (self.clock() + pause, count + 1, error)

    def taken(self) -> None:
        """Something was taken: the way is free."""
        self._shut.clear()


def _key(granted: OnlineResources) -> tuple[str, str, str]:
    return (granted.account, granted.reservation, granted.partition)
