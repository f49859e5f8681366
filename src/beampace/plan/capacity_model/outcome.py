"""What happens with so many nodes: the beamtime simulated several times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np

from beampace.core.work import WorkClass, WorkName
from beampace.plan.capacity import Capacity
from beampace.plan.capacity_model.collecting import Collected, collect
from beampace.plan.capacity_model.description import Description
from beampace.plan.capacity_model.simulation import Done, Site, UseOf, simulate
from beampace.plan.capacity_model.steadiness import (
    State,
    Values,
    backlog,
    interval,
    load_of_all,
    loads,
    sample_times,
    slope,
    state_of,
)
from beampace.plan.capacity_model.tasks import Planner, Tails
from beampace.plan.rules import Rule
from beampace.plan.sizing import percentile
from beampace.results.capacity_schema import ClassOutcome, NodesOutcome

_WORST = ("bounded", "limit", "growing")
SURE, HOPELESS = 3, 1.1
"""After so many repeats in each of which the load was this high, there is no need for more."""
LONGER = 4
"""So many beamtimes in a row are simulated where one is too short to tell bounded from growing."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How it is simulated.

    Attributes:
        description: of the beamtime.
        rules: what is done for which dataset.
        seed, repeats: of the random generators.
        use: keeps count of what groups used.
        recorded: datasets as they came, in the place of those of the description.
        tails: what work that follows was measured to need after the last frame.
    """

    description: Description
    rules: tuple[Rule, ...]
    seed: int = 1
    repeats: int = 6
    use: UseOf | None = None
    recorded: tuple[Collected, ...] = ()
    tails: Tails = field(default_factory=dict)

    def collected(self, repeat: int, nights: int = 1) -> tuple[Collected, ...]:
        """The datasets of one repeat; the same for every cluster."""
        if self.recorded:
            return self.recorded
        return collect(self.description, np.random.default_rng([self.seed, repeat, 0]), nights)

    def play(self, nodes: int, repeat: int, nights: int = 1) -> tuple[Done, ...]:
        """One repeat.

        Raises:
            ValueError: with so few nodes nothing is left beside what is kept.
        """
        cluster = self.description.cluster
        capacity = cluster.capacity(nodes)
        planner = Planner(self.description, self.rules, capacity, self.tails)
        tasks = planner.tasks(self.collected(repeat, nights), np.random.default_rng([self.seed, repeat, 1]))
        return simulate(tasks, Site(capacity, nodes, cluster.start_s, cluster.end_s), self.use)


def outcome(trial: Trial, nodes: int) -> NodesOutcome:
    """What happens with so many nodes.

    Where the load is low and yet the lag seems to grow, the beamtime is repeated without a break: a
    queue that is only filling up settles, one that grows does not.

    Raises:
        ValueError: with so few nodes nothing is left beside what is kept.
    """
    found = _outcome(trial, nodes, 1)
    if found.state != "bounded" and found.load < 0.98 and not trial.recorded:
        longer = _outcome(trial, nodes, LONGER)
        states = {one.of: one.state for one in longer.classes}
        classes = tuple(one.model_copy(update={"state": states[one.of]}) for one in found.classes)
        found = found.model_copy(update={"classes": classes, "state": longer.state})
    return found


def _outcome(trial: Trial, nodes: int, nights: int) -> NodesOutcome:
    capacity = trial.description.cluster.capacity(nodes)
    seconds = nights * 3600 * trial.description.hours
    runs: list[tuple[Done, ...]] = []
    for repeat in range(trial.repeats):
        runs.append(trial.play(nodes, repeat, nights))
        if len(runs) == 2 and _same(*runs):  # nothing is random
            del runs[1]
            break
        if len(runs) == SURE and _hopeless(runs, capacity, seconds):
            break
    classes = tuple(_class(one, runs, capacity, seconds) for one in WorkClass if _of(one, runs[0]))
    states: tuple[State, ...] = tuple(one.state for one, _ in classes)
    state: State = max(states, key=_WORST.index, default="bounded")
    courses = [course for _, course in classes]
    return NodesOutcome(
        nodes=nodes,
        cores=capacity.cores,
        state=state,
        load=max((one.load for one, _ in classes), default=0.0),
        load_of_all=fmean(load_of_all(run, capacity, seconds) for run in runs),
        kept_cores=capacity.urgent_cores + capacity.live_cores,
        in_time=in_time(done for run in runs for done in run),
        classes=tuple(one for one, _ in classes),
        behind_s=tuple(np.round(np.max(courses, axis=0), 1).tolist()) if courses else (),
    )


def _same(first: Sequence[Done], second: Sequence[Done]) -> bool:
    return [(one.started, one.freed) for one in first] == [(one.started, one.freed) for one in second]


def _hopeless(runs: Sequence[Sequence[Done]], capacity: Capacity, seconds: float) -> bool:
    """Whether the load is so far above 1 that more repeats say nothing new."""
    return all(max(loads(run, capacity, seconds).values()) > HOPELESS for run in runs)


def _of(work_class: WorkClass, run: Sequence[Done]) -> list[Done]:
    return [done for done in run if done.work_class is work_class]


def _class(
    work_class: WorkClass, runs: Sequence[Sequence[Done]], capacity: Capacity, seconds: float
) -> tuple[ClassOutcome, Values]:
    """The outcome of a class, and the course of its backlog."""
    times = sample_times(seconds)
    mine = [_of(work_class, run) for run in runs]
    courses = [backlog(run, capacity.of(work_class)[0], times) for run in mine]
    slopes = [slope(times, course) for course in courses]
    low, high = interval(slopes)
    load = fmean(loads(run, capacity, seconds)[work_class] for run in runs)
    lags = [max(0.0, done.lag) for run in mine for done in run]
    return ClassOutcome(
        of=work_class.value,
        n=len(lags),
        median_s=percentile(lags, 0.5),
        p95_s=percentile(lags, 0.95),
        worst_s=max(lags),
        load=load,
        slope=fmean(slopes),
        slope_low=low,
        slope_high=high,
        behind_s=fmean(float(course[-1]) for course in courses),
        state=state_of(load, low, high),
    ), np.mean(courses, axis=0)


def in_time(done: Iterable[Done]) -> float:
    """Share of results there before another scan as long as theirs would have ended; 1 where none is due.

    Of processing, or of looks where nothing is processed; urgent work is not judged by the length of a scan.
    """
    judged = judged_work(done)
    fine = [one.lag <= one.task.scan_s for one in judged]
    return sum(fine) / len(fine) if fine else 1.0


def judged_work(done: Iterable[Done]) -> list[Done]:
    """The jobs that should be done before another scan as long as theirs ends."""
    patient = [one for one in done if one.work_class is not WorkClass.URGENT]
    return [one for one in patient if one.task.work is WorkName.PROCESS] or patient
