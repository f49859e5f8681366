"""How many jobs and processors XDS is given, and how many degrees INTEGRATE takes at a time.

An XDS job keeps the frames of one batch in memory, and each of its threads a frame more:

    memory = jobs x ((DELPHI / width + 1 + processors) x frame + 1 GB),   frame = 4 bytes x NX x NY

(XDSwiki, Performance; the constant is what a job takes beside frames). Without the memory it reads every
frame three times. Refinement does not go on over the border of two jobs, so each job gets several batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MOST = 99
"""XDS takes two digits for both."""
FRAME_BYTES = 4
PER_JOB_MB = 1000.0
DELPHI_DEG = 5.0
"""Rotation from which a batch has enough strong reflections to be refined."""
PROCESSORS = 4
"""Threads of a job up to which nothing is lost; more jobs before more threads (Holton's benchmark)."""
WEDGE_DEG = 10.0
"""Least rotation of a job: two batches."""


@dataclass(frozen=True, slots=True)
class Means:
    """What there is to work with.

    Attributes:
        cores: per node; `nodes`: how many.
        memory_mb: per node.
    """

    cores: int
    nodes: int = 1
    memory_mb: float = 8000.0


@dataclass(frozen=True, slots=True)
class Task:
    """What there is to do.

    Attributes:
        frames: how many; `width`: degrees of each; `pixels`: of each.
    """

    frames: int
    width: float
    pixels: int

    @property
    def degrees(self) -> float:
        """Rotation of all."""
        return self.frames * self.width


@dataclass(frozen=True, slots=True)
class Split:
    """Jobs over all nodes, processors per job, and degrees of a batch."""

    jobs: int
    processors: int
    delphi: float

    def memory_mb(self, task: Task, nodes: int = 1) -> float:
        """Memory that the busiest node needs."""
        return math.ceil(self.jobs / nodes) * _job_mb(self.processors, self.delphi, task)


def choose(means: Means, task: Task) -> Split:
    """Jobs, processors and DELPHI: as many jobs as cores, wedges and memory allow, threads for the rest.

    At least one job is given, also where the formula says it will not fit: XDS then reads frames again.
    """
    wedges = max(1, int(task.degrees / WEDGE_DEG + 1e-9))
    most = max(1, min(MOST, wedges, means.nodes * max(1, math.ceil(means.cores / PROCESSORS))))
    splits = [_split(jobs, means, task) for jobs in range(most, 0, -1)]
    fitting = (split for split in splits if split.memory_mb(task, means.nodes) <= means.memory_mb)
    return next(fitting, splits[-1])


def _split(jobs: int, means: Means, task: Task) -> Split:
    """A number of jobs, with the cores of each node shared among those on it."""
    on_node = math.ceil(jobs / means.nodes)
    processors = max(1, min(MOST, means.cores // on_node, task.frames))
    if processors > 1:
        processors -= processors % 2  # XDSwiki: an even number.
    return Split(jobs, processors, _delphi(jobs, processors, task))


def _delphi(jobs: int, processors: int, task: Task) -> float:
    """Batches of about one size, each a whole multiple of the threads, so that none waits."""
    per_job = math.ceil(task.frames / jobs)
    batches = max(1, round(per_job * task.width / DELPHI_DEG))
    frames = processors * math.ceil(per_job / (batches * processors) - 1e-9)
    return round(max(1, min(frames, per_job)) * task.width, 6)


def _job_mb(processors: int, delphi: float, task: Task) -> float:
    frame_mb = FRAME_BYTES * task.pixels / 1e6
    return (delphi / task.width + 1 + processors) * frame_mb + PER_JOB_MB
