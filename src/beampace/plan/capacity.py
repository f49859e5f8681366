"""What a cluster has, and what of it is kept free for urgent work."""

from __future__ import annotations

from dataclasses import dataclass

from beampace.core.work import WorkClass


@dataclass(frozen=True, slots=True)
class Capacity:
    """Cores and memory (MB) of a cluster.

    Attributes:
        cores, memory_mb: all of it.
        urgent_cores, urgent_memory_mb: the part that only urgent work may use.
        live_cores, live_memory_mb: a further part that only urgent and live work may use.
    """

    cores: int
    memory_mb: int
    urgent_cores: int = 0
    urgent_memory_mb: int = 0
    live_cores: int = 0
    live_memory_mb: int = 0

    def __post_init__(self) -> None:
        if self.cores < 1 or self.memory_mb < 1:
            raise ValueError(f"a cluster has cores and memory, not {self.cores} and {self.memory_mb} MB")
        kept, memory = self.urgent_cores + self.live_cores, self.urgent_memory_mb + self.live_memory_mb
        if min(self.urgent_cores, self.live_cores) < 0 or kept >= self.cores:
            raise ValueError(f"of {self.cores} cores at least 1 must be left to other work, not {kept} kept")
        if min(self.urgent_memory_mb, self.live_memory_mb) < 0 or memory >= self.memory_mb:
            raise ValueError(
                f"of {self.memory_mb} MB at least 1 must be left to other work, not {memory} kept"
            )

    def of(self, work_class: WorkClass) -> tuple[int, int]:
        """Cores and memory that work of a class, and of those after it, may use together."""
        if work_class is WorkClass.URGENT:
            return self.cores, self.memory_mb
        if work_class is WorkClass.LIVE:
            return self.other_cores, self.other_memory_mb
        return self.other_cores - self.live_cores, self.other_memory_mb - self.live_memory_mb

    @property
    def other_cores(self) -> int:
        """Cores that work of the other classes may use together."""
        return self.cores - self.urgent_cores

    @property
    def other_memory_mb(self) -> int:
        """Memory that work of the other classes may use together."""
        return self.memory_mb - self.urgent_memory_mb


URGENT_SHARE, LIVE_SHARE = 0.25, 0.125
"""Parts of a machine kept for urgent work, and for live work, when nobody says otherwise."""


def usual_capacity(cores: int, memory_mb: int) -> Capacity:
    """A machine with a quarter kept for urgent and an eighth for live work, at least a core each."""
    urgent = min(cores - 1, max(1, round(cores * URGENT_SHARE)))
    live = min(cores - 1 - urgent, max(1, round(cores * LIVE_SHARE)))
    return Capacity(
        cores,
        memory_mb,
        urgent,
        int(memory_mb * URGENT_SHARE) if urgent else 0,
        live,
        int(memory_mb * LIVE_SHARE) if live else 0,
    )
