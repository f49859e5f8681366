"""Attempts in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from beampace.core.errors import BeampaceError, failure
from beampace.core.job import AttemptState, ExitRecord, JobState
from beampace.core.taxonomy import Failure
from beampace.store.columns import bounded, finite
from beampace.store.jobs import LIVING, has_living, one_job
from beampace.store.part import Part, Turn, unknown
from beampace.store.records import AttemptRow, JobRow
from beampace.store.rows import attempt_of, job_of, select_jobs
from beampace.store.tables import attempts, beamtimes, jobs

_SMALL = 2**31 - 1


class Attempts(Part):
    """Claiming, following, ending."""

    def claim(
        self,
        job_key: str,
        cluster: str,
        directory_of: Callable[[int], str],
        cores: int,
        memory_mb: int | None = None,
        time_s: int | None = None,
    ) -> AttemptRow:
        """Write down a new attempt before the cluster is asked for it.

        Args:
            job_key: of the job.
            cluster: where it is to run.
            directory_of: number of the attempt -> its directory.
            cores: what it is given; the job holds as much from now on.
            memory_mb: the same of memory; None leaves what the job has.
            time_s: the same of time.

        Raises:
            InputError: the job has ended, is to be cancelled, has a living attempt, does not exist, or its
                beamtime is closed (bad_request).
        """
        with self._write() as turn:
            job = one_job(turn, job_key)
            _refuse(turn, job)
            number = job.attempts + 1
            values = {
                "job": job_key,
                "number": number,
                "cluster": cluster,
                "native_id": "",
                "directory": directory_of(number),
                "state": int(AttemptState.CLAIMED),
                "cores": cores,
                "code": "",
                "detail": "",
                "claimed": turn.now,
                "core_seconds": 0.0,
                "n_bytes": 0,
            }
            row = (
                turn.connection.execute(attempts.insert().values(values).returning(attempts)).mappings().one()
            )
            moved = {"attempts": number, "state": int(JobState.ACTIVE), "not_before": None, "cores": cores}
            moved |= {} if memory_mb is None else {"memory_mb": memory_mb}
            moved |= {} if time_s is None else {"time_s": time_s}
            turn.connection.execute(jobs.update().where(jobs.c.key == job_key).values(moved))
            tell(turn, "attempt.claimed", job, number, cluster=cluster, cores=cores)
            return attempt_of(row)

    def submitted(self, job_key: str, number: int, native_id: str) -> None:
        """The cluster took it under its own id. An attempt that is further stays there.

        Raises:
            InputError: there is no such attempt (bad_request).
        """
        with self._write() as turn:
            job, attempt = one_attempt(turn, job_key, number)
            values: dict[str, Any] = {} if attempt.native_id else {"native_id": native_id}
            if attempt.submitted is None:
                values["submitted"] = turn.now
            if attempt.state < AttemptState.SUBMITTED:
                values["state"] = int(AttemptState.SUBMITTED)
                tell(turn, "attempt.submitted", job, number, native_id=native_id)
            change(turn, attempt, values)

    def progressed(
        self,
        job_key: str,
        number: int,
        state: AttemptState,
        started: datetime | None = None,
        first_frame: datetime | None = None,
    ) -> None:
        """How far it is. Its state never goes back, and each moment keeps its first value.

        Raises:
            InputError: there is no such attempt, or `state` is ENDED: see `end_attempt` (bad_request).
        """
        if state is AttemptState.ENDED:
            raise failure(Failure.BAD_REQUEST, "An attempt ends with a code.")
        with self._write() as turn:
            job, attempt = one_attempt(turn, job_key, number)
            values: dict[str, Any] = {}
            if started is not None and attempt.started is None:
                values["started"] = started
            if first_frame is not None and attempt.first_frame is None:
                values["first_frame"] = first_frame
                tell(turn, "attempt.first_frame", job, number)
            if state > attempt.state:
                values["state"] = int(state)
                tell(turn, f"attempt.{state.name.lower()}", job, number)
            change(turn, attempt, values)

    def end_attempt(
        self,
        job_key: str,
        number: int,
        code: str,
        detail: str,
        usage: ExitRecord | None = None,
        n_bytes: int = 0,
    ) -> None:
        """End an attempt; its job stays as it is. One that has ended keeps its code.

        Args:
            job_key: of the job.
            number: of the attempt.
            code: of the taxonomy.
            detail: particulars.
            usage: what it has used, if that is known.
            n_bytes: bytes of the result directory it left, which becomes no result; its group is charged.

        Raises:
            InputError: there is no such attempt (bad_request).
        """
        with self._write() as turn:
            job, attempt = one_attempt(turn, job_key, number)
            end_one(turn, job, attempt, code, detail, usage)
            if n_bytes > 0:
                change(turn, attempt, {"n_bytes": bounded(n_bytes)})

    def used(self, job_key: str, number: int, usage: ExitRecord) -> None:
        """What an attempt has used, when that becomes known after its end; the first word counts.

        Raises:
            InputError: there is no such attempt (bad_request).
        """
        with self._write() as turn:
            _, attempt = one_attempt(turn, job_key, number)
            if attempt.usage is None:
                change(turn, attempt, usage_values(attempt, usage, attempt.ended or turn.now))

    def active(self) -> tuple[tuple[JobRow, AttemptRow], ...]:
        """Living attempts with their jobs, the oldest first."""
        query = select_jobs().add_columns(*attempts.c).join(attempts, attempts.c.job == jobs.c.key)
        with self._read() as connection:
            rows = (
                connection.execute(query.where(LIVING).order_by(attempts.c.claimed, attempts.c.job))
                .mappings()
                .all()
            )
            return tuple((job_of(row), attempt_of(row)) for row in rows)

    def attempts(self, job_key: str) -> tuple[AttemptRow, ...]:
        """Attempts of a job, the first one first."""
        query = select(attempts).where(attempts.c.job == job_key).order_by(attempts.c.number)
        with self._read() as connection:
            return tuple(attempt_of(row) for row in connection.execute(query).mappings())


def one_attempt(turn: Turn, job_key: str, number: int) -> tuple[JobRow, AttemptRow]:
    """An attempt and its job within a transaction that writes.

    Raises:
        InputError: there is no such attempt (bad_request).
    """
    query = select_jobs().add_columns(*attempts.c).join(attempts, attempts.c.job == jobs.c.key)
    same = (attempts.c.job == job_key, attempts.c.number == number)
    row = turn.connection.execute(query.where(*same)).mappings().one_or_none()
    if row is None:
        raise unknown("attempt", f"{job_key}-{number}")
    return job_of(row), attempt_of(row)


def end_one(
    turn: Turn, job: JobRow, attempt: AttemptRow, code: str, detail: str, usage: ExitRecord | None
) -> None:
    """Move an attempt to ENDED and tell of it; one that has ended only learns what it has used."""
    values: dict[str, Any] = {}
    if attempt.usage is None:
        values |= usage_values(attempt, usage, attempt.ended or turn.now)
    if attempt.state is not AttemptState.ENDED:
        values |= {"state": int(AttemptState.ENDED), "code": code, "detail": detail, "ended": turn.now}
        tell(turn, "attempt.ended", job, attempt.number, code=str(code), detail=detail)
    change(turn, attempt, values)


def usage_values(attempt: AttemptRow, usage: ExitRecord | None, ended: datetime) -> Mapping[str, Any]:
    """What an attempt has used; where nobody measured it, its cores for the time since it was given away."""
    if usage is None:
        begun = attempt.started or attempt.submitted or ended
        return {"core_seconds": attempt.cores * max(0.0, (ended - begun).total_seconds())}
    seconds, cores = max(0.0, finite(usage.seconds)), min(bounded(usage.cores), _SMALL)
    return {
        "usage_exit": _small(usage.exit),
        "usage_signal": _small(usage.signal),
        "usage_reason": usage.reason,
        "usage_seconds": seconds,
        "usage_cpu_s": max(0.0, finite(usage.cpu_s)),
        "usage_max_rss_mb": max(0.0, finite(usage.max_rss_mb)),
        "usage_cores": cores,
        "core_seconds": cores * seconds,
    }


def change(turn: Turn, attempt: AttemptRow, values: Mapping[str, Any]) -> None:
    """Write values of one attempt, if there are any."""
    if values:
        same = (attempts.c.job == attempt.job, attempts.c.number == attempt.number)
        turn.connection.execute(attempts.update().where(*same).values(dict(values)))


def tell(turn: Turn, topic: str, job: JobRow, number: int, **more: Any) -> None:
    """Tell of an attempt."""
    payload = {"job": job.key, "attempt": number, "dataset": job.dataset, "work": job.work.value}
    turn.tell(topic, job.beamtime, job.group, payload | more)


def _small(number: int | None) -> int | None:
    return None if number is None else max(-_SMALL, min(number, _SMALL))


def _refuse(turn: Turn, job: JobRow) -> None:
    closed = turn.connection.execute(
        select(beamtimes.c.closed).where(beamtimes.c.id == job.beamtime)
    ).scalar_one()
    if job.state is JobState.ENDED:
        raise _not_claimed(job, "it has ended")
    if job.cancel_wanted:
        raise _not_claimed(job, "it is to be cancelled")
    if closed is not None:
        raise _not_claimed(job, f"beamtime {job.beamtime} is closed")
    if has_living(turn, job.key):
        raise _not_claimed(job, "an attempt of it lives")


def _not_claimed(job: JobRow, why: str) -> BeampaceError:
    return failure(Failure.BAD_REQUEST, f"Job {job.key} cannot be started: {why}.", "Nothing is to be done.")
