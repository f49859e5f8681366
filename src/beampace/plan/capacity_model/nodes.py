"""Nodes: a job runs on one of them, and waits for one with room even when the cluster as a whole has room."""

from __future__ import annotations

from collections.abc import Iterator


class Nodes:
    """Free cores of each node.

    Attributes:
        unclaimed: cores nobody holds or has asked for.
    """

    def __init__(self, count: int, cores: int) -> None:
        self._cores = cores
        self._free = [cores] * count
        self._asked: dict[str, int] = {}
        self._held: dict[str, tuple[int, int]] = {}
        self.unclaimed = count * cores

    def ask(self, key: str, cores: int) -> None:
        """A job is to have so many cores of one node, as soon as one has room; at most a whole node."""
        self._asked[key] = min(cores, self._cores)
        self.unclaimed -= self._asked[key]

    def placed(self) -> Iterator[tuple[str, int]]:
        """The jobs that get their cores now, and how many: those who asked first go first.

        Of the nodes with room the fullest is taken, so that room for large jobs stays together.
        """
        for key, cores in tuple(self._asked.items()):
            free, node = min(
                ((free, n) for n, free in enumerate(self._free) if free >= cores), default=(0, 0)
            )
            if free >= cores:
                del self._asked[key]
                self._free[node] -= cores
                self._held[key] = (node, cores)
                yield key, cores

    def give_back(self, key: str) -> None:
        """A job ended."""
        node, cores = self._held.pop(key)
        self._free[node] += cores
        self.unclaimed += cores
