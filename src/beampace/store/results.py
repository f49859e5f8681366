"""Results in the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import false, select, true

from beampace.core.errors import failure
from beampace.core.job import AttemptState, ExitRecord
from beampace.core.taxonomy import Failure
from beampace.store.attempts import change, end_one
from beampace.store.columns import bounded, finite
from beampace.store.jobs import end, one_job
from beampace.store.part import Part, Turn, unknown
from beampace.store.records import AttemptRow, JobRow, NewResult, Recommendation, ResultRow
from beampace.store.rows import attempt_of, recommendation_of, result_of, select_results
from beampace.store.tables import attempts, datasets, jobs, recommendations, results


class Results(Part):
    """Finishing, publishing, recommending."""

    def finish(
        self, new: NewResult, usage: ExitRecord | None = None, attempt: int | None = None
    ) -> ResultRow | None:
        """Write down a result; with it its attempt and its job end.

        A result counts even when the job was given up before: it is better evidence than a lost node.

        Args:
            new: the result.
            usage: what the attempt has used, if that is known already.
            attempt: the attempt that left it; without it the one that lives, else the last one. Another one
                that still lives ends as cancelled.

        Returns:
            The result; None when the job has one already.

        Raises:
            InputError: there is no such job (bad_request).
        """
        with self._write() as turn:
            job = one_job(turn, new.job)
            mine = _attempts_of(turn, job, attempt)
            number = mine[0].number if mine else None
            insert = (
                turn.insert_new(results)
                .values(_values(new, number))
                .on_conflict_do_nothing(index_elements=["job"])
            )
            id_ = turn.connection.execute(insert.returning(results.c.id)).scalar_one_or_none()
            if id_ is None:
                return None
            for place, one in enumerate(mine):
                code = new.code if place == 0 else Failure.CANCELLED
                end_one(turn, job, one, code, "", usage if place == 0 else None)
            if mine and mine[0].n_bytes:  # its directory was charged to it: now the result's bytes count
                change(turn, mine[0], {"n_bytes": 0})
            end(turn, job, new.code, "")
            _tell(turn, job, id_, new)
            row = turn.connection.execute(select_results().where(results.c.id == id_)).mappings().one()
            return result_of(row)

    def unpublished(self, after: int = 0, limit: int | None = None) -> tuple[ResultRow, ...]:
        """Results whose directory lists and recommendation are not done, the oldest first.

        Args:
            after: number of a result; only later ones.
            limit: most rows.
        """
        open_ = select_results().where(results.c.published.is_(false()))
        open_ = open_.where(results.c.id > after) if after else open_
        with self._read() as connection:
            rows = connection.execute(open_.order_by(results.c.id).limit(limit)).mappings()
            return tuple(result_of(row) for row in rows)

    def published(self, result_id: int, *, told: bool = False) -> None:
        """Say that directory lists and recommendation of a result are done.

        Args:
            result_id: the result.
            told: no hook is to be told of it.

        Raises:
            InputError: there is no such result (bad_request).
        """
        with self._write() as turn:
            row = _one(turn, result_id)
            if not row.published:
                values = {"published": True, "told": told}
                turn.connection.execute(results.update().where(results.c.id == result_id).values(values))
                payload = {"result": row.id, "job": row.job, "dataset": row.dataset}
                turn.tell("result.published", row.beamtime, row.group, payload)

    def untold(self, limit: int | None = None) -> tuple[ResultRow, ...]:
        """Published results that hooks have to be told of, the oldest first."""
        open_ = select_results().where(results.c.told.is_(false()), results.c.published.is_(true()))
        with self._read() as connection:
            rows = connection.execute(open_.order_by(results.c.id).limit(limit)).mappings()
            return tuple(result_of(row) for row in rows)

    def told(self, result_id: int) -> None:
        """Say that hooks of a result are done; the same again changes nothing."""
        with self._write() as turn:
            turn.connection.execute(results.update().where(results.c.id == result_id).values(told=True))

    def result(self, id: int) -> ResultRow:  # noqa: A002
        """A result by its number.

        Raises:
            InputError: there is no such result (bad_request).
        """
        with self._read() as connection:
            row = connection.execute(select_results().where(results.c.id == id)).mappings().one_or_none()
        if row is None:
            raise unknown("result", id)
        return result_of(row)

    def results(
        self, dataset: int | None = None, beamtime: str | None = None, limit: int | None = None
    ) -> tuple[ResultRow, ...]:
        """Results, the newest first."""
        query = select_results().order_by(results.c.id.desc()).limit(limit)
        if dataset is not None:
            query = query.where(jobs.c.dataset == dataset)
        if beamtime is not None:
            query = query.where(datasets.c.beamtime == beamtime)
        with self._read() as connection:
            return tuple(result_of(row) for row in connection.execute(query).mappings())

    def recommend(self, dataset_id: int, result_id: int | None, reason: str) -> None:
        """Say which result of a dataset to use; the same again changes nothing.

        Args:
            dataset_id: the dataset.
            result_id: the result, or None when none can be recommended.
            reason: why.

        Raises:
            InputError: there is no such dataset, or the result is of another one (bad_request).
        """
        with self._write() as turn:
            dataset = (
                turn.connection.execute(
                    select(datasets.c.beamtime, datasets.c.group).where(datasets.c.id == dataset_id)
                )
                .mappings()
                .one_or_none()
            )
            if dataset is None:
                raise unknown("dataset", dataset_id)
            if result_id is not None and _one(turn, result_id).dataset != dataset_id:
                raise failure(Failure.BAD_REQUEST, f"Result {result_id} is not of dataset {dataset_id}.")
            same = recommendations.c.dataset == dataset_id
            old = turn.connection.execute(select(recommendations).where(same)).mappings().one_or_none()
            wanted = {"result": result_id, "reason": reason}
            if old is not None and all(old[name] == value for name, value in wanted.items()):
                return
            statement = recommendations.insert() if old is None else recommendations.update().where(same)
            turn.connection.execute(statement.values(wanted | {"dataset": dataset_id, "since": turn.now}))
            turn.tell(
                "recommendation", dataset["beamtime"], dataset["group"], wanted | {"dataset": dataset_id}
            )

    def recommendations(self, beamtime: str | None = None) -> tuple[Recommendation, ...]:
        """What is recommended, by dataset."""
        query = select(recommendations).order_by(recommendations.c.dataset)
        if beamtime is not None:
            query = query.join(datasets, datasets.c.id == recommendations.c.dataset)
            query = query.where(datasets.c.beamtime == beamtime)
        with self._read() as connection:
            return tuple(recommendation_of(row) for row in connection.execute(query).mappings())


def _attempts_of(turn: Turn, job: JobRow, number: int | None) -> list[AttemptRow]:
    """The attempt that left a result, and after it the living one if that is another."""
    query = select(attempts).where(attempts.c.job == job.key).order_by(attempts.c.number.desc())
    all_ = [attempt_of(row) for row in turn.connection.execute(query).mappings()]
    living = [one for one in all_ if one.state is not AttemptState.ENDED]
    if number is not None and not any(one.number == number for one in all_):
        raise unknown("attempt", f"{job.key}-{number}")
    first = [one for one in all_ if one.number == number] if number is not None else (living or all_)[:1]
    return first + [one for one in living if one not in first]


def _one(turn: Turn, id_: int) -> ResultRow:
    row = turn.connection.execute(select_results().where(results.c.id == id_)).mappings().one_or_none()
    if row is None:
        raise unknown("result", id_)
    return result_of(row)


def _values(new: NewResult, attempt: int | None) -> dict[str, Any]:
    first, last = new.frames_used or (None, None)
    lag = new.last_frame_to_result_s
    return {
        "job": new.job,
        "attempt": attempt,
        "directory": new.directory,
        "code": new.code,
        "words": new.words,
        "frames_first": first,
        "frames_last": last,
        "usable": bounded(new.usable),
        "announced": bounded(new.announced),
        "summary": dict(new.summary),
        "n_bytes": bounded(new.n_bytes),
        "last_frame_to_result_s": None if lag is None else finite(lag),
        "created": new.created,
        "published": False,
        "told": False,
    }


def _tell(turn: Turn, job: JobRow, id_: int, new: NewResult) -> None:
    payload = {
        "result": id_,
        "job": job.key,
        "dataset": job.dataset,
        "work": job.work.value,
        "engine": job.engine,
    }
    turn.tell("result", job.beamtime, job.group, payload | {"code": new.code, "words": new.words})
