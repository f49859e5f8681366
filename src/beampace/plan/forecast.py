"""Forecast: when a job will have its result, and how many go before it. Pure; a rehearsal of `choose`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from beampace.core.work import WorkName
from beampace.plan.capacity import Capacity
from beampace.plan.order import Choice, Running, Waiting, choose

MAX_STEPS = 500
"""Ends of jobs that are rehearsed; what starts later has no forecast."""

UNKNOWN_S = 60.0
"""Length given to a job nobody knows the length of; what starts after it has no time, only a place."""

_GIVES = {
    WorkName.LOOK: "per-image table",
    WorkName.MAP: "heat map",
    WorkName.STRATEGY: "strategy",
    WorkName.PROCESS: "merged statistics",
    WorkName.MERGE: "merged dataset",
}


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a job will end.

    Attributes:
        seconds: from now to its end, or None when that is not known.
        ahead: waiting jobs that start before it, or None when that is not known.
    """

    seconds: float | None = None
    ahead: int | None = None


def forecast(
    key: str,
    waiting: Sequence[Waiting],
    running: Sequence[Running],
    capacity: Capacity,
    lengths: Mapping[str, float | None],
    used: Mapping[str, float] | None = None,
) -> Forecast:
    """The forecast of one job; see `forecasts`. A key nobody knows has none."""
    return forecasts(waiting, running, capacity, lengths, used).get(key, Forecast())


def forecasts(
    waiting: Sequence[Waiting],
    running: Sequence[Running],
    capacity: Capacity,
    lengths: Mapping[str, float | None],
    used: Mapping[str, float] | None = None,
) -> dict[str, Forecast]:
    """Key -> forecast, for all jobs, as if nothing new came.

    Args:
        waiting: jobs that may start.
        running: jobs that hold something.
        capacity: of the cluster.
        lengths: key -> seconds: of a waiting job with the cores it wishes, of a running one what is left.
            A missing key or None means that it is not known.
        used: as for `choose`.
    """
    rehearsal = _Rehearsal(waiting, running, capacity, lengths, used or {})
    return rehearsal.run()


class _Rehearsal:
    """A play of what `choose` would do, from end to end of jobs."""

    def __init__(
        self,
        waiting: Sequence[Waiting],
        running: Sequence[Running],
        capacity: Capacity,
        lengths: Mapping[str, float | None],
        used: Mapping[str, float],
    ) -> None:
        self._waiting = {job.key: job for job in waiting}
        self._running = {job.key: job for job in running}
        self._capacity, self._lengths, self._used = capacity, lengths, used
        self._now, self._sure = 0.0, True
        self._ends: dict[str, float] = {}
        self._found: dict[str, Forecast] = {}
        self._started = 0

    def run(self) -> dict[str, Forecast]:
        """Forecasts of all jobs."""
        for key in self._running:
            self._begin(key, self._lengths.get(key), None)
        for _ in range(MAX_STEPS):
            if self._waiting:
                self._start(self._choose())
            if not self._waiting or not self._running:
                break
            self._end_next()
        return {**{key: Forecast() for key in self._waiting}, **self._found}

    def _choose(self) -> Choice:
        waiting, running = tuple(self._waiting.values()), tuple(self._running.values())
        return choose(waiting, running, self._capacity, self._used)

    def _start(self, choice: Choice) -> None:
        for key, count in choice.passed.items():
            job = self._waiting[key]
            self._waiting[key] = replace(job, passed=job.passed + count)
        for start in choice.starts:
            job = self._waiting.pop(start.key)
            self._running[job.key] = Running(job.key, job.work_class, job.group, start.cores, start.memory_mb)
            known = self._lengths.get(job.key)
            length = None if known is None else known * max(1, job.cores) / start.cores
            self._begin(job.key, length, self._started)
            self._started += 1

    def _begin(self, key: str, length: float | None, ahead: int | None) -> None:
        """Write down when a job ends; `_sure` is lost for good once an unknown end was waited for."""
        self._ends[key] = self._now + (UNKNOWN_S if length is None else max(0.0, length))
        known = self._sure and length is not None
        self._found[key] = Forecast(self._ends[key] if known else None, ahead)

    def _end_next(self) -> None:
        """Go on to the next end of a job."""
        key = min(self._running, key=lambda name: (self._ends[name], name))
        self._now = max(self._now, self._ends[key])
        del self._running[key]
        if any(self._lengths.get(name) is None for name in (key, *self._running)):
            self._sure = False


def words(found: Forecast, work: WorkName) -> str:
    """The forecast in words: "merged statistics in about 40 s, 3 ahead"."""
    if found.seconds is None:
        first = "no forecast yet"
    else:
        first = f"{_GIVES[work]} in about {_rounded(found.seconds)}"
    return f"{first}, {found.ahead} ahead" if found.ahead else first


def _rounded(seconds: float) -> str:
    """A duration as coarse as it is uncertain."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 95:
        return f"{round(seconds / 5) * 5} s"
    if seconds < 95 * 60:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h"
