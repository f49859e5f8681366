"""`beampace report`: the page of a beamtime, from the daemon or, without one, from its ledger."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beampace.cli.calling import Where, call, made, told
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure
from beampace.results.write import write_text
from beampace.service.report import report_of
from beampace.service.report_page import (
    ACCOUNT_HEADS,
    ACCOUNT_WORDS,
    account_rows,
    accounts_csv,
    job_rows,
    lag_rows,
    report_badge,
    report_page,
    report_words,
)
from beampace.service.words import disk_words, lasted
from beampace.web import ReportAnswer, ReportRequest

PATIENCE_S = 120.0
_STYLES = {"good": "bold green", "poor": "bold red"}


@dataclass(frozen=True, slots=True)
class Reported:
    """What was typed: the beamtime, "" for the open or last one; where the page and the accounts go."""

    beamtime: str = ""
    html: Path | None = None
    accounts: Path | None = None


def report_command(where: Where, typed: Reported, *, json: bool) -> int:
    """Carry out the command; returns the exit code."""

    def answer() -> ReportAnswer:
        report = report_from(where, typed.beamtime)
        if typed.html is not None:
            write_text(typed.html, report_page(report))
        if typed.accounts is not None:
            write_text(typed.accounts, accounts_csv(report.accounts))
        return report

    def show(console: Console, report: ReportAnswer) -> None:
        show_report(console, report)
        for path in filter(None, (typed.html, typed.accounts)):
            console.print(Text(str(path)), soft_wrap=True)

    return told(answer, show, json=json)


def report_from(where: Where, beamtime: str) -> ReportAnswer:
    """The report by the daemon; by reading its ledger when none runs.

    Raises:
        BeampaceError: there is no such beamtime, or neither daemon nor ledger.
    """
    request = made(ReportRequest, beamtime=beamtime)
    try:
        return call(where, request, ReportAnswer, PATIENCE_S)
    except InfrastructureError as error:
        if error.code is not Failure.DAEMON_MISSING:
            raise
        return _from_ledger(where, beamtime)


def _from_ledger(where: Where, beamtime: str) -> ReportAnswer:
    from beampace.service.ledger_place import existing_ledger

    with existing_ledger(where.directory(), where.config) as ledger:
        sys.stderr.write("No daemon runs; its ledger is read.\n")
        return report_of(ledger, beamtime)


def show_report(console: Console, report: ReportAnswer) -> None:
    """The report on the terminal."""
    badge = report_badge(report)
    console.print(Text(f"Beamtime {report.beamtime} {report.title}".strip(), style="bold"), soft_wrap=True)
    console.print(Text(lasted(report.opened, report.closed)))
    console.print(Text(f"{badge.sign} {report_words(report)}", style=_STYLES[badge.tone]), soft_wrap=True)
    for line in (*report.lost, *report.doubled, *report.misplaced)[:20]:
        console.print(Text(f"  {line}", style="red"), soft_wrap=True)
    console.print(Text(f"{report.attempts} attempts, {report.retries} of them retries."))
    _table(console, "Lag, seconds", ("class", "from ... to", "n", "median", "p95", "worst"), lag_rows(report))
    _table(console, "Work", ("class", "waiting", "active", "ended"), job_rows(report))
    failures = [(one.code, str(one.count), str(one.jobs), one.words) for one in report.failures]
    _table(
        console, "Endings without a result", ("code", "attempts", "never started", "what it means"), failures
    )
    _table(console, "Groups", ACCOUNT_HEADS, account_rows(report.accounts))
    if report.accounts:
        console.print(Text(ACCOUNT_WORDS))
    if report.disk is not None:
        console.print(Text(disk_words(report.disk)), soft_wrap=True)


def _table(console: Console, title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    if not rows:
        return
    table = Table(title=title, title_style="bold", title_justify="left", box=None, pad_edge=False)
    for head in heads:
        left = head in ("class", "from ... to", "code", "what it means", "group")
        table.add_column(head, justify="left" if left else "right")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
