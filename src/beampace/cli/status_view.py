"""The status of the daemon on the terminal: troubles first, then what runs, waits and came out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from beampace.core.taxonomy import TAXONOMY, Exit, Failure
from beampace.core.work import WorkClass
from beampace.service.words import disk_words
from beampace.web import JobInfo, ResultInfo, StatusAnswer, TroubleInfo

_TONES = {
    Exit.SCIENCE: "yellow",
    Exit.BAD_INPUT: "red",
    Exit.INFRASTRUCTURE: "bold red",
    Exit.CANCELLED: "dim",
}


def status_view(status: StatusAnswer) -> RenderableType:
    """Everything, the most pressing first; nothing in it is taken for markup."""
    parts: list[RenderableType] = [_head(status)]
    if status.keeps_up:
        parts.append(Text(status.keeps_up))
    parts += [line for trouble in status.troubles for line in _trouble(trouble)]
    parts.append(Text(_datasets(status)))
    parts += _section("Running", _jobs(status.running, status.at), status.running)
    parts.append(Text(_waiting(status)))
    parts += _section("Next", _jobs(status.next, status.at), status.next)
    parts += _section("Results", _results(status.results, status.at), status.results)
    parts += [
        Text(f"Lag, {one.of}, {one.what}: median {one.median_s:.1f} s, p95 {one.p95_s:.1f} s", style="dim")
        for one in status.lags
    ]
    if status.disk is not None:
        parts.append(Text(disk_words(status.disk), style="bold red" if status.disk.only_results else "dim"))
    return Group(*parts)


def ago(since: datetime | None, now: datetime) -> str:
    """How long something has lasted, in words."""
    if since is None:
        return ""
    seconds = max(0.0, (now - since).total_seconds())
    for limit, divisor, unit in ((90, 1, "s"), (5400, 60, "min"), (129600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"


def _head(status: StatusAnswer) -> Text:
    tone = "bold green" if status.phase == "open" else "bold yellow"
    name = f"Beamtime {status.beamtime}" if status.beamtime else "No beamtime"
    title = f" ({status.title})" if status.title else ""
    at = status.at.astimezone().strftime("%a %H:%M:%S %Z")
    return Text.assemble((f"{name}{title}", "bold"), ": ", (status.phase, tone), f", {at}")


def _trouble(trouble: TroubleInfo) -> tuple[Text, ...]:
    words = Text.assemble(("! ", "bold red"), (f"{trouble.where}: {trouble.words}", "red"))
    return (words, Text(f"  Next: {trouble.next_step}")) if trouble.next_step else (words,)


def _datasets(status: StatusAnswer) -> str:
    counts = ", ".join(f"{number} {state}" for state, number in sorted(status.datasets.items()))
    return f"Datasets: {counts or 'none yet'}."


def _waiting(status: StatusAnswer) -> str:
    counts = [f"{status.waiting[name]} {name}" for name in WorkClass if status.waiting.get(name)]
    return f"Waiting: {', '.join(counts) or 'nothing'}."


def _section(title: str, table: Table, rows: Iterable[object]) -> tuple[RenderableType, ...]:
    return (Text(title, style="bold"), table) if tuple(rows) else ()


def _jobs(jobs: Iterable[JobInfo], now: datetime) -> Table:
    table = _table()
    for job in jobs:
        work = f"{job.work} {job.engine}".strip()
        tries = f"attempt {job.attempts}" if job.attempts > 1 else ""
        words = (
            job.work_class.value,
            _dataset(job),
            job.group,
            work,
            ago(job.since, now),
            job.forecast,
            tries,
        )
        table.add_row(*map(Text, words))
    return table


def _results(results: Iterable[ResultInfo], now: datetime) -> Table:
    table = _table()
    for one in results:
        table.add_row(
            Text(f"{ago(one.created, now)} ago"),
            Text(_dataset(one)),
            Text(one.group),
            Text(f"{one.work} {one.engine}".strip()),
            Text(one.words, style=tone(one.code)),
        )
    return table


def tone(code: str) -> str:
    """The style of a verdict: green for a result."""
    if code in Failure.__members__.values():
        return _TONES[TAXONOMY[Failure(code)].exit]
    return "green"


def _dataset(row: JobInfo | ResultInfo) -> str:
    return f"{row.place}/{row.name}" if row.place else row.name or f"dataset {row.dataset}"


def _table() -> Table:
    return Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
