"""Jobs in the ledger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, literal_column, or_, select

from beampace.core.errors import failure
from beampace.core.job import JobState
from beampace.core.taxonomy import Failure
from beampace.store.part import Part, Turn, unknown
from beampace.store.records import JobRow, PlannedJob
from beampace.store.rows import job_of, select_jobs
from beampace.store.tables import attempts, beamtimes, datasets, jobs, results

# Written out, not bound: a partial index is used only where its condition is seen.
OPEN = jobs.c.state < literal_column("2")
LIVING = attempts.c.state < literal_column("3")


class Jobs(Part):
    """Planning, waiting, ending."""

    def plan(self, dataset_id: int, planned: Sequence[PlannedJob]) -> tuple[JobRow, ...]:
        """Write down jobs of a dataset; a key that is known adds nothing.

        Returns:
            The jobs that are new, in the order given.

        Raises:
            InputError: there is no such dataset (bad_request).
        """
        if not planned:
            return ()
        with self._write() as turn:
            query = select(datasets.c.generation).where(datasets.c.id == dataset_id)
            generation = turn.connection.execute(query).scalar_one_or_none()
            if generation is None:
                raise unknown("dataset", dataset_id)
            rows = [_values(job) | {"dataset": dataset_id, "generation": generation, "planned": turn.now}
                    for job in planned]  # fmt: skip
            insert = turn.insert_new(jobs).on_conflict_do_nothing(index_elements=["key"])
            added = set(turn.connection.execute(insert.returning(jobs.c.key), rows).scalars())
            if not added:
                return ()
            query = select_jobs().where(jobs.c.key.in_(added)).order_by(jobs.c.id)
            new = tuple(job_of(row) for row in turn.connection.execute(query).mappings())
            for job in new:
                _tell(turn, "job.planned", job)
            return new

    def waiting(self) -> tuple[JobRow, ...]:
        """Jobs of open beamtimes that may be started now, the oldest first.

        Those no attempt of which lives, whose next attempt is due, and which nobody wants cancelled.
        """
        living = exists().where(attempts.c.job == jobs.c.key, LIVING)
        due = or_(jobs.c.not_before.is_(None), jobs.c.not_before <= self.now())
        query = (
            select_jobs()
            .join(beamtimes, beamtimes.c.id == datasets.c.beamtime)
            .where(OPEN, ~living, due, jobs.c.cancel_wanted.is_(False), beamtimes.c.closed.is_(None))
            .order_by(jobs.c.id)
        )
        with self._read() as connection:
            return tuple(job_of(row) for row in connection.execute(query).mappings())

    def jobs_not_ended(self, beamtime: str | None = None) -> tuple[JobRow, ...]:
        """Every job that has not ended, the oldest first; of one beamtime, open or closed, or of all."""
        query = select_jobs().where(OPEN).order_by(jobs.c.id)
        if beamtime is not None:
            query = query.where(datasets.c.beamtime == beamtime)
        with self._read() as connection:
            return tuple(job_of(row) for row in connection.execute(query).mappings())

    def job(self, key: str) -> JobRow:
        """A job by its key.

        Raises:
            InputError: there is no such job (bad_request).
        """
        with self._read() as connection:
            row = connection.execute(select_jobs().where(jobs.c.key == key)).mappings().one_or_none()
        if row is None:
            raise unknown("job", key)
        return job_of(row)

    def jobs(
        self,
        dataset: int | None = None,
        state: JobState | None = None,
        limit: int | None = None,
        beamtime: str | None = None,
    ) -> tuple[JobRow, ...]:
        """Jobs, the newest first."""
        query = select_jobs().order_by(jobs.c.id.desc()).limit(limit)
        if beamtime is not None:
            query = query.where(datasets.c.beamtime == beamtime)
        if dataset is not None:
            query = query.where(jobs.c.dataset == dataset)
        if state is not None:
            query = query.where(jobs.c.state == int(state))
        if state is not None and state < JobState.ENDED:
            query = query.where(OPEN)
        with self._read() as connection:
            return tuple(job_of(row) for row in connection.execute(query).mappings())

    def over(self, keys: Collection[str], ended: datetime, closed: datetime) -> frozenset[str]:
        """Those of some jobs that are over for a while: nothing of them is going to be looked at again.

        Args:
            keys: of the jobs.
            ended: jobs that ended before.
            closed: ended jobs of beamtimes that closed before.
        """
        living = exists().where(attempts.c.job == jobs.c.key, LIVING)
        query = (
            select(jobs.c.key)
            .join(datasets, datasets.c.id == jobs.c.dataset)
            .join(beamtimes, beamtimes.c.id == datasets.c.beamtime)
            .where(jobs.c.key.in_(keys), jobs.c.state == int(JobState.ENDED), ~living)
            .where(or_(jobs.c.ended < ended, beamtimes.c.closed < closed))
        )
        with self._read() as connection:
            return frozenset(connection.execute(query).scalars())

    def retry_at(self, job_key: str, when: datetime) -> None:
        """Start the next attempt not before `when`. A job that somebody wants cancelled ends instead.

        Raises:
            InputError: there is no such job (bad_request).
        """
        with self._write() as turn:
            job = one_job(turn, job_key)
            if job.state is JobState.ENDED:
                return
            if job.cancel_wanted:
                end(turn, job, Failure.CANCELLED, "")
                return
            turn.connection.execute(jobs.update().where(jobs.c.key == job_key).values(not_before=when))
            _tell(turn, "job.retry", job, not_before=when.isoformat())

    def end_job(self, job_key: str, code: str, detail: str) -> None:
        """End a job without a result. One that has ended keeps its code.

        Raises:
            InputError: there is no such job, or an attempt of it lives (bad_request).
        """
        with self._write() as turn:
            job = one_job(turn, job_key)
            if job.state is JobState.ENDED:
                return
            if has_living(turn, job_key):
                raise failure(
                    Failure.BAD_REQUEST,
                    f"Job {job_key} cannot end: an attempt of it lives.",
                    "End the attempt first.",
                )
            end(turn, job, code, detail)

    def want_cancel(self, job_key: str) -> bool:
        """Say that nobody wants a job any more. Without a living attempt it ends at once.

        Returns:
            Whether it had not ended yet.

        Raises:
            InputError: there is no such job (bad_request).
        """
        with self._write() as turn:
            job = one_job(turn, job_key)
            if job.state is JobState.ENDED:
                return False
            if not job.cancel_wanted:
                turn.connection.execute(jobs.update().where(jobs.c.key == job_key).values(cancel_wanted=True))
                _tell(turn, "job.cancel_wanted", job)
            if not has_living(turn, job_key):
                end(turn, job, Failure.CANCELLED, "")
            return True

    def revive(self, beamtime: str) -> tuple[JobRow, ...]:
        """Let jobs wait again that the stop of a beamtime had ended: the one way back from ENDED.

        These are the jobs that ended as `beamtime_closed` without a result, for the files their dataset has
        now; jobs of an older generation stay ended. Called again, it finds nothing.

        Returns:
            The jobs that wait again, the oldest first.
        """
        stopped = (
            datasets.c.beamtime == beamtime,
            jobs.c.state == int(JobState.ENDED),
            jobs.c.code == Failure.BEAMTIME_CLOSED.value,
            jobs.c.generation == datasets.c.generation,
            ~exists().where(results.c.job == jobs.c.key),
        )
        with self._write() as turn:
            query = select_jobs().where(*stopped).order_by(jobs.c.id)
            keys = [job_of(row).key for row in turn.connection.execute(query).mappings()]
            again = {"state": int(JobState.WAITING), "code": "", "detail": "", "ended": None}
            for key in keys:
                turn.connection.execute(jobs.update().where(jobs.c.key == key).values(again))
                _tell(turn, "job.revived", one_job(turn, key))
            return tuple(one_job(turn, key) for key in keys)


def one_job(turn: Turn, key: str) -> JobRow:
    """A job within a transaction that writes.

    Raises:
        InputError: there is no such job (bad_request).
    """
    row = turn.connection.execute(select_jobs().where(jobs.c.key == key)).mappings().one_or_none()
    if row is None:
        raise unknown("job", key)
    return job_of(row)


def has_living(turn: Turn, key: str) -> bool:
    """Whether an attempt of the job lives."""
    query = select(exists().where(attempts.c.job == key, LIVING))
    return bool(turn.connection.execute(query).scalar_one())


def end(turn: Turn, job: JobRow, code: str, detail: str) -> None:
    """Move a job to ENDED and tell of it."""
    values = {
        "state": int(JobState.ENDED),
        "code": code,
        "detail": detail,
        "not_before": None,
        "ended": turn.now,
    }
    turn.connection.execute(jobs.update().where(jobs.c.key == job.key).values(values))
    _tell(turn, "job.ended", job, code=str(code), detail=detail)


def _tell(turn: Turn, topic: str, job: JobRow, **more: Any) -> None:
    payload = {"job": job.key, "dataset": job.dataset, "work": job.work.value, "engine": job.engine}
    turn.tell(topic, job.beamtime, job.group, payload | {"class": job.work_class.value} | more)


def _values(job: PlannedJob) -> dict[str, Any]:
    return {
        "key": job.key,
        "work": job.work.value,
        "engine": job.engine,
        "work_class": job.work_class.value,
        "cores": job.cores,
        "memory_mb": job.memory_mb,
        "time_s": job.time_s,
        "options": dict(job.options),
        "state": int(JobState.WAITING),
        "code": "",
        "detail": "",
        "attempts": 0,
        "cancel_wanted": False,
    }
