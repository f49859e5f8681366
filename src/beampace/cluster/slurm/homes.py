"""How a step fares, by the allocation it runs in: its home.

Its number is kept in the attempt's directory, for a daemon that is started again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from beampace.cluster.slurm.states import Fate
from beampace.core.job import ClusterState
from beampace.core.taxonomy import Failure
from beampace.results.below import read_below, write_below

HOME = "allocation"
"""File in an attempt's directory that holds the number of the allocation in which it was started."""

_TIME_OVER = Fate(
    ClusterState.GONE,
    Failure.PREEMPTED,
    "The nodes that were held ended: their time, or that of the reservation, was over.",
)
_ALONE = Fate(ClusterState.GONE, Failure.CANCELLED, "It was ended in the queue; its node goes on.")


def write_home(directory: Path, job: int) -> None:
    """Write down where an attempt is going to be started. No symbolic link is followed.

    Raises:
        InfrastructureError: it cannot be written (not_writable, disk_full).
    """
    write_below(directory.parent, f"{directory.name}/{HOME}", f"{job}\n")


def read_home(directory: Path) -> int | None:
    """Where an attempt was started; None when that was not written down, or cannot be read now."""
    text = read_below(directory.parent, f"{directory.name}/{HOME}", 20) or b""
    return int(text) if text.strip().isdigit() else None


def step_fate(fate: Fate, homes: Sequence[Fate | None]) -> Fate:
    """How a step fares.

    The queue lists steps that run and says nothing of how one ended; with an allocation all its steps end.

    Args:
        fate: by the list of steps alone.
        homes: how each allocation fares in which it may run; None: not known.
    """
    if not homes or None in homes or (fate.state is ClusterState.GONE and fate.code is not Failure.NODE_LOST):
        return fate
    ended = [home for home in homes if home is not None and home.state is ClusterState.GONE]
    if len(ended) < len(homes):
        return _ALONE if fate.state is ClusterState.GONE else fate
    last = ended[-1]
    if last.code is None:
        return fate
    return _TIME_OVER if last.code is Failure.TIMED_OUT else last
