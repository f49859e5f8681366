"""What there is to plan with: cores and memory of this machine, or of a cluster."""

from __future__ import annotations

import os
from dataclasses import replace

from beampace.core.errors import failure
from beampace.core.ports import ClusterSize
from beampace.core.taxonomy import Failure
from beampace.plan import Capacity, usual_capacity
from beampace.service.settings import ClusterSection

LEAST_CORES = 3
"""One each for urgent, live and full work."""


def capacity_of(section: ClusterSection) -> Capacity:
    """Cores and memory to use.

    Raises:
        InputError: what is kept for urgent work leaves nothing (bad_request).
    """
    own = len(os.sched_getaffinity(0))
    usual = usual_capacity(section.cores or max(LEAST_CORES, own), section.memory_mb or _machine_memory_mb())
    if section.cores is None:
        usual = replace(usual, cores=own + usual.urgent_cores + usual.live_cores)
    return _with_wishes(usual, section)


def capacity_of_cluster(section: ClusterSection, size: ClusterSize) -> Capacity:
    """Cores and memory of a cluster, all its nodes together, no more than the configuration allows.

    Raises:
        InputError: what is kept for urgent work leaves nothing (bad_request).
    """
    cores, memory = size.nodes * size.cores, size.nodes * size.memory_mb
    usual = usual_capacity(min(section.cores or cores, cores), min(section.memory_mb or memory, memory))
    if size.urgent_cores:
        usual = replace(
            usual,
            urgent_cores=min(size.urgent_cores, usual.cores - 1 - usual.live_cores),
            urgent_memory_mb=min(size.urgent_memory_mb, usual.memory_mb - 1 - usual.live_memory_mb),
        )
    return _with_wishes(usual, section)


def _with_wishes(usual: Capacity, section: ClusterSection) -> Capacity:
    asked = {
        "urgent_cores": section.urgent_cores,
        "urgent_memory_mb": section.urgent_memory_mb,
        "live_cores": section.live_cores,
    }
    try:
        return replace(usual, **{name: value for name, value in asked.items() if value is not None})
    except ValueError as error:
        raise failure(Failure.BAD_REQUEST, f"[cluster] {', '.join(asked)}: {error}.") from error


def _machine_memory_mb() -> int:
    return int(0.9 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6)
