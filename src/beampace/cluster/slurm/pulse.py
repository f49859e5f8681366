"""Whether launchers that the queue does not name any more still live: their heartbeat goes on.

A controller that crashed has forgotten the steps of its last seconds, and they go on all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beampace.cluster.launcher import HEARTBEAT
from beampace.results.below import read_below

MOST_BYTES = 100_000


@dataclass(slots=True)
class Pulses:
    """Compares heartbeats with those of the look before; no clock of another machine is believed."""

    _seen: dict[str, bytes] = field(default_factory=dict)

    def beats(self, directories: Mapping[str, Path]) -> frozenset[str]:
        """Attempts whose heartbeat is another one than at the last look; at the first, all that have one.

        Args:
            directories: of the attempts that are listened to, by name; others are forgotten.
        """
        before, self._seen = self._seen, {name: _read(where) for name, where in directories.items()}
        return frozenset(name for name, text in self._seen.items() if text and text != before.get(name))


def _read(directory: Path) -> bytes:
    """The heartbeat, or b"" while it cannot be read."""
    return read_below(directory.parent, f"{directory.name}/{HEARTBEAT}", MOST_BYTES) or b""
