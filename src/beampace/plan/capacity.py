"""What a cluster has, and what of it is kept free for urgent work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capacity:
    """Cores and memory (MB) of a cluster.

    Attributes:
        cores, memory_mb: all of it.
        urgent_cores, urgent_memory_mb: the part that only urgent work may use.
    """

    cores: int
    memory_mb: int
    urgent_cores: int = 0
    urgent_memory_mb: int = 0

    def __post_init__(self) -> None:
        if self.cores < 1 or self.memory_mb < 1:
            raise ValueError(f"a cluster has cores and memory, not {self.cores} and {self.memory_mb} MB")
        if not 0 <= self.urgent_cores < self.cores:
            raise ValueError(f"of {self.cores} cores 0 to {self.cores - 1} can be kept for urgent work")
        if not 0 <= self.urgent_memory_mb < self.memory_mb:
            raise ValueError(f"of {self.memory_mb} MB at least 1 must be left to work that is not urgent")

    @property
    def other_cores(self) -> int:
        """Cores that work of the other classes may use together."""
        return self.cores - self.urgent_cores

    @property
    def other_memory_mb(self) -> int:
        """Memory that work of the other classes may use together."""
        return self.memory_mb - self.urgent_memory_mb


URGENT_SHARE = 0.25
"""Part of a machine kept for urgent work when nobody says otherwise."""


def usual_capacity(cores: int, memory_mb: int) -> Capacity:
    """A machine with a quarter kept for urgent work: at least one core, and none of a single one."""
    kept = min(cores - 1, max(1, round(cores * URGENT_SHARE)))
    return Capacity(cores, memory_mb, kept, int(memory_mb * URGENT_SHARE) if kept else 0)
