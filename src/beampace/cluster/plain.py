"""What a cluster says that is no more than processes: nothing is held, nobody but the launcher counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from beampace.core.job import Ending, Resources
from beampace.core.ports import ClusterSize
from beampace.core.sighting import Trouble


class PlainCluster:
    """The answers of a cluster without nodes, queue and accounts of its own; see `core.ports.Cluster`."""

    def fitting(self, wish: Resources, least: int, *, urgent: bool) -> int:
        """Whoever plans knows the machine: what is asked for is taken."""
        del least, urgent
        return wish.cores

    def size(self) -> ClusterSize | None:
        """Not known here: the configuration or the machine says it."""
        return None

    def ending(self, native_id: str) -> Ending | None:
        """The launcher's exit record says it."""
        del native_id
        return None

    def troubles(self) -> tuple[Trouble, ...]:
        """It takes what it is given."""
        return ()

    def charges(self, native_ids: Iterable[str]) -> Mapping[str, float]:
        """The launcher's exit record says it."""
        del native_ids
        return {}

    def release(self) -> None:
        """Nothing is held."""
