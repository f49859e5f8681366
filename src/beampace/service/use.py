"""What each group used lately, for a fair share: core-seconds, older ones counting less."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from beampace.store import Ledger

HALF_LIFE_S = 3600.0
"""After so long a core-second counts half."""

REMEMBERED_S = 8 * HALF_LIFE_S
"""What was used before counts next to nothing."""


def remembered_use(ledger: Ledger, clock: Callable[[], float]) -> GroupUse:
    """What each group used lately as the ledger knows it, so that a restart gives nobody a fresh share."""
    use, now = GroupUse(clock), ledger.now()
    for spent in ledger.used_since(now - timedelta(seconds=REMEMBERED_S)):
        age_s = max(0.0, (now - spent.ended).total_seconds())
        use.add(spent.group, spent.core_seconds * 0.5 ** (age_s / HALF_LIFE_S))
    return use


@dataclass(slots=True)
class GroupUse:
    """Core-seconds of each group.

    Attributes:
        clock: monotonic seconds.
    """

    clock: Callable[[], float]
    _used: dict[str, tuple[float, float]] = field(default_factory=dict)

    def add(self, group: str, core_seconds: float) -> None:
        """A group used so much just now."""
        now = self.clock()
        self._used[group] = (now, self._decayed(group, now) + core_seconds)

    def lately(self) -> Mapping[str, float]:
        """Group -> what it used lately."""
        now = self.clock()
        return {group: self._decayed(group, now) for group in self._used}

    def _decayed(self, group: str, now: float) -> float:
        at, used = self._used.get(group, (now, 0.0))
        return float(used * 0.5 ** ((now - at) / HALF_LIFE_S))
