"""The catalogue: datasets with the result to look at, searched, filtered, sorted, within a scope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, select

from beampace.core.scope import Scope
from beampace.store.catalogue_records import CataloguePage, CatalogueQuery, CatalogueRow
from beampace.store.catalogue_terms import (
    filters,
    needs_result,
    order,
    shown,
    with_recommendation,
    with_shown,
    within,
)
from beampace.store.part import Part
from beampace.store.records import DatasetRow, JobRow, Recommendation, ResultRow
from beampace.store.rows import (
    dataset_of,
    job_of,
    recommendation_of,
    result_of,
    select_jobs,
    select_results,
)
from beampace.store.tables import datasets, jobs, recommendations, results

AT_ONCE = 500
"""Datasets filled in by one statement."""


class Catalogue(Part):
    """Lists of datasets for the pages."""

    def catalogue(self, scope: Scope, query: CatalogueQuery | None = None) -> CataloguePage:
        """A page of datasets; what is outside of the scope is neither shown nor counted."""
        query = query or CatalogueQuery()
        with self._read() as connection:
            kinds = _kinds(connection, scope, query)
            ids = connection.execute(_numbers(scope, query)).scalars().all()
            rows = tuple(_filled(connection, ids))
        wanted = kinds if query.kind is None else {query.kind.value: kinds.get(query.kind.value, 0)}
        return CataloguePage(rows, sum(wanted.values()), kinds)

    def catalogued(self, scope: Scope, query: CatalogueQuery) -> Iterator[CatalogueRow]:
        """The same rows one by one, for lists too long to be held at once."""
        with self._read() as connection:
            ids = connection.execute(_numbers(scope, query)).scalars().all()
        for begin in range(0, len(ids), AT_ONCE):
            with self._read() as connection:
                rows = tuple(_filled(connection, ids[begin : begin + AT_ONCE]))
            yield from rows

    def entry_in(self, scope: Scope, id: int) -> CatalogueRow | None:  # noqa: A002
        """One dataset as the catalogue has it, or None when there is none in the scope."""
        with self._read() as connection:
            found = select(datasets.c.id).where(datasets.c.id == id, *within(scope))
            return next(iter(_filled(connection, connection.execute(found).scalars().all())), None)


def _kinds(connection: Connection, scope: Scope, query: CatalogueQuery) -> Mapping[str, int]:
    counted = select(datasets.c.kind, func.count())
    counted = _joined(counted, query, sorted_too=False)
    counted = counted.where(*within(scope), *filters(query, but_kind=True)).group_by(datasets.c.kind)
    return {row[0]: row[1] for row in connection.execute(counted)}


def _numbers(scope: Scope, query: CatalogueQuery) -> Select[Any]:
    found = _joined(select(datasets.c.id), query, sorted_too=True)
    found = found.where(*within(scope), *filters(query)).order_by(*order(query))
    return found.limit(query.limit).offset(query.offset)


def _joined(query: Select[Any], asked: CatalogueQuery, *, sorted_too: bool) -> Select[Any]:
    needed = needs_result(asked, sorted_too=sorted_too)
    return with_shown(query) if needed else query.select_from(datasets)


def _filled(connection: Connection, ids: Sequence[int]) -> Iterator[CatalogueRow]:
    """Datasets with all that belongs to them, in the order of `ids`."""
    if not ids:
        return
    found = with_recommendation(select(datasets, recommendations, shown().label("shown")))
    rows = connection.execute(found.where(datasets.c.id.in_(ids))).mappings().all()
    results_of, jobs_of = _results(connection, ids), _jobs(connection, ids)
    made = {row[datasets.c.id]: (dataset_of(row), _recommendation(row), row["shown"]) for row in rows}
    for id_ in ids:
        yield _row(*made[id_], results_of[id_], jobs_of[id_])


def _row(
    dataset: DatasetRow,
    recommendation: Recommendation | None,
    shown_id: int | None,
    of_results: Sequence[ResultRow],
    of_jobs: Sequence[JobRow],
) -> CatalogueRow:
    one = next((row for row in of_results if row.id == shown_id), None)
    return CatalogueRow(dataset, one, recommendation, tuple(of_results), tuple(of_jobs))


def _recommendation(row: Any) -> Recommendation | None:
    return None if row[recommendations.c.dataset] is None else recommendation_of(row)


def _results(connection: Connection, ids: Sequence[int]) -> Mapping[int, list[ResultRow]]:
    found: defaultdict[int, list[ResultRow]] = defaultdict(list)
    query = select_results().where(jobs.c.dataset.in_(ids)).order_by(results.c.id.desc())
    for row in map(result_of, connection.execute(query).mappings()):
        found[row.dataset].append(row)
    return found


def _jobs(connection: Connection, ids: Sequence[int]) -> Mapping[int, list[JobRow]]:
    found: defaultdict[int, list[JobRow]] = defaultdict(list)
    query = select_jobs().where(jobs.c.dataset.in_(ids)).order_by(jobs.c.id.desc())
    for row in map(job_of, connection.execute(query).mappings()):
        found[row.dataset].append(row)
    return found
