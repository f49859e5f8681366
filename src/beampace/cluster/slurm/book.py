"""What is known of attempts from the queue's answers, and how long an answer is good for. No I/O."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from beampace.cluster.slurm.squeue import Seen
from beampace.cluster.slurm.states import Fate, fate_of
from beampace.core.job import ClusterState
from beampace.core.taxonomy import Failure

_UNKNOWN = Fate(ClusterState.UNKNOWN)
_VANISHED = Fate(ClusterState.GONE, Failure.NODE_LOST, "The queue does not know it any more.")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is lasts.

    Attributes:
        stale_s: seconds after which an answer says nothing any more.
        vanished_s: seconds for which an attempt must be missing from every answer to be taken for gone.
        step_vanished_s: the same for a step that was seen in an allocation.
        vanished_polls: and in how many answers in a row.
    """

    stale_s: float = 30.0
    vanished_s: float = 60.0
    step_vanished_s: float = 10.0
    vanished_polls: int = 2


@dataclass(slots=True)
class _Line:
    fate: Fate = _UNKNOWN
    at: float = float("-inf")
    ids: tuple[str, ...] = ()
    stuck: Fate | None = None
    missing_since: float | None = None
    missing_polls: int = 0
    begun: bool = False


@dataclass(slots=True)
class Book:
    """Attempts by their opaque names.

    An attempt may have several jobs, when the answer to a submit was lost; its directory lets one of them
    run. It is gone when all of them are. What has gone stays gone.
    """

    patience: Patience = Patience()
    clock: Callable[[], float] = time.monotonic
    _lines: dict[str, _Line] = field(default_factory=dict)

    def keep(self, names: Iterable[str]) -> None:
        """Forget all other attempts, begin to follow new ones."""
        self._lines = {name: self._lines.get(name) or _Line() for name in names}

    def open_names(self) -> tuple[str, ...]:
        """Attempts of which it is not known that they are gone."""
        return tuple(n for n, line in self._lines.items() if line.fate.state is not ClusterState.GONE)

    def absorb(self, answer: Mapping[str, tuple[Seen, ...]], asked: Iterable[str]) -> bool:
        """Take in an answer of the queue; returns whether anything changed.

        Args:
            answer: attempt -> its jobs.
            asked: attempts that were followed when the question was asked; of others a silence says nothing.
        """
        before = {name: line.fate.state for name, line in self._lines.items()}
        for name in set(self.open_names()) & set(asked):
            if name in answer:
                self._see(self._lines[name], answer[name])
            else:
                self._miss(self._lines[name])
        return any(self._lines[name].fate.state is not state for name, state in before.items())

    def absorb_history(self, answer: Mapping[str, tuple[Seen, ...]]) -> None:
        """Take in what the accounting or the log says of attempts the queue has forgotten.

        Only endings count: an accounting that lags says of a job that ended that it runs.
        """
        for name in self.missing():
            jobs = answer.get(name, ())
            fates = [fate_of(job.state, job.reason) for job in jobs]
            if fates and all(fate.state is ClusterState.GONE for fate in fates):
                self._see(self._lines[name], jobs)

    def missing(self) -> tuple[str, ...]:
        """Attempts that the last answer did not hold and that are not gone."""
        return tuple(name for name in self.open_names() if self._lines[name].missing_polls > 0)

    def hear(self, begun: Iterable[str], alive: Iterable[str]) -> None:
        """Take in what launchers left of attempts that are missing.

        Args:
            begun: steps whose launcher has begun: they are not missing because they have yet to come.
            alive: attempts whose launcher has given a sign of life: they are missing from now on.
        """
        for name in set(begun) & self._lines.keys():
            self._lines[name].begun = True
        for name in set(alive) & set(self.missing()):
            self._lines[name].missing_since = self.clock()

    def fate(self, name: str) -> Fate:
        """How an attempt fares; UNKNOWN when that is not known, or not any more."""
        line = self._lines.get(name, _Line())
        if line.fate.state is ClusterState.GONE:
            return line.fate
        if line.missing_polls or self.clock() - line.at > self.patience.stale_s:
            return _UNKNOWN
        return line.fate

    def ids(self, name: str) -> tuple[str, ...]:
        """Numbers of the jobs and steps of an attempt, as far as they were seen."""
        return self._lines[name].ids if name in self._lines else ()

    def stuck(self) -> tuple[str, ...]:
        """Attempts that would never start and have to be cancelled."""
        return tuple(name for name in self.open_names() if self._lines[name].fate.stuck)

    def _see(self, line: _Line, jobs: tuple[Seen, ...]) -> None:
        fate = merged(fate_of(job.state, job.reason) for job in jobs)
        if fate.stuck:
            line.stuck = fate
        if fate.state is ClusterState.GONE and fate.code is Failure.CANCELLED and line.stuck is not None:
            fate = Fate(fate.state, line.stuck.code, line.stuck.words)  # we cancelled it ourselves
        line.fate, line.at = fate, self.clock()
        line.ids = tuple(job.id for job in jobs)
        line.missing_since, line.missing_polls = None, 0

    def _miss(self, line: _Line) -> None:
        now = self.clock()
        line.missing_since = now if line.missing_since is None else line.missing_since
        line.missing_polls += 1
        step = line.begun or any("." in one for one in line.ids)
        limit = self.patience.step_vanished_s if step else self.patience.vanished_s
        long_enough = now - line.missing_since >= limit
        if long_enough and line.missing_polls >= self.patience.vanished_polls:
            line.fate = _VANISHED


_RANK = (ClusterState.RUNNING, ClusterState.UNKNOWN, ClusterState.QUEUED, ClusterState.GONE)


def merged(fates: Iterable[Fate]) -> Fate:
    """How an attempt with several jobs fares: as the liveliest; when all are gone, as one that failed."""

    def rank(fate: Fate) -> tuple[int, bool, bool]:
        return (_RANK.index(fate.state), fate.stuck, fate.code is None)

    return min(fates, key=rank, default=_UNKNOWN)
