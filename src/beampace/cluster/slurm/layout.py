"""How a site is used: what is held, and what there is for attempts. Pure.

Exclusive nodes: each node of the reservation is one held allocation and every attempt a step in it. Shared
nodes: a small allocation is held for urgent attempts, all others are jobs of their own. Where Slurm does not
say which of the two it is, nodes count as exclusive: a job per attempt would then waste a node on each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from beampace.cluster.slurm.held import HeldSettings
from beampace.cluster.slurm.probe import Site
from beampace.cluster.slurm.script import LAUNCHER_MB, MARGIN_S, MEMORY_MARGIN
from beampace.core.ports import ClusterSize

UNKNOWN_CORES, UNKNOWN_MEMORY_MB = 4, 8000
"""A node nobody knows anything of."""
LEAST_TIME_S = 120.0
"""Seconds before the end of the reservation from which on nothing is begun."""
END_MARGIN_S = 30.0
"""Seconds before the end of the reservation at which what is asked for has ended."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the configuration says of a site; what is empty or 0, Slurm is asked.

    Attributes:
        shape: `exclusive`, `shared`, or `auto`.
        nodes: how many are held at most where they are exclusive; 0: all of the reservation, one without.
        node_cores, node_memory_mb: of each.
        urgent_cores, urgent_memory_mb: held for urgent attempts where nodes are shared; 0: a quarter of one.
        hold_s: for how long an allocation is asked for.
        renew_s: seconds before its end at which the next one is asked for.
        most_time_s: longest time limit.
    """

    shape: Literal["auto", "exclusive", "shared"] = "auto"
    nodes: int = 0
    node_cores: int = 0
    node_memory_mb: int = 0
    urgent_cores: int = 0
    urgent_memory_mb: int = 0
    hold_s: int = 24 * 3600
    renew_s: int = 1800
    most_time_s: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """How a site is used.

    Attributes:
        held: what is held.
        size: what there is for attempts.
        most_time_s: longest time an attempt may be given now; 0 is no bound.
        over: whether the reservation ends so soon that nothing is begun.
    """

    held: HeldSettings
    size: ClusterSize
    most_time_s: int = 0
    over: bool = False


def layout_of(site: Site, asked: Asked, left_s: float | None) -> Layout:
    """How a site is used.

    Args:
        site: as Slurm describes it.
        asked: what the configuration says.
        left_s: seconds until the reservation ends, or None.
    """
    cores = asked.node_cores or site.cores or UNKNOWN_CORES
    memory = _for_attempts(asked.node_memory_mb or site.memory_mb or UNKNOWN_MEMORY_MB, cores)
    bounds = [bound for bound in (asked.most_time_s, site.most_time_s) if bound > 0]
    bounds += [] if left_s is None else [max(60, int(left_s - END_MARGIN_S))]
    most = max(60, min(bounds) // 60 * 60) if bounds else 0  # Slurm counts minutes
    hold_s = min(asked.hold_s, most) if most else asked.hold_s
    over = left_s is not None and left_s < LEAST_TIME_S
    if exclusive(site, asked):
        nodes = _held_nodes(site, asked, reserved=left_s is not None)
        held = HeldSettings(
            nodes, cores, memory, hold_s, _renewal(asked, hold_s), everything=True, exclusive=True
        )
        return Layout(held, ClusterSize(nodes, cores, memory), _for_launcher(most), over)
    urgent = min(cores, asked.urgent_cores or max(1, cores // 4))
    urgent_mb = min(memory, asked.urgent_memory_mb or memory * urgent // cores)
    held = HeldSettings(1, urgent, urgent_mb, hold_s, _renewal(asked, hold_s))
    size = ClusterSize(max(1, len(site.nodes)), cores, memory, urgent, urgent_mb)
    return Layout(held, size, _for_launcher(most), over)


def layout_of_jobs(asked: Asked) -> Layout:
    """How a site is used where nothing can be held: every attempt is a job of its own."""
    cores = asked.node_cores or UNKNOWN_CORES
    memory = _for_attempts(asked.node_memory_mb or UNKNOWN_MEMORY_MB, cores)
    size = ClusterSize(asked.nodes or 1, cores, memory)
    return Layout(HeldSettings(), size, _for_launcher(asked.most_time_s))


def exclusive(site: Site, asked: Asked) -> bool:
    """Whether a job has its node for itself."""
    if asked.shape != "auto":
        return asked.shape == "exclusive"
    return site.exclusive is not False


def _held_nodes(site: Site, asked: Asked, *, reserved: bool) -> int:
    """Nodes to hold; without a reservation the others of the partition are for everybody."""
    there = max(1, len(site.nodes))
    if asked.nodes:
        return min(asked.nodes, there)
    return there if reserved else 1


def _for_launcher(most_s: int) -> int:
    """The longest time an attempt may be given, so that the queue's limit, which lies above, is allowed."""
    return max(60, most_s - MARGIN_S) if most_s else 0


def _renewal(asked: Asked, hold_s: int) -> int:
    """Seconds before its end at which the next allocation is asked for; never more than a quarter of it."""
    return min(asked.renew_s, hold_s // 4)


def _for_attempts(memory_mb: int, cores: int) -> int:
    """Memory of a node for attempts: what is asked for besides, for each launcher, has room as well."""
    return max(1, int((memory_mb - LAUNCHER_MB * cores) / MEMORY_MARGIN))
