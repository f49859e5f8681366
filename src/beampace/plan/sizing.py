"""Size of a job: cores, memory and time limit, from what earlier attempts cost. Pure; grows with the frames.

Without measurements the numbers below stand in for one. Look and map: 0.05 s per frame of 16M and core
(decode and look were measured at 43 to 46 ms). DIALS: 3 core-seconds per frame of 4M (its spot finder alone
takes 1.2 to 2.6 s for 16M, the rest as much again), and half a minute that does not depend on the frames.
XDS: 2 core-seconds per frame of 16M, and for four threads a job with a batch of 50 frames in memory (not
measured: the orders of magnitude that are known of it).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from beampace.core.dataset import DatasetKind
from beampace.core.job import Resources
from beampace.core.work import WorkName
from beampace.plan.capacity import Capacity

DETECTOR_RATE = 133.0
"""Frames per second of the EIGER2 X 16M: work that follows a scan keeps up with this."""
TIME_FACTOR = 10.0
"""The time limit is this many times the expected time: it ends what hangs, not what is slow."""
MEMORY_MARGIN = 1.3
MIN_TIME_S = 600.0
MAX_TIME_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one attempt of the same work and engine cost.

    Attributes:
        frames: frames it worked on.
        core_seconds: processor time.
        seconds: wall time.
        max_rss_mb: largest memory of its processes together.
        cores: cores it was given.
    """

    frames: int
    core_seconds: float
    seconds: float
    max_rss_mb: float
    cores: int


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a work before anything was measured.

    Attributes:
        start_core_s: core-seconds that do not depend on the frames.
        frame_core_s: core-seconds per frame.
        target_s: seconds it should take, besides those the detector needs for the frames.
        follows: whether it keeps pace with the detector, so that the detector's time is added.
        max_cores: more do not make it faster.
        base_mb, core_mb: memory, and memory per core.
    """

    start_core_s: float
    frame_core_s: float
    target_s: float
    follows: bool
    max_cores: int
    base_mb: int
    core_mb: int


_LOOK = Prior(2.0, 0.05, 2.0, follows=True, max_cores=16, base_mb=600, core_mb=400)
_DIALS = Prior(30.0, 3.0, 60.0, follows=False, max_cores=32, base_mb=1500, core_mb=700)
_XDS = Prior(20.0, 2.0, 60.0, follows=False, max_cores=64, base_mb=2000, core_mb=1250)
_SHORT = Prior(5.0, 0.1, 5.0, follows=False, max_cores=4, base_mb=1000, core_mb=300)


def prior(work: WorkName, engine: str) -> Prior:
    """What is believed of a work; an unknown engine is taken to cost what DIALS does."""
    if work in (WorkName.LOOK, WorkName.MAP):
        return _LOOK
    if work is WorkName.PROCESS and engine in ("xds", "xds-stock"):
        return _XDS
    if work is WorkName.PROCESS and engine != "fast":
        return _DIALS
    return _LOOK if engine == "fast" else _SHORT


def size(
    work: WorkName,
    engine: str,
    n_frames: int,
    kind: DatasetKind,
    costs: Sequence[Cost],
    capacity: Capacity,
    *,
    urgent: bool = False,
    scan_s: float = 0.0,
) -> Resources:
    """What a job may use.

    Args:
        work: what is done.
        engine: by which engine, or "".
        n_frames: frames of the dataset.
        kind: of the dataset; test shots are waited for, so nothing is taken off for the time they take.
        costs: of earlier attempts of the same work and engine, in any order.
        capacity: of the cluster.
        urgent: whether it may use all of the cluster.
        scan_s: seconds the scan itself takes, if the job follows it.
    """
    believed = prior(work, engine)
    n_frames = max(1, n_frames)
    most = min(believed.max_cores, capacity.cores if urgent else capacity.other_cores)
    follows = believed.follows and kind is not DatasetKind.SCREENING
    aim_s = believed.target_s + (n_frames / DETECTOR_RATE if follows else 0.0)
    work_s = frame_core_s(believed, costs) * n_frames
    cores = max(1, min(most, math.ceil(work_s / aim_s)))
    memory = capacity.memory_mb if urgent else capacity.other_memory_mb
    # With its fewest cores (see least_cores) a job takes this long at most; it grows with the frames.
    slowest = believed.start_core_s + (work_s if urgent else 4 * max(aim_s, work_s / most))
    limit = min(MAX_TIME_S, max(MIN_TIME_S, TIME_FACTOR * (slowest + scan_s)))
    return Resources(cores, min(memory, _memory(believed, cores, costs)), math.ceil(limit))


def core_seconds(work: WorkName, engine: str, n_frames: int, costs: Sequence[Cost]) -> float:
    """Core-seconds that a work on so many frames is expected to cost."""
    believed = prior(work, engine)
    return believed.start_core_s + frame_core_s(believed, costs) * n_frames


def expected_s(work: WorkName, engine: str, n_frames: int, costs: Sequence[Cost], cores: int) -> float | None:
    """Seconds a work is expected to take with so many cores; None when it was never measured.

    Wall time beyond the processor's share (waiting for files, steps that use one core) is measured too: the
    median ratio of wall time to `core_seconds / cores`.
    """
    known = _usable(costs)
    if not known:
        return None
    slack = median(max(1.0, cost.seconds * cost.cores / max(cost.core_seconds, 0.01)) for cost in known)
    return slack * core_seconds(work, engine, n_frames, costs) / max(1, cores)


def frame_core_s(believed: Prior, costs: Sequence[Cost]) -> float:
    """Core-seconds per frame: the median of what was measured, with the belief as one more measurement.

    Attempts on few frames are left out: what they cost is the start, which varies.
    """
    telling = [
        cost for cost in _usable(costs) if cost.frames * believed.frame_core_s >= believed.start_core_s
    ]
    measured = [max(0.0, cost.core_seconds - believed.start_core_s) / cost.frames for cost in telling]
    return median([*measured, believed.frame_core_s])


def least_cores(cores: int, *, urgent: bool) -> int:
    """Fewest cores with which a job is worth starting: one when somebody waits for it, else a quarter."""
    return 1 if urgent else max(1, math.ceil(cores / 4))


def enlarged(resources: Resources, code: str, capacity: Capacity) -> Resources:
    """What the next attempt may use after one that ran out of memory or time: twice as much of that."""
    if code == "out_of_memory":
        memory = min(capacity.memory_mb, 2 * resources.memory_mb)
        return Resources(resources.cores, max(memory, resources.memory_mb), resources.time_s)
    if code == "timed_out":
        return Resources(resources.cores, resources.memory_mb, 2 * resources.time_s)
    return resources


def _memory(believed: Prior, cores: int, costs: Sequence[Cost]) -> int:
    """MB for so many cores: the 95th percentile of what was measured per core, and a margin."""
    per_core = [max(0.0, cost.max_rss_mb - believed.base_mb) / max(1, cost.cores) for cost in _usable(costs)]
    share = percentile(per_core, 0.95) if per_core else float(believed.core_mb)
    return math.ceil(MEMORY_MARGIN * (believed.base_mb + share * cores))


def percentile(values: Iterable[float], part: float) -> float:
    """The value below or at which `part` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(part * len(ordered)) - 1))]


def _usable(costs: Sequence[Cost]) -> list[Cost]:
    return [cost for cost in costs if cost.frames > 0 and cost.core_seconds >= 0 and cost.seconds > 0]
