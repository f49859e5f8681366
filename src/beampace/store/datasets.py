"""Datasets in the ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping, Select, exists, func, select

from beampace.core.errors import failure
from beampace.core.sighting import FilesSeen, Sighting
from beampace.core.taxonomy import Failure
from beampace.store.columns import bounded, finite, storable
from beampace.store.part import Part, Turn, unknown
from beampace.store.records import DatasetRow, FrameCounts, Observed
from beampace.store.rows import dataset_of, frames_of
from beampace.store.tables import beamtimes, datasets, jobs

_LONGEST_IDENTITY = 500


class Datasets(Part):
    """Seeing, growing and settling."""

    def observe(self, beamtime: str, sighting: Sighting, group: str) -> Observed:
        """Write down what was seen of a dataset; telling the same again changes nothing.

        Args:
            beamtime: its beamtime.
            sighting: what was seen.
            group: its group by the rules. A group that was announced stays against the rules; once there
                are jobs only an announcement changes the group, once one has started nothing does.

        Raises:
            InputError: there is no such beamtime, or the identity is too long (bad_request).
        """
        if len(sighting.identity) > _LONGEST_IDENTITY:
            raise failure(Failure.BAD_REQUEST, f"The identity of {sighting.path} is too long.")
        with self._write() as turn:
            old = turn.connection.execute(_known(beamtime, sighting.identity)).mappings().one_or_none()
            if old is None:
                return self._first_seen(turn, beamtime, sighting, group)
            wanted = _as_seen(sighting) | _group_after(old, sighting, group)
            if not sighting.sample:
                del wanted["sample"]  # what an announcement said is not forgotten
            changed = {name: value for name, value in wanted.items() if old[datasets.c[name]] != value}
            if not changed:
                return Observed(dataset_of(old), "same")
            row = _change(turn, old[datasets.c.id], changed)
            turn.tell("dataset.changed", beamtime, row.group, _told(row) | {"changed": sorted(changed)})
            return Observed(row, "changed")

    def _first_seen(self, turn: Turn, beamtime: str, sighting: Sighting, group: str) -> Observed:
        if not turn.connection.execute(select(exists().where(beamtimes.c.id == beamtime))).scalar_one():
            raise unknown("beamtime", beamtime)
        said = sighting.by == "announce" and bool(sighting.group)
        values = _as_seen(sighting) | _blank() | {"group": storable(group), "group_said": said}
        values |= {"beamtime": beamtime, "identity": sighting.identity, "seen": turn.now}
        row = dataset_of(
            turn.connection.execute(datasets.insert().values(values).returning(datasets)).mappings().one()
        )
        turn.tell("dataset.seen", beamtime, row.group, _told(row))
        return Observed(row, "new")

    def dataset(self, id: int) -> DatasetRow:  # noqa: A002
        """A dataset by its number.

        Raises:
            InputError: there is no such dataset (bad_request).
        """
        with self._read() as connection:
            row = connection.execute(select(datasets).where(datasets.c.id == id)).mappings().one_or_none()
        if row is None:
            raise unknown("dataset", id)
        return dataset_of(row)

    def dataset_at(self, path: str, beamtime: str | None = None) -> DatasetRow | None:
        """The last dataset seen at a path, of one beamtime or of all, or None."""
        query = select(datasets).where(datasets.c.path == path).order_by(datasets.c.id.desc()).limit(1)
        if beamtime is not None:
            query = query.where(datasets.c.beamtime == beamtime)
        with self._read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else dataset_of(row)

    def others_at(self, path: str, id: int) -> tuple[DatasetRow, ...]:  # noqa: A002
        """Datasets of a path other than this one, the newest first."""
        query = (
            select(datasets)
            .where(datasets.c.path == path, datasets.c.id != id)
            .order_by(datasets.c.id.desc())
        )
        with self._read() as connection:
            return tuple(dataset_of(row) for row in connection.execute(query).mappings())

    def first_in(self, beamtime: str, place: str) -> int | None:
        """The number of the first dataset of a directory below raw, or None."""
        there = (datasets.c.beamtime == beamtime, datasets.c.place == place)
        with self._read() as connection:
            first: int | None = connection.execute(select(func.min(datasets.c.id)).where(*there)).scalar_one()
        return first

    def datasets(
        self, beamtime: str | None = None, limit: int | None = None, states: Collection[str] | None = None
    ) -> tuple[DatasetRow, ...]:
        """Datasets, the newest first."""
        query = select(datasets).order_by(datasets.c.id.desc()).limit(limit)
        if beamtime is not None:
            query = query.where(datasets.c.beamtime == beamtime)
        if states is not None:
            query = query.where(datasets.c.state.in_(list(states)))
        with self._read() as connection:
            return tuple(dataset_of(row) for row in connection.execute(query).mappings())

    def datasets_by(self, ids: Collection[int]) -> Mapping[int, DatasetRow]:
        """Datasets by their numbers, those that are known."""
        query = select(datasets).where(datasets.c.id.in_(list(ids)))
        with self._read() as connection:
            rows = (dataset_of(row) for row in connection.execute(query).mappings())
            return {row.id: row for row in rows}

    def files(self, id: int, seen: FilesSeen) -> None:  # noqa: A002
        """Write down a listing of its data files.

        Raises:
            InputError: there is no such dataset (bad_request).
        """
        with self._write() as turn:
            old = _one(turn, id)
            n_files, n_bytes, mark = bounded(seen.n_files), bounded(seen.n_bytes), storable(seen.mark)
            if (old.n_listed, old.n_bytes, old.files_mark) == (n_files, n_bytes, mark):
                return
            values: dict[str, Any] = {"n_listed": n_files, "n_bytes": n_bytes, "files_mark": mark}
            if n_files > old.n_listed or n_bytes > old.n_bytes:
                values["last_frame"] = turn.now - timedelta(seconds=max(0.0, finite(seen.changed_s)))
            _change(turn, id, values)
            payload = {"dataset": id, "n_files": n_files, "n_bytes": n_bytes}
            turn.tell("dataset.files", old.beamtime, old.group, payload)

    def settle(self, id: int, state: str) -> bool:  # noqa: A002
        """Say that a dataset has ended, `complete` or `stopped`; one that has ended before stays as it is.

        Returns:
            Whether it was growing until now.

        Raises:
            InputError: there is no such dataset, or no such end (bad_request).
        """
        if state not in ("complete", "stopped"):
            raise failure(Failure.BAD_REQUEST, f"A dataset cannot end as {state!r}.")
        with self._write() as turn:
            if _one(turn, id).state != "growing":
                return False
            row = _change(turn, id, {"state": state, "ended": turn.now})
            turn.tell(f"dataset.{state}", row.beamtime, row.group, _told(row))
            return True

    def grow(self, id: int) -> DatasetRow:  # noqa: A002
        """Say that a dataset that had ended grows again: its next generation. A growing one stays as it is.

        Raises:
            InputError: there is no such dataset (bad_request).
        """
        with self._write() as turn:
            old = _one(turn, id)
            if old.state == "growing":
                return old
            row = _change(turn, id, {"state": "growing", "ended": None, "generation": old.generation + 1})
            turn.tell("dataset.grew", row.beamtime, row.group, _told(row))
            return row

    def frames(self, id: int, counts: FrameCounts) -> None:  # noqa: A002
        """Write down how many frames there are; within a generation no count goes back.

        Raises:
            InputError: there is no such dataset (bad_request).
        """
        with self._write() as turn:
            query = select(datasets).where(datasets.c.id == id)
            old = turn.connection.execute(query).mappings().one_or_none()
            if old is None:
                raise unknown("dataset", id)
            m, c = old, datasets.c
            fresh = m[c.frames_generation] < m[c.generation]
            before = frames_of(m)
            now = _rise(FrameCounts() if fresh else before, counts)
            if now == before and not fresh:
                return
            _change(turn, id, _frame_values(now) | {"frames_generation": m[c.generation]})
            payload = {"dataset": id, "frames": _frame_values(now)}
            turn.tell("dataset.frames", m[c.beamtime], m[c.group], payload)


def _known(beamtime: str, identity: str) -> Select[Any]:
    """The dataset with this identity, whether it has jobs, and whether one has started."""
    mine = jobs.c.dataset == datasets.c.id
    has_jobs = exists().where(mine).label("has_jobs")
    started = exists().where(mine, jobs.c.attempts > 0).label("has_started")
    same = (datasets.c.beamtime == beamtime, datasets.c.identity == identity)
    return select(datasets, has_jobs, started).where(*same)


def _group_after(old: RowMapping, sighting: Sighting, group: str) -> dict[str, Any]:
    m = old
    before, said = m[datasets.c.group], m[datasets.c.group_said]
    said_now = sighting.by == "announce" and bool(sighting.group)
    fixed = m["has_started"] if said_now else m["has_started"] or m["has_jobs"] or said
    if fixed:
        return {}
    return {"group": storable(group), "group_said": said or said_now} if group != before or said_now else {}


def _as_seen(sighting: Sighting) -> dict[str, Any]:
    return {
        "path": storable(sighting.path),
        "place": storable(sighting.place),
        "name": storable(sighting.name),
        "kind": sighting.kind.value,
        "kind_reason": storable(sighting.kind_reason),
        "sample": storable(sighting.sample),
        "n_announced": bounded(sighting.n_announced),
        "n_files": bounded(sighting.n_files),
        "frame_time_s": finite(sighting.frame_time_s),
        "collected": sighting.collected,
    }


def _blank() -> dict[str, Any]:
    zeros = ("generation", "n_listed", "n_bytes", "frames_generation")
    return {"state": "growing", "files_mark": ""} | dict.fromkeys(zeros, 0) | _frame_values(FrameCounts())


def _frame_values(counts: FrameCounts) -> dict[str, Any]:
    return {
        "frames_announced": counts.announced,
        "frames_readable": counts.readable,
        "frames_analysed": counts.analysed,
        "frames_failed": counts.failed,
        "failed_ranges": [list(run) for run in counts.failed_ranges],
    }


def _rise(old: FrameCounts, new: FrameCounts) -> FrameCounts:
    """Each count at least as high as before; the ranges belong to the higher count of failed frames."""
    return FrameCounts(
        max(old.announced, bounded(new.announced)),
        max(old.readable, bounded(new.readable)),
        max(old.analysed, bounded(new.analysed)),
        max(old.failed, bounded(new.failed)),
        new.failed_ranges if new.failed >= old.failed else old.failed_ranges,
    )


def _one(turn: Turn, id: int) -> DatasetRow:  # noqa: A002
    row = turn.connection.execute(select(datasets).where(datasets.c.id == id)).mappings().one_or_none()
    if row is None:
        raise unknown("dataset", id)
    return dataset_of(row)


def _change(turn: Turn, id: int, values: dict[str, Any]) -> DatasetRow:  # noqa: A002
    change = datasets.update().where(datasets.c.id == id).values(values).returning(datasets)
    return dataset_of(turn.connection.execute(change).mappings().one())


def _told(row: DatasetRow) -> dict[str, Any]:
    return {
        "dataset": row.id,
        "name": row.name,
        "place": row.place,
        "kind": row.kind.value,
        "state": row.state,
        "n_announced": row.n_announced,
        "generation": row.generation,
    }
