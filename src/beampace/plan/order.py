"""Order: which waiting jobs start now, and with how many cores. Pure; no clock.

1. Classes go in their order: urgent, live, full, rerun.
2. Inside a class the group with the smallest use goes first; inside a group the newest dataset.
3. Work that is not urgent never uses what is kept for urgent work, nor full processing what is kept for live
   work: a live look need not wait for the end of a long job.
4. A job may start with fewer cores than it wishes, down to its least, when it can start now that way.
5. What fits starts, also past a job that does not fit, so that no core is idle; but past the first of a
   class that would not fit even at the front of it, at most `MAX_PASSED` jobs of that class or below start.
   Then it goes to the front of its class, and nothing of its class or below starts before it does.
6. A job larger than the whole cluster is cut to what there is, and said to be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from beampace.core.work import WorkClass
from beampace.plan.capacity import Capacity

MAX_PASSED = 8
"""How many jobs may start past one that does not fit."""

RUNNING_WEIGHT_S = 60.0
"""A core in use by a group counts as this many core-seconds used."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that may start.

    Attributes:
        key: of the job.
        work_class: who waits for it.
        group: whose it is.
        seen: when its dataset was seen; larger is newer.
        cores, memory_mb: what it wishes.
        min_cores: fewest cores with which it is worth starting.
        passed: how many jobs have started past it because it did not fit (`Choice.passed` adds to it).
    """

    key: str
    work_class: WorkClass
    group: str
    seen: float
    cores: int
    memory_mb: int
    min_cores: int = 1
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Running:
    """A job that holds cores and memory."""

    key: str
    work_class: WorkClass
    group: str
    cores: int
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Start:
    """A job that starts now, with what it gets."""

    key: str
    cores: int
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What happens now.

    Attributes:
        starts: the jobs to start, in order.
        passed: key -> how many jobs start past it now; add to its `passed`.
        cut: keys of jobs that wish more than the cluster has.
    """

    starts: tuple[Start, ...] = ()
    passed: Mapping[str, int] = field(default_factory=dict)
    cut: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the jobs to start."""
        return tuple(start.key for start in self.starts)


def choose(
    waiting: Sequence[Waiting],
    running: Iterable[Running],
    capacity: Capacity,
    used: Mapping[str, float] | None = None,
) -> Choice:
    """Which jobs start now.

    Args:
        waiting: jobs that may start.
        running: jobs that hold something.
        capacity: of the cluster.
        used: group -> core-seconds it used lately, older ones counting less.
    """
    fitted = [_cut(job, capacity) for job in waiting]
    room = _Room(capacity, running, used or {})
    passing = _Passing()
    starts: list[Start] = []
    for work_class in WorkClass:
        queue = [job for job in fitted if job.work_class is work_class]
        _serve(queue, room, starts, passing)
    return Choice(tuple(starts), passing.counted, _were_cut(waiting, fitted))


def _serve(queue: list[Waiting], room: _Room, starts: list[Start], passing: _Passing) -> None:
    """Start what can start of one class; nothing when a job may not be passed any more."""
    if not queue or not room.free(queue[0].work_class)[0]:
        return
    line, before, at_first = _Line(queue), len(starts), room.free(queue[0].work_class)
    unwatched = any(not _fits(job, at_first) for job in queue)
    while not passing.over and (job := line.next(room.use)) is not None:
        cores = room.take(job)
        if cores:
            starts.append(Start(job.key, cores, job.memory_mb))
            passing.started()
        elif unwatched and not _fits(job, at_first):
            unwatched = False
            passing.watch(job, len(starts) - before)
        elif not unwatched and not room.free(job.work_class)[0]:
            break


def _fits(job: Waiting, free: tuple[int, int]) -> bool:
    return job.min_cores <= free[0] and job.memory_mb <= free[1]


def _were_cut(asked: Sequence[Waiting], fitted: Sequence[Waiting]) -> tuple[str, ...]:
    pairs = zip(asked, fitted, strict=True)
    return tuple(old.key for old, new in pairs if old.cores > new.cores or old.memory_mb > new.memory_mb)


class _Passing:
    """Counts how many jobs start past those that do not fit."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}
        self._now: dict[str, int] = {}

    def watch(self, job: Waiting, already: int) -> None:
        """Count for this job from now on; `already` jobs of its class went ahead of it."""
        self._before[job.key], self._now[job.key] = job.passed, already

    def started(self) -> None:
        """A job started."""
        for key in self._now:
            self._now[key] += 1

    @property
    def over(self) -> bool:
        """Whether a job was passed as often as it may be."""
        return any(self._before[key] + count >= MAX_PASSED for key, count in self._now.items())

    @property
    def counted(self) -> Mapping[str, int]:
        """Key -> jobs that start past it now."""
        return {key: count for key, count in self._now.items() if count}


