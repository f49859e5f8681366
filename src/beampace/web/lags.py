"""Lag: seconds from one moment to another, per class of work."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from beampace.core.work import WorkClass
from beampace.store import DatasetRow, ResultRow
from beampace.store.records import Lag
from beampace.web.answers import LagInfo

SEEN = "dataset seen to first frame opened"
DUE = "work due to first frame opened"
RESULT = "last frame to result"

Measured = tuple[WorkClass, str, float]
"""Class, which moments, seconds."""

Timed = tuple[datetime, WorkClass, float]
"""Moment of a result, class, seconds from the last frame."""


def lag_infos(measured: Iterable[Measured]) -> tuple[LagInfo, ...]:
    """Median, 95th percentile and worst of each class and pair of moments, the most pressing class first."""
    found: defaultdict[tuple[int, str], list[float]] = defaultdict(list)
    for work_class, what, seconds in measured:
        found[work_class.rank, what].append(seconds)
    return tuple(
        _info(list(WorkClass)[rank], what, sorted(values)) for (rank, what), values in sorted(found.items())
    )


def measured_starts(lags: Iterable[Lag]) -> tuple[Measured, ...]:
    """Lags until the first frame was opened, one per job: of the attempt that opened it first.

    `due` is when the job was planned: at the first sight of a dataset for work that follows a scan, at its
    end for work that needs all frames.
    """
    first: dict[str, Lag] = {}
    for lag in lags:
        before = first.get(lag.job)
        if lag.first_frame and (before is None or _moment(lag) < _moment(before)):
            first[lag.job] = lag
    measured: list[Measured] = []
    for lag in first.values():
        opened = _moment(lag)
        measured.append((lag.work_class, SEEN, _seconds(lag.seen, opened)))
        measured.append((lag.work_class, DUE, _seconds(lag.planned, opened)))
    return tuple(measured)


def measured_results(
    results: Iterable[ResultRow], datasets: Mapping[int, DatasetRow], lags: Iterable[Lag]
) -> tuple[Measured, ...]:
    """Lags from the last frame to the result, as `timed_results` has them."""
    return tuple(
        (work_class, RESULT, seconds) for _, work_class, seconds in timed_results(results, datasets, lags)
    )


def timed_results(
    results: Iterable[ResultRow], datasets: Mapping[int, DatasetRow], lags: Iterable[Lag]
) -> tuple[Timed, ...]:
    """When each result was made, and its lag from the last frame.

    A result of an earlier generation is left out: frames came after it. Work that was asked for after the
    last frame counts from when it was planned, as does all work where nobody saw the last frame come.
    """
    of_job = {lag.job: lag for lag in lags}
    measured: list[Timed] = []
    for row in results:
        dataset, lag = datasets.get(row.dataset), of_job.get(row.job)
        if dataset is None or lag is None or row.generation != dataset.generation:
            continue
        begin = dataset.last_frame or lag.planned
        if lag.work_class is WorkClass.RERUN:
            begin = max(begin, lag.planned)
        created = row.result.created
        measured.append((created, lag.work_class, _seconds(begin, created)))
    return tuple(measured)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of `values`, sorted and not empty, do not exceed."""
    return values[max(0, math.ceil(share * len(values)) - 1)]


def _info(work_class: WorkClass, what: str, values: Sequence[float]) -> LagInfo:
    median, p95 = quantile(values, 0.5), quantile(values, 0.95)
    return LagInfo(
        of=work_class.value, what=what, n=len(values), median_s=median, p95_s=p95, worst_s=values[-1]
    )


def _moment(lag: Lag) -> datetime:
    assert lag.first_frame is not None  # noqa: S101 - asked by the caller
    return lag.first_frame


def _seconds(begin: datetime, end: datetime) -> float:
    """Seconds between two moments; clocks of two machines may differ a little, so never below 0."""
    return round(max(0.0, (end - begin).total_seconds()), 3)
