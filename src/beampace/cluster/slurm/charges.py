"""What attempts cost by Slurm's own figures: CPUs times seconds of their jobs and steps that ended. No I/O.

Three sources say it: the queue's answers, as long as the queue remembers a job that ended (`MinJobAge`); the
accounting database, which also knows steps and lags a little; the job-completion log. Figures are whole
seconds. A job of a partition that gives whole nodes is charged with all CPUs of its node, as Slurm does. An
attempt that was a step of an allocation is charged with what the step had: the allocation itself, while it
idles, is nobody's, and the queue's answers say nothing of a step's end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from beampace.cluster.slurm.held import PREFIX as HELD
from beampace.cluster.slurm.native import native_of
from beampace.cluster.slurm.squeue import Seen
from beampace.cluster.slurm.states import fate_of
from beampace.core.job import ClusterState

KEPT = 20_000
"""Attempts whose figures are kept; the oldest are forgotten."""
HELD_NAMES = 4
"""Names of allocations that are kept: each daemon of an account has one."""
AT_ONCE = 200
"""Attempts that are asked for in one question."""
LAG_S = 15.0
"""Seconds that the queue has to say it by itself, and the database to learn of an ending."""
PAUSE_S, LONGEST_S = 15.0, 300.0
"""Seconds from one question to the next: longer and longer while nothing is learnt."""

Answer = Mapping[str, tuple[Seen, ...]]
"""Attempt -> its jobs and steps."""


@dataclass(slots=True)
class _Wanted:
    since: float
    step: bool
    asked: int = 0


@dataclass(slots=True)
class Charges:
    """What attempts cost, by their opaque names. Used by one thread.

    Attributes:
        clock: monotonic seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _known: dict[str, float] = field(default_factory=dict)
    _wanted: dict[str, _Wanted] = field(default_factory=dict)
    _held: dict[str, float] = field(default_factory=dict)
    _asked: tuple[str, ...] = ()
    _pause: float = PAUSE_S
    _due: float = float("-inf")

    def of(self, native_ids: Iterable[str]) -> Mapping[str, float]:
        """Core-seconds of attempts: native id -> what is known.

        Of the others it is asked from now on, until another call leaves them out. Of jobs that have not
        ended nothing is known.
        """
        natives = {text: native for text in native_ids if (native := native_of(text)) is not None}
        unknown = (one for one in natives.values() if one.name not in self._known)
        now = self.clock()
        self._wanted = {
            one.name: self._wanted.get(one.name) or _Wanted(now, step=one.number == 0)
            for one in islice(unknown, KEPT)
        }
        return {text: self._known[one.name] for text, one in natives.items() if one.name in self._known}

    def absorb(self, answer: Answer) -> None:
        """Take in an answer of the queue: jobs that have ended, and names of allocations that are held."""
        for name in answer:
            if name.startswith(HELD):
                _keep(self._held, name, self.clock(), HELD_NAMES)
        self._learn(answer)

    def absorb_history(self, answer: Answer) -> None:
        """Take in what the accounting or the log says; after a question that held none of `to_ask`, too."""
        self._learn(answer)
        if self._asked:
            learnt = any(name in self._known for name in self._asked)
            self._pause = PAUSE_S if learnt else min(LONGEST_S, 2 * self._pause)
            self._due, self._asked = self.clock() + self._pause, ()

    @property
    def due(self) -> bool:
        """Whether it is time to ask for something: `to_ask` would name it."""
        return self.clock() >= self._due and any(True for _ in self._ripe())

    def to_ask(self) -> frozenset[str]:
        """Names for the next question to accounting or log: of attempts, and of allocations with steps.

        Empty when nothing is due. The caller asks for them: they are not named again for a while.
        """
        if not self.due:
            return frozenset()
        names = sorted(self._ripe(), key=lambda name: self._wanted[name].asked)[:AT_ONCE]
        for name in names:
            self._wanted[name].asked += 1
        self._asked, self._due = tuple(names), self.clock() + self._pause
        held = self._held if any(self._wanted[name].step for name in names) else ()
        return frozenset((*names, *held))

    def _ripe(self) -> Iterable[str]:
        now = self.clock()
        return (
            name
            for name, wanted in self._wanted.items()
            if name not in self._known and now - wanted.since >= LAG_S
        )

    def _learn(self, answer: Answer) -> None:
        """Each source knows an attempt's jobs in part (one forgets, one lags): the larger sum is right."""
        for name, jobs in answer.items():
            cost = None if name.startswith(HELD) else cost_of(jobs)
            if cost is not None:
                _keep(self._known, name, max(cost, self._known.get(name, 0.0)), KEPT)


def cost_of(jobs: Iterable[Seen]) -> float | None:
    """Core-seconds of all jobs and steps of an attempt; None while one has not ended or says no figures."""
    seen = tuple(jobs)
    costs = [job.core_seconds for job in seen if fate_of(job.state, job.reason).state is ClusterState.GONE]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if seen and len(known) == len(seen) else None


def _keep(where: dict[str, float], name: str, value: float, most: int) -> None:
    """Keep a value, and of all values at most so many: what was not told for the longest time goes."""
    where.pop(name, None)
    where[name] = value
    while len(where) > most:
        del where[next(iter(where))]
