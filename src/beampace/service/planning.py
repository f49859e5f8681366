"""From what happened to a dataset to the jobs in the ledger."""

from __future__ import annotations

from collections.abc import Iterable

from beampace.core.job import job_key
from beampace.core.work import Event
from beampace.plan import PlannedWork, Scenario, decide
from beampace.service.desk import Desk
from beampace.store import DatasetRow, JobRow, PlannedJob


def plan_work(desk: Desk, dataset: DatasetRow, event: Event) -> tuple[JobRow, ...]:
    """Write down what is due; what was planned before stays as it is.

    Returns:
        The jobs that are new.
    """
    decision = decide(scenario_of(dataset, event, desk.engines), desk.rules)
    for skipped in decision.skipped:
        desk.log.info("work.skipped", dataset=dataset.id, rule=skipped.rule, why=skipped.why)
    jobs = planned_jobs(dataset, decision.works)
    return desk.ledger.plan(dataset.id, jobs) if jobs else ()


def due_keys(desk: Desk, dataset: DatasetRow, events: Iterable[Event]) -> frozenset[str]:
    """Keys of everything the rules ask for on these events."""
    decisions = (decide(scenario_of(dataset, event, desk.engines), desk.rules) for event in events)
    return frozenset(job.key for decision in decisions for job in planned_jobs(dataset, decision.works))


def scenario_of(dataset: DatasetRow, event: Event, engines: frozenset[str]) -> Scenario:
    """What the rules are asked about."""
    return Scenario(
        kind=dataset.kind,
        event=event,
        n_announced=dataset.n_announced,
        group=dataset.group,
        sample=dataset.sample,
        generation=dataset.generation,
        engines=engines,
    )


def planned_jobs(dataset: DatasetRow, works: Iterable[PlannedWork]) -> list[PlannedJob]:
    """The jobs for a decision. What they may use is settled when they start, from what others have cost."""
    identity = f"{dataset.beamtime}/{dataset.identity}"
    return [
        PlannedJob(
            key=job_key(identity, dataset.generation, work.work, work.engine, work.options),
            work=work.work,
            engine=work.engine,
            work_class=work.work_class,
            cores=1,
            memory_mb=0,
            time_s=0,
            options=dict(work.options),
        )
        for work in works
    ]
