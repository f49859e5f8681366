"""From rows of the tables to the records of the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, Select, select

from beampace.core.dataset import DatasetKind
from beampace.core.job import AttemptState, ExitRecord, JobState
from beampace.core.work import WorkClass, WorkName
from beampace.store.records import (
    AttemptRow,
    BeamtimeRow,
    DatasetRow,
    EventRow,
    FrameCounts,
    JobRow,
    NewResult,
    Recommendation,
    ResultRow,
)
from beampace.store.tables import attempts, beamtimes, datasets, events, jobs, recommendations, results


def select_jobs() -> Select[Any]:
    """Jobs with the beamtime and the group of their dataset."""
    return select(jobs, datasets.c.beamtime, datasets.c.group).join(datasets, jobs.c.dataset == datasets.c.id)


def select_results() -> Select[Any]:
    """Results with what their job and its dataset say."""
    job = (jobs.c.dataset, jobs.c.work, jobs.c.engine, jobs.c.generation)
    return (
        select(results, *job, datasets.c.beamtime, datasets.c.group)
        .join(jobs, results.c.job == jobs.c.key)
        .join(datasets, jobs.c.dataset == datasets.c.id)
    )


def beamtime_of(m: RowMapping) -> BeamtimeRow:
    """A row of `beamtimes`."""
    c = beamtimes.c
    plain = ("id", "root", "title", "opened", "closed", "reason", "root_id", "core_path")
    return BeamtimeRow(**{name: m[c[name]] for name in plain})


def dataset_of(m: RowMapping) -> DatasetRow:
    """A row of `datasets`."""
    c = datasets.c
    plain = (
        "id", "beamtime", "identity", "path", "place", "name", "kind_reason", "group", "sample", "state",
        "generation", "n_announced", "n_files", "n_listed", "n_bytes", "files_mark", "frame_time_s",
        "collected", "seen", "ended", "last_frame",
    )  # fmt: skip
    values = {name: m[c[name]] for name in plain}
    return DatasetRow(**values, kind=DatasetKind(m[c.kind]), frames=frames_of(m))


def frames_of(m: RowMapping) -> FrameCounts:
    """The counts of frames in a row of `datasets`."""
    c = datasets.c
    ranges = tuple((int(first), int(last)) for first, last in m[c.failed_ranges])
    counts = (m[c.frames_announced], m[c.frames_readable], m[c.frames_analysed], m[c.frames_failed])
    return FrameCounts(*counts, failed_ranges=ranges)


def job_of(m: RowMapping) -> JobRow:
    """A row of `select_jobs`."""
    c = jobs.c
    plain = (
        "key", "dataset", "generation", "engine", "cores", "memory_mb", "time_s", "options", "code", "detail",
        "attempts", "cancel_wanted", "planned", "not_before", "ended",
    )  # fmt: skip
    return JobRow(
        **{name: m[c[name]] for name in plain},
        beamtime=m[datasets.c.beamtime],
        group=m[datasets.c.group],
        work=WorkName(m[c.work]),
        work_class=WorkClass(m[c.work_class]),
        state=JobState(m[c.state]),
    )


def attempt_of(m: RowMapping) -> AttemptRow:
    """A row of `attempts`."""
    c = attempts.c
    plain = (
        "job", "number", "cluster", "native_id", "directory", "code", "detail", "claimed", "submitted",
        "started", "first_frame", "ended", "cores", "n_bytes", "charged_core_seconds",
    )  # fmt: skip
    values = {name: m[c[name]] for name in plain}
    return AttemptRow(**values, state=AttemptState(m[c.state]), usage=_usage_of(m))


def _usage_of(m: RowMapping) -> ExitRecord | None:
    c = attempts.c
    if m[c.usage_seconds] is None:
        return None
    return ExitRecord(
        m[c.usage_exit],
        m[c.usage_signal],
        m[c.usage_reason],
        m[c.usage_seconds],
        m[c.usage_cpu_s],
        m[c.usage_max_rss_mb],
        m[c.usage_cores],
    )


def result_of(m: RowMapping) -> ResultRow:
    """A row of `select_results`."""
    c = results.c
    return ResultRow(
        id=m[c.id],
        job=m[c.job],
        dataset=m[jobs.c.dataset],
        beamtime=m[datasets.c.beamtime],
        group=m[datasets.c.group],
        work=WorkName(m[jobs.c.work]),
        engine=m[jobs.c.engine],
        generation=m[jobs.c.generation],
        result=_new_result_of(m),
        published=m[c.published],
    )


def _new_result_of(m: RowMapping) -> NewResult:
    c = results.c
    plain = (
        "job", "directory", "code", "words", "usable", "announced", "summary", "n_bytes",
        "last_frame_to_result_s", "created",
    )  # fmt: skip
    used = None if m[c.frames_first] is None else (m[c.frames_first], m[c.frames_last])
    return NewResult(**{name: m[c[name]] for name in plain}, frames_used=used)


def event_of(m: RowMapping) -> EventRow:
    """A row of `events`."""
    c = events.c
    return EventRow(m[c.id], m[c.at], m[c.topic], m[c.beamtime], m[c.group], m[c.payload])


def recommendation_of(m: RowMapping) -> Recommendation:
    """A row of `recommendations`."""
    c = recommendations.c
    return Recommendation(m[c.dataset], m[c.result], m[c.reason], m[c.since])
