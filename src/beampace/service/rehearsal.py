"""Forecasts: the order of work rehearsed with what such work has taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from beampace.plan import Forecast, expected_s, forecasts
from beampace.service.reconcile import Reconciler
from beampace.service.starting import running_of, waiting_of
from beampace.store import AttemptRow, DatasetRow, JobRow

MOST = 500
"""Waiting jobs that are rehearsed; those behind them have no forecast."""


def rehearsal_of(
    reconciler: Reconciler, waiting: Sequence[JobRow], living: Sequence[tuple[JobRow, AttemptRow]]
) -> Mapping[str, Forecast]:
    """Key -> forecast of all jobs that wait and run."""
    starter, ledger = reconciler.starter, reconciler.desk.ledger
    rehearsed = list(waiting)[:MOST]
    datasets = ledger.datasets_by({job.dataset for job in (*rehearsed, *(job for job, _ in living))})
    sizes = {job.key: starter.size_of(job, datasets[job.dataset]) for job in rehearsed}
    lengths = {
        **{
            job.key: _length(reconciler, job, datasets[job.dataset], sizes[job.key].cores)
            for job in rehearsed
        },
        **{job.key: _left(reconciler, job, datasets[job.dataset], attempt) for job, attempt in living},
    }
    found = forecasts(
        [waiting_of(job, datasets[job.dataset], sizes[job.key], 0) for job in rehearsed],
        [running_of(job) for job, _ in living],
        reconciler.capacity,
        lengths,
        starter.use.lately(),
    )
    return {**{job.key: Forecast() for job in waiting}, **found}


def _length(reconciler: Reconciler, job: JobRow, dataset: DatasetRow, cores: int) -> float | None:
    """Seconds a job is expected to take, or None when such work was never measured."""
    costs = reconciler.starter.costs_of(job.work.value, job.engine)
    return expected_s(job.work, job.engine, dataset.n_announced, costs, cores)


def _left(reconciler: Reconciler, job: JobRow, dataset: DatasetRow, attempt: AttemptRow) -> float | None:
    """Seconds a running job has left."""
    whole = _length(reconciler, job, dataset, job.cores)
    if whole is None:
        return None
    return max(1.0, whole - (reconciler.desk.ledger.now() - attempt.claimed).total_seconds())
