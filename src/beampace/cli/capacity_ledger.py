"""From the daemon's ledger to the capacity model: measured costs, and a beamtime as it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from statistics import median

from beampace.core.dataset import DatasetKind
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.core.work import Event, WorkClass, WorkName
from beampace.plan.capacity_model import Collected, Description, Done
from beampace.plan.capacity_model.description import CostTable
from beampace.plan.capacity_model.tasks import Tails
from beampace.plan.rules import Rule
from beampace.plan.sizing import percentile
from beampace.results.capacity_schema import LagCompared
from beampace.service.report import beamtime_of
from beampace.store import DatasetRow, Ledger
from beampace.store.records import Cost, Lag
from beampace.web.lags import measured_results


def with_measured(description: Description, ledger: Ledger) -> Description:
    """The description with what the ledger measured in the place of its own costs of the same work."""
    wanted = {(rule.work, rule.engine) for rule in description.rules_used}
    wanted |= {(WorkName.PROCESS, engine) for engine in description.compare}
    found = {what: ledger.costs(what[0].value, what[1]) for what in sorted(wanted)}
    measured = {what: costs for what, costs in found.items() if _usable(costs)}
    kept = [row for row in description.costs if (row.work, row.engine) not in measured]
    rows = [_row(what, cost) for what, costs in measured.items() for cost in _usable(costs)]
    return description.model_copy(update={"costs": (*kept, *rows)})


def _usable(costs: Sequence[Cost]) -> list[Cost]:
    return [
        one for one in costs if one.frames > 0 and one.core_seconds > 0 and one.seconds > 0 and one.cores > 0
    ]


def _row(what: tuple[WorkName, str], cost: Cost) -> CostTable:
    return CostTable(work=what[0], engine=what[1], **cost._asdict())


class Recorded:
    """A beamtime as it was.

    Attributes:
        id: of the beamtime.
        datasets: those with frames, the first seen first.
    """

    def __init__(self, ledger: Ledger, beamtime: str) -> None:
        self.id = beamtime_of(ledger, beamtime).id
        rows = [row for row in ledger.datasets(self.id) if _ended(row) is not None and row.n_announced > 0]
        self.datasets = sorted(rows, key=lambda row: (row.seen, row.id))
        if not self.datasets:
            detail = f"Beamtime {self.id} has no dataset with frames: there is nothing to simulate."
            raise failure(Failure.BAD_REQUEST, detail)
        self._lags, self._results = ledger.lags(self.id), ledger.results(beamtime=self.id)
        self._zero = self.datasets[0].seen

    def collected(self) -> tuple[Collected, ...]:
        """Its datasets, in seconds from the first."""
        return tuple(self._collected(row) for row in self.datasets)

    def described(self, description: Description) -> Description:
        """The description with the length, the delays and those works that this beamtime had."""
        hours = max(one.end for one in self.collected()) / 3600
        late = [lag for lag in self._lags if lag.last_frame and lag.planned >= lag.last_frame]
        early = [lag for lag in self._lags if lag not in late]
        delays = {
            "seen_s": _median(early, lambda lag: lag.seen, lambda lag: lag.planned),
            "notice_s": _median(late, lambda lag: lag.last_frame, lambda lag: lag.planned),
            "start_s": _median(late, lambda lag: lag.claimed, lambda lag: lag.first_frame or lag.started),
            "end_s": 0.0,  # its lags end with the result, not with the job
        }
        known = {name: seconds for name, seconds in delays.items() if seconds is not None}
        cluster = description.cluster.model_copy(update=known)
        title = f"beamtime {self.id} as it was"
        changes = {"hours": max(hours, 1e-3), "cluster": cluster, "title": title, "rules": self.rules()}
        return description.model_copy(update=changes)

    def rules(self) -> tuple[Rule, ...]:
        """What was done for which datasets, as rules; what was asked for again is left out."""
        kinds: defaultdict[tuple[WorkName, str, WorkClass], set[DatasetKind]] = defaultdict(set)
        frames: defaultdict[tuple[WorkName, str, WorkClass], set[int]] = defaultdict(set)
        rows = {row.id: row for row in self.datasets}
        for lag in self._lags:
            if lag.dataset in rows and lag.work_class is not WorkClass.RERUN:
                what = (lag.work, lag.engine, lag.work_class)
                kinds[what].add(rows[lag.dataset].kind)
                frames[what].add(rows[lag.dataset].n_announced)
        return tuple(
            Rule(
                name=f"{work.value} {engine} as it was"[:64],
                kinds=frozenset(kinds[work, engine, of]),
                on=Event.COMPLETE if of is WorkClass.FULL else Event.SEEN,
                work=work,
                engine=engine,
                work_class=of,
                min_frames=min(frames[work, engine, of]),
            )
            for work, engine, of in sorted(kinds)
        )

    def tails(self) -> Tails:
        """Median seconds from the last frame to the result, of work that had begun before it."""
        rows, ends = {row.id: row for row in self.datasets}, {row.job: row for row in self._results}
        found: defaultdict[tuple[WorkName, str, DatasetKind], list[float]] = defaultdict(list)
        for lag in self._lags:
            if lag.dataset not in rows or lag.job not in ends or lag.last_frame is None:
                continue
            if lag.claimed < lag.last_frame:
                seconds = (ends[lag.job].result.created - lag.last_frame).total_seconds()
                found[lag.work, lag.engine, rows[lag.dataset].kind].append(max(0.0, seconds))
        return {what: median(values) for what, values in found.items()}

    def compared(self, done: Sequence[Done]) -> tuple[LagCompared, ...]:
        """Lags as they were, beside simulated ones."""
        rows = {row.id: row for row in self.datasets}
        measured = measured_results(self._results, rows, self._lags)
        found = []
        for work_class in WorkClass:
            was = [seconds for one, _, seconds in measured if one is work_class]
            would = [max(0.0, one.lag) for one in done if one.work_class is work_class]
            if was and would:
                found.append(_compared(work_class, was, would))
        return tuple(found)

    def _collected(self, row: DatasetRow) -> Collected:
        begin = (row.seen - self._zero).total_seconds()
        ended = _ended(row)
        assert ended is not None  # noqa: S101 - others were left out
        end = max(begin, (ended - self._zero).total_seconds())
        last_file = max(1, row.n_announced // max(1, row.n_files))
        return Collected(row.kind, row.n_announced, begin, end, row.group, last_file)


def _ended(row: DatasetRow) -> datetime | None:
    return row.last_frame or row.ended


def _median(
    lags: Iterable[Lag],
    first: Callable[[Lag], datetime | None],
    then: Callable[[Lag], datetime | None],
) -> float | None:
    """Median seconds from one moment of an attempt to another; None where none has both."""
    found = []
    for lag in lags:
        begin, end = first(lag), then(lag)
        if begin and end:
            found.append(max(0.0, (end - begin).total_seconds()))
    return median(found) if found else None


def _compared(work_class: WorkClass, was: Sequence[float], would: Sequence[float]) -> LagCompared:
    return LagCompared(
        of=work_class.value,
        n=len(was),
        measured_median_s=percentile(was, 0.5),
        measured_p95_s=percentile(was, 0.95),
        simulated_median_s=percentile(would, 0.5),
        simulated_p95_s=percentile(would, 0.95),
    )
