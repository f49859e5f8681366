"""Not asking too often: the same attempt is asked to end again only after a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

AGAIN_S = 5.0
"""Seconds after which an attempt that still lives is asked once more."""


@dataclass(slots=True)
class Pace:
    """Which attempts are due to be asked.

    Attributes:
        clock: monotonic seconds.
    """

    clock: Callable[[], float]
    _asked: dict[str, float] = field(default_factory=dict)

    def due(self, directory: str) -> bool:
        """Whether the attempt of a directory is to be asked now; it counts as asked from then on."""
        now = self.clock()
        if now - self._asked.get(directory, float("-inf")) < AGAIN_S:
            return False
        self._asked = {place: at for place, at in self._asked.items() if now - at < 10 * AGAIN_S}
        self._asked[directory] = now
        return True
