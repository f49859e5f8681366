"""What belongs to somebody: single rows and counts within a scope. What is outside of it is not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select

from beampace.core.job import JobState
from beampace.core.scope import Scope
from beampace.core.work import WorkClass
from beampace.store.catalogue_terms import within
from beampace.store.part import Part
from beampace.store.records import AttemptRow, Counts, DatasetRow, JobRow, Lag, ResultRow
from beampace.store.reports import lag_of, select_lags
from beampace.store.rows import attempt_of, dataset_of, job_of, result_of, select_jobs, select_results
from beampace.store.tables import attempts, datasets, jobs, results


class Scoped(Part):
    """Questions on behalf of a viewer."""

    def dataset_in(self, scope: Scope, id: int) -> DatasetRow | None:  # noqa: A002
        """A dataset, or None when there is none in the scope."""
        row = self._one(select(datasets).where(datasets.c.id == id, *within(scope)))
        return None if row is None else dataset_of(row)

    def dataset_at_in(self, scope: Scope, path: str) -> DatasetRow | None:
        """The last dataset seen at a path, or None when there is none in the scope."""
        query = select(datasets).where(datasets.c.path == path, *within(scope))
        row = self._one(query.order_by(datasets.c.id.desc()).limit(1))
        return None if row is None else dataset_of(row)

    def result_in(self, scope: Scope, id: int) -> ResultRow | None:  # noqa: A002
        """A result, or None when there is none in the scope."""
        row = self._one(select_results().where(results.c.id == id, *within(scope)))
        return None if row is None else result_of(row)

    def job_in(self, scope: Scope, key: str) -> JobRow | None:
        """A job, or None when there is none in the scope."""
        row = self._one(select_jobs().where(jobs.c.key == key, *within(scope)))
        return None if row is None else job_of(row)

    def results_in(
        self, scope: Scope, dataset: int | None = None, limit: int | None = None
    ) -> tuple[ResultRow, ...]:
        """Results of a dataset, or of all, the newest first."""
        query = select_results().where(*within(scope)).order_by(results.c.id.desc()).limit(limit)
        if dataset is not None:
            query = query.where(jobs.c.dataset == dataset)
        return tuple(map(result_of, self._all(query)))

    def jobs_in(self, scope: Scope, dataset: int) -> tuple[JobRow, ...]:
        """Jobs of a dataset, the newest first."""
        query = select_jobs().where(jobs.c.dataset == dataset, *within(scope)).order_by(jobs.c.id.desc())
        return tuple(map(job_of, self._all(query)))

    def attempts_in(self, scope: Scope, dataset: int) -> tuple[AttemptRow, ...]:
        """Attempts of all jobs of a dataset, the newest first."""
        query = select(attempts).join(jobs, attempts.c.job == jobs.c.key)
        query = query.join(datasets, jobs.c.dataset == datasets.c.id)
        query = query.where(jobs.c.dataset == dataset, *within(scope)).order_by(attempts.c.id.desc())
        return tuple(map(attempt_of, self._all(query)))

    def datasets_in(self, scope: Scope) -> tuple[DatasetRow, ...]:
        """All datasets, the newest first."""
        query = select(datasets).where(*within(scope)).order_by(datasets.c.id.desc())
        return tuple(map(dataset_of, self._all(query)))

    def counts_in(self, scope: Scope) -> Counts:
        """Datasets by state, jobs by class and state."""
        by_state = select(datasets.c.state, func.count()).where(*within(scope)).group_by(datasets.c.state)
        kinds = (jobs.c.work_class, jobs.c.state)
        by_class = select(*kinds, func.count()).join(datasets, jobs.c.dataset == datasets.c.id)
        by_class = by_class.where(*within(scope)).group_by(*kinds)
        with self._read() as connection:
            states = {row[0]: row[1] for row in connection.execute(by_state)}
            rows = connection.execute(by_class).all()
        return Counts(states, {(WorkClass(name), JobState(state)): count for name, state, count in rows})

    def groups_in(self, scope: Scope) -> tuple[str, ...]:
        """Groups that have datasets, in the order of their names."""
        query = select(datasets.c.group).where(*within(scope)).distinct()
        with self._read() as connection:
            return tuple(sorted(connection.execute(query).scalars()))

    def lags_in(self, scope: Scope) -> tuple[Lag, ...]:
        """The moments of every attempt, the oldest first."""
        return tuple(map(lag_of, self._all(select_lags().where(*within(scope)))))

    def _one(self, query: Select[Any]) -> Any:
        with self._read() as connection:
            return connection.execute(query).mappings().one_or_none()

    def _all(self, query: Select[Any]) -> Sequence[Any]:
        with self._read() as connection:
            return connection.execute(query).mappings().all()