class _Line:
    """The waiting jobs of a class: those that were passed too often first, then by group and age."""

    def __init__(self, jobs: Iterable[Waiting]) -> None:
        self._groups: dict[str, list[Waiting]] = defaultdict(list)
        self._held: list[Waiting] = []
        for job in sorted(jobs, key=lambda job: (job.seen, job.key)):
            (self._held if job.passed >= MAX_PASSED else self._groups[job.group]).append(job)
        self._held.sort(key=lambda job: job.passed)

    def next(self, use: Mapping[str, float]) -> Waiting | None:
        """Take the next job, given how much each group uses."""
        if self._held:
            return self._held.pop()
        group = min(self._groups, key=lambda name: (use.get(name, 0.0), name), default=None)
        if group is None:
            return None
        job = self._groups[group].pop()
        if not self._groups[group]:
            del self._groups[group]
        return job


_TIERS = (WorkClass.URGENT, WorkClass.LIVE, WorkClass.FULL)
"""Classes with a limit of their own, which holds for those after them, too."""


class _Room:
    """What is free, for urgent work and for the rest, and what each group uses."""

    def __init__(self, capacity: Capacity, running: Iterable[Running], used: Mapping[str, float]) -> None:
        self._free = {work_class: list(capacity.of(work_class)) for work_class in _TIERS}
        self.use: dict[str, float] = dict(used)
        for job in running:
            self._hold(job.work_class, job.group, job.cores, job.memory_mb)

    def free(self, work_class: WorkClass) -> tuple[int, int]:
        """Cores and memory that a class may take now."""
        tiers = [free for tier, free in self._free.items() if tier.rank <= work_class.rank]
        return max(0, min(free[0] for free in tiers)), max(0, min(free[1] for free in tiers))

    def take(self, job: Waiting) -> int:
        """Give room to a job; the cores it gets, 0 when it does not fit."""
        free = self.free(job.work_class)
        if not _fits(job, free):
            return 0
        given = min(free[0], job.cores)
        self._hold(job.work_class, job.group, given, job.memory_mb)
        return given

    def _hold(self, work_class: WorkClass, group: str, cores: int, memory_mb: int) -> None:
        for tier, free in self._free.items():
            if tier.rank <= work_class.rank:
                free[0] -= cores
                free[1] -= memory_mb
        self.use[group] = self.use.get(group, 0.0) + cores * RUNNING_WEIGHT_S


def _cut(job: Waiting, capacity: Capacity) -> Waiting:
    """The job, no larger than what its class may ever get.

    Urgent work is content with what is kept for it: it must never have to wait for others to end.
    """
    urgent = job.work_class is WorkClass.URGENT
    most = capacity.of(job.work_class)
    cores, memory = min(max(1, job.cores), most[0]), min(max(0, job.memory_mb), most[1])
    least = min(max(1, job.min_cores), cores)
    if urgent and capacity.urgent_cores:
        least = min(least, capacity.urgent_cores)
    if (cores, memory, least) == (job.cores, job.memory_mb, job.min_cores):
        return job
    return replace(job, cores=cores, memory_mb=memory, min_cores=least)
