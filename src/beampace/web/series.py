"""Series over a night, short enough for a plot; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from beampace.core.dataset import DatasetKind
from beampace.core.work import WorkClass, WorkName
from beampace.store import DatasetRow, ResultRow
from beampace.web.lags import Timed
from beampace.web.records.beamtime import FramesSeries, LagSeries

MOST_POINTS = 600
"""Points of a series."""

Step = tuple[float, int]
"""Seconds since the epoch, and how many frames more."""


def lag_series(timed: Iterable[Timed], most: int = MOST_POINTS) -> tuple[LagSeries, ...]:
    """Lag against time, a series per class, the most pressing first; of many points in a bin the worst."""
    of_class: defaultdict[WorkClass, list[tuple[float, float]]] = defaultdict(list)
    for moment, work_class, seconds in timed:
        of_class[work_class].append((moment.timestamp(), seconds))
    found = []
    for work_class in sorted(of_class, key=lambda one: one.rank):
        points = worst_per_bin(sorted(of_class[work_class]), most)
        times, seconds_ = zip(*points, strict=True)
        found.append(LagSeries(of=work_class.value, times=times, seconds=seconds_))
    return tuple(found)


def worst_per_bin(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """At most `most` of some points in the order of time: of each of equal bins the one with most seconds."""
    if len(points) <= most:
        return list(points)
    begin, end = points[0][0], points[-1][0]
    width = (end - begin) / most or 1.0
    worst: dict[int, tuple[float, float]] = {}
    for at, value in points:
        place = min(most - 1, int((at - begin) / width))
        if place not in worst or value > worst[place][1]:
            worst[place] = (at, value)
    return [worst[place] for place in sorted(worst)]


def frames_series(
    datasets: Iterable[DatasetRow], results: Iterable[ResultRow], most: int = MOST_POINTS
) -> FramesSeries:
    """Frames taken and frames processed so far, against time.

    A dataset counts as taken when its last frame came, and as processed with its first answer: merged data or
    a verdict on them for rotations, a map or a look for the others.
    """
    known = {row.id: row for row in datasets}
    taken = [
        ((row.last_frame or row.seen).timestamp(), row.frames.readable)
        for row in known.values()
        if row.frames.readable
    ]
    return merged_steps(sorted(taken), sorted(_processed(known, results)), most)


def merged_steps(taken: Sequence[Step], processed: Sequence[Step], most: int) -> FramesSeries:
    """Both sums at every moment at which one of them rises; of many moments in a bin the last."""
    steps = sorted([(at, n, 0) for at, n in taken] + [(at, 0, n) for at, n in processed])
    rows: list[tuple[float, int, int]] = []
    total = (0, 0)
    for at, more, done in steps:
        total = (total[0] + more, total[1] + done)
        rows.append((at, *total))
    stride = max(1, -(-len(rows) // most))
    kept = rows[stride - 1 :: stride]
    if rows and kept[-1:] != rows[-1:]:
        kept = [*kept[: most - 1], rows[-1]]
    return FramesSeries(
        times=tuple(row[0] for row in kept),
        taken=tuple(row[1] for row in kept),
        processed=tuple(row[2] for row in kept),
    )


def _processed(known: Mapping[int, DatasetRow], results: Iterable[ResultRow]) -> list[Step]:
    first: dict[int, tuple[datetime, int]] = {}
    for row in results:
        dataset = known.get(row.dataset)
        if dataset is None or row.generation != dataset.generation:
            continue
        if dataset.kind is DatasetKind.ROTATION and row.work is WorkName.LOOK:
            continue
        moment = row.result.created
        if row.dataset not in first or moment < first[row.dataset][0]:
            first[row.dataset] = (moment, min(row.result.usable, dataset.frames.readable))
    return [(moment.timestamp(), frames) for moment, frames in first.values()]
