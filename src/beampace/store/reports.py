"""Sums over the ledger: costs, accounts, lags, failures, counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, select

from beampace.core.job import JobState
from beampace.core.scope import Scope
from beampace.core.taxonomy import TAXONOMY, Exit
from beampace.core.work import WorkClass, WorkName
from beampace.store.catalogue_terms import within
from beampace.store.part import Part
from beampace.store.records import Account, Cost, Counts, Ended, Lag, Spent
from beampace.store.tables import attempts, datasets, jobs, results

_MINE = attempts.c.job == jobs.c.key
_OF = jobs.c.dataset == datasets.c.id


def _codes(*exits: Exit) -> list[str]:
    return [code.value for code, entry in TAXONOMY.items() if entry.exit in exits]


_SUCCESS = results.c.code.not_in(list(TAXONOMY))
_WHOLE = _SUCCESS | (
    results.c.code.in_(_codes(Exit.SCIENCE))
    & (results.c.usable > 0)
    & (results.c.usable == results.c.announced)
)
"""Results for which every frame was read, as far as it was there."""


class Reports(Part):
    """What is read for sizing, accounting and `beampace report`."""

    def costs(self, work: str, engine: str, last: int = 50) -> tuple[Cost, ...]:
        """What the last attempts with a result cost, the latest first.

        An ending that came before the frames were read tells nothing of what reading them costs: of results
        that are no success only those of the science count, and only when no frame was missing.

        Core-seconds are processor time, where it was measured: work that follows a scan mostly waits, and
        more cores would not make it shorter. Accounts count what it held.
        """
        query = (
            select(results.c.usable, attempts)
            .join(attempts, (attempts.c.job == results.c.job) & (attempts.c.number == results.c.attempt))
            .join(jobs, jobs.c.key == results.c.job)
            .where(jobs.c.work == work, jobs.c.engine == engine, attempts.c.core_seconds > 0, _WHOLE)
            .order_by(results.c.id.desc())
            .limit(last)
        )
        with self._read() as connection:
            return tuple(_cost(row) for row in connection.execute(query).mappings())

    def accounts(self, beamtime: str, group: str | None = None) -> tuple[Account, ...]:
        """What each group, or one alone, has used; failed attempts count, with what they left on the disk.

        Of core-seconds the cluster's figure counts where there is one, else the launcher's. Allocations that
        are held belong to no attempt: while they idle, they are nobody's.
        """
        frames, raw = func.sum(datasets.c.frames_readable), func.sum(datasets.c.n_bytes)
        seen = select(datasets.c.group, func.count(), frames, raw)
        charged = attempts.c.charged_core_seconds
        cost = func.coalesce(charged, attempts.c.core_seconds)
        spent = select(datasets.c.group, func.sum(cost)).join(jobs, _OF).join(attempts, _MINE)
        by_cluster = select(datasets.c.group, func.sum(charged)).join(jobs, _OF).join(attempts, _MINE)
        kept = (
            select(datasets.c.group, func.sum(results.c.n_bytes))
            .join(jobs, _OF)
            .join(results, results.c.job == jobs.c.key)
        )
        left = select(datasets.c.group, func.sum(attempts.c.n_bytes)).join(jobs, _OF).join(attempts, _MINE)
        queries = (seen, spent, by_cluster, kept, left)
        with self._read() as connection:
            sums = [connection.execute(_by_group(query, beamtime, group)).all() for query in queries]
        seconds, of_them, bytes_, remains = ({row[0]: row[1] for row in rows} for rows in sums[1:])
        return tuple(
            Account(
                beamtime, group, n, int(frames or 0), float(seconds.get(group) or 0),
                float(of_them.get(group) or 0), int(raw or 0),
                int(bytes_.get(group) or 0) + int(remains.get(group) or 0),
            )
            for group, n, frames, raw in sums[0]
        )  # fmt: skip

    def lags(self, beamtime: str) -> tuple[Lag, ...]:
        """The moments of every attempt, the oldest first."""
        query = select_lags().where(datasets.c.beamtime == beamtime)
        with self._read() as connection:
            return tuple(lag_of(row) for row in connection.execute(query).mappings())

    def failures(self, beamtime: str, group: str | None = None) -> Mapping[str, Ended]:
        """How many attempts ended in each failure, and how many jobs of which no attempt was started.

        Args:
            beamtime: its id.
            group: only of this group; None for all.
        """
        codes = list(TAXONOMY)
        mine = and_(*within(Scope(beamtime, group)))
        tried = select(attempts.c.code, func.count()).join(jobs, _MINE).join(datasets, _OF)
        tried = tried.where(mine, attempts.c.code.in_(codes)).group_by(attempts.c.code)
        never = select(jobs.c.code, func.count()).join(datasets, _OF).group_by(jobs.c.code)
        never = never.where(mine, jobs.c.code.in_(codes), jobs.c.attempts == 0)
        with self._read() as connection:
            ended = {row[0]: row[1] for row in connection.execute(tried)}
            unstarted = {row[0]: row[1] for row in connection.execute(never)}
        return {
            code: Ended(ended.get(code, 0), unstarted.get(code, 0)) for code in sorted({*ended, *unstarted})
        }

    def used_since(self, since: datetime) -> tuple[Spent, ...]:
        """What attempts that ended after `since` have used, of all beamtimes, the earliest end first."""
        query = (
            select(datasets.c.group, attempts.c.ended, attempts.c.core_seconds)
            .join(jobs, _MINE)
            .join(datasets, _OF)
            .where(attempts.c.ended > since, attempts.c.core_seconds > 0)
            .order_by(attempts.c.ended, attempts.c.id)
        )
        with self._read() as connection:
            return tuple(Spent(*row) for row in connection.execute(query))

    def counts(self, beamtime: str) -> Counts:
        """Datasets by state, jobs by class and state."""
        mine: ColumnElement[bool] = datasets.c.beamtime == beamtime
        by_state = select(datasets.c.state, func.count()).where(mine).group_by(datasets.c.state)
        kinds = (jobs.c.work_class, jobs.c.state)
        by_class = select(*kinds, func.count()).join(datasets, _OF).where(mine).group_by(*kinds)
        with self._read() as connection:
            states = {row[0]: row[1] for row in connection.execute(by_state)}
            rows = connection.execute(by_class).all()
        return Counts(states, {(WorkClass(name), JobState(state)): count for name, state, count in rows})


def _by_group(query: Select[Any], beamtime: str, group: str | None) -> Select[Any]:
    return query.where(*within(Scope(beamtime, group))).group_by(datasets.c.group).order_by(datasets.c.group)


def _cost(m: RowMapping) -> Cost:
    c = attempts.c
    cores = m[c.cores] if m[c.usage_cores] is None else m[c.usage_cores]
    return Cost(
        frames=m[results.c.usable],
        core_seconds=m[c.usage_cpu_s] or m[c.core_seconds],
        seconds=m[c.core_seconds] / max(1, cores),
        max_rss_mb=m[c.usage_max_rss_mb] or 0.0,
        cores=cores,
    )


def select_lags() -> Select[Any]:
    """Attempts with the moments of their job and dataset, the oldest first."""
    of_dataset = (datasets.c.id.label("dataset_id"), datasets.c.seen, datasets.c.last_frame)
    of_job = (jobs.c.key, jobs.c.work, jobs.c.engine, jobs.c.work_class, jobs.c.planned)
    query = select(attempts, *of_dataset, *of_job).join(jobs, _MINE).join(datasets, _OF)
    return query.order_by(attempts.c.id)


def lag_of(m: RowMapping) -> Lag:
    """A row of `select_lags`."""
    c = attempts.c
    moments = {
        name: m[c[name]] for name in ("claimed", "submitted", "started", "first_frame", "ended", "code")
    }
    return Lag(
        dataset=m["dataset_id"],
        job=m[c.job],
        attempt=m[c.number],
        work=WorkName(m[jobs.c.work]),
        engine=m[jobs.c.engine],
        work_class=WorkClass(m[jobs.c.work_class]),
        seen=m[datasets.c.seen],
        last_frame=m[datasets.c.last_frame],
        planned=m[jobs.c.planned],
        **moments,
    )
