"""From datasets to the jobs the daemon would make of them: its rules, its sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from beampace.core.dataset import DatasetKind
from beampace.core.job import Resources
from beampace.core.work import Event, WorkClass, WorkName
from beampace.plan.capacity import Capacity
from beampace.plan.capacity_model.collecting import Collected
from beampace.plan.capacity_model.description import Description, EngineTable
from beampace.plan.capacity_model.lengths import length
from beampace.plan.capacity_model.simulation import Task
from beampace.plan.order import Waiting
from beampace.plan.rules import PlannedWork, Rule, Scenario, decide
from beampace.plan.sizing import Cost, least_cores, prior, size

_PLAIN = EngineTable()

Tails = Mapping[tuple[WorkName, str, DatasetKind], float]
"""Work, engine and kind -> seconds from the last frame to the result of work that began before it."""


def measured(description: Description) -> Mapping[tuple[WorkName, str], tuple[Cost, ...]]:
    """Work and engine -> the costs of a description."""
    found: dict[tuple[WorkName, str], tuple[Cost, ...]] = {}
    for row in description.costs:
        cost = Cost(row.frames, row.core_seconds, row.seconds, row.max_rss_mb, row.cores)
        found[row.work, row.engine] = (*found.get((row.work, row.engine), ()), cost)
    return found


def follows(table: EngineTable, work: WorkName, engine: str) -> bool:
    """Whether a work keeps pace with the scan while it runs."""
    return table.follows or prior(work, engine).follows


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans as the daemon does.

    Attributes:
        description: of the beamtime.
        rules: what is done for which dataset.
        capacity: of the cluster.
        tails: what work that follows was measured to need after the last frame.
    """

    description: Description
    rules: Sequence[Rule]
    capacity: Capacity
    tails: Tails = field(default_factory=dict)

    def tasks(self, collected: Iterable[Collected], random: np.random.Generator) -> Iterator[Task]:
        """The jobs for all datasets; what is drawn at random does not depend on the cluster."""
        engines = frozenset(rule.engine for rule in self.rules if rule.engine)
        costs, sizes = measured(self.description), dict[object, Resources]()
        for number, one in enumerate(collected):
            for event in (Event.SEEN, Event.COMPLETE):
                scenario = Scenario(one.kind, event, one.frames, one.group, engines=engines)
                for place, work in enumerate(decide(scenario, self.rules)):
                    known = costs.get((work.work, work.engine), ())
                    what = (
                        work.work,
                        work.engine,
                        work.work_class,
                        one.kind,
                        one.frames,
                        one.end - one.begin,
                    )
                    if what not in sizes:
                        sizes[what] = self._size(work, one, known)
                    key = f"{number:06d}-{event.value}-{place}"
                    yield self._task(key, work, event, one, sizes[what], known, random)

    def table(self, work: PlannedWork) -> EngineTable:
        """What the costs of its engine do not say."""
        return self.description.engines.get(work.engine or work.work.value, _PLAIN)

    def _size(self, work: PlannedWork, one: Collected, costs: Sequence[Cost]) -> Resources:
        own = self.table(work)
        if own.cores is not None:
            return Resources(own.cores, own.memory_mb)
        return size(
            work.work,
            work.engine,
            one.frames,
            one.kind,
            costs,
            self.capacity,
            urgent=work.work_class is WorkClass.URGENT,
            scan_s=one.end - one.begin,
        )

    def _task(
        self,
        key: str,
        work: PlannedWork,
        event: Event,
        one: Collected,
        wish: Resources,
        costs: Sequence[Cost],
        random: np.random.Generator,
    ) -> Task:
        cluster, own = self.description.cluster, self.table(work)
        cores = min(wish.cores, cluster.cores_per_node)
        least = least_cores(cores, urgent=work.work_class is WorkClass.URGENT)
        daemon = cluster.order == "newest"
        seen, group = (one.begin, one.group) if daemon else (-one.begin, "")  # a plain queue knows no groups
        at_once = event is Event.SEEN
        due = one.begin + cluster.seen_s if at_once else one.end + cluster.notice_s
        takes = length(
            work.work,
            work.engine,
            one.frames,
            costs,
            random,
            serial=own.serial,
            variation=own.variation,
            follows=at_once and follows(own, work.work, work.engine),
            last_file=one.last_file,
        )
        takes = replace(takes, tail_s=self.tails.get((work.work, work.engine, one.kind)))
        wished = Waiting(key, work.work_class, group, seen, cores, wish.memory_mb, least)
        return Task(wished, due, one.end, takes, work.work, one.end - one.begin)
