"""A discrete-event simulation of the daemon's order of work: `plan.choose` decides, as in the daemon."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from beampace.core.work import WorkClass, WorkName
from beampace.plan.capacity import Capacity
from beampace.plan.capacity_model.lengths import Length
from beampace.plan.capacity_model.nodes import Nodes
from beampace.plan.order import Running, Waiting, choose


class Use(Protocol):
    """What groups used lately; the daemon's own keeps count."""

    def add(self, group: str, core_seconds: float) -> None:
        """A group used so much just now."""

    def lately(self) -> Mapping[str, float]:
        """Group -> what it used lately."""


UseOf = Callable[[Callable[[], float]], Use]
"""Makes a `Use` from a clock in seconds."""


@dataclass(frozen=True, slots=True)
class Task:
    """A job to come.

    Attributes:
        wish: as the daemon would put it to `choose`.
        due: second at which it may start.
        last_frame: second at which its last frame is readable.
        length: how long it takes.
        work: what is done.
        scan_s: seconds its scan lasted.
    """

    wish: Waiting
    due: float
    last_frame: float
    length: Length
    work: WorkName = WorkName.PROCESS
    scan_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Done:
    """A job that ended: seconds at which it was given cores and at which its result was there."""

    task: Task
    started: float
    freed: float
    result: float
    cores: int

    @property
    def work_class(self) -> WorkClass:
        """Who waited for it."""
        return self.task.wish.work_class

    @property
    def lag(self) -> float:
        """Seconds from its last frame to its result."""
        return self.result - self.task.last_frame


@dataclass(frozen=True, slots=True)
class Site:
    """Where it happens: see `ClusterTable`."""

    capacity: Capacity
    nodes: int = 1
    start_s: float = 0.0
    end_s: float = 0.0


def simulate(tasks: Iterable[Task], site: Site, use: UseOf | None = None) -> tuple[Done, ...]:
    """What becomes of the tasks, in the order in which they end; all of them do.

    Args:
        tasks: in any order; keys must differ.
        site: the cluster.
        use: keeps count of what groups used; None forgets what has ended.
    """
    return _Play(tasks, site, use).run()


@dataclass(slots=True)
class _Play:
    tasks: Iterable[Task]
    site: Site
    use: UseOf | None
    _now: float = 0.0
    _waiting: dict[str, Waiting] = field(default_factory=dict)
    _running: dict[str, Running] = field(default_factory=dict)
    _done: list[Done] = field(default_factory=list)

    def run(self) -> tuple[Done, ...]:
        coming = sorted(self.tasks, key=lambda task: (task.due, task.wish.key))
        known = {task.wish.key: task for task in coming}
        nodes = Nodes(self.site.nodes, self.site.capacity.cores // self.site.nodes)
        used = None if self.use is None else self.use(lambda: self._now)
        ends: list[tuple[float, str, float]] = []
        place = 0
        while place < len(coming) or ends:
            self._now = self._next(coming, place, ends)
            while ends and ends[0][0] <= self._now:
                _, key, begun = heapq.heappop(ends)
                self._end(known[key], begun, used)
                nodes.give_back(key)
            while place < len(coming) and coming[place].due <= self._now:
                self._waiting[coming[place].wish.key] = coming[place].wish
                place += 1
            self._choose(nodes, {} if used is None else used.lately())
            for key, cores in nodes.placed():
                heapq.heappush(ends, (self._freed(known[key], cores), key, self._now))
        return tuple(self._done)

    def _next(self, coming: Sequence[Task], place: int, ends: Sequence[tuple[float, str, float]]) -> float:
        first = coming[place].due if place < len(coming) else float("inf")
        return min(first, ends[0][0]) if ends else first

    def _freed(self, task: Task, cores: int) -> float:
        return task.length.end(self._now + self.site.start_s, task.last_frame, cores)

    def _end(self, task: Task, begun: float, used: Use | None) -> None:
        held = self._running.pop(task.wish.key)
        self._done.append(Done(task, begun, self._now, self._now + self.site.end_s, held.cores))
        if used is not None:
            used.add(held.group, held.cores * (self._now - begun))

    def _choose(self, nodes: Nodes, used: Mapping[str, float]) -> None:
        """Ask what starts; nothing can where nothing waits or no core is free."""
        if not self._waiting or not nodes.unclaimed:
            return
        choice = choose(tuple(self._waiting.values()), self._running.values(), self.site.capacity, used)
        for key, count in choice.passed.items():
            self._waiting[key] = replace(self._waiting[key], passed=self._waiting[key].passed + count)
        for start in choice.starts:
            job = self._waiting.pop(start.key)
            self._running[start.key] = Running(
                start.key, job.work_class, job.group, start.cores, start.memory_mb
            )
            nodes.ask(start.key, start.cores)
