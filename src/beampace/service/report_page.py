"""The report of a beamtime as one HTML file that needs neither network nor scripts, and as CSV."""

from __future__ import annotations

import csv
import io

import jinja2

from beampace.results.report import Badge, moment
from beampace.service.words import disk_words, lasted, size
from beampace.web import AccountInfo, ReportAnswer

ACCOUNT_FIELDS = tuple(AccountInfo.model_fields)
ACCOUNT_HEADS = ("group", "datasets", "frames", "core hours", "by the cluster", "raw", "results")
ACCOUNT_WORDS = (
    "Core hours are cores that attempts held, times hours: the cluster's own figure where its accounts have "
    "one (the next column says how much of the sum), else as we measured it. "
    "Held nodes that idle are nobody's."
)


def report_page(report: ReportAnswer) -> str:
    """The text of the page; everything in it is escaped."""
    return (
        _environment()
        .get_template("beamtime.html.j2")
        .render(
            report=report,
            head=report_badge(report),
            words=report_words(report),
            lasted=lasted(report.opened, report.closed),
            made=moment(report.made),
            tiles=tiles(report),
            lags=lag_rows(report),
            jobs=job_rows(report),
            failures=[(one.code, one.count, one.jobs, one.words, one.next_step) for one in report.failures],
            account_heads=ACCOUNT_HEADS,
            account_words=ACCOUNT_WORDS,
            accounts=account_rows(report.accounts),
            disk=disk_words(report.disk) if report.disk else "",
            largest=[
                (f"{one.place}/{one.name}", one.group, size(one.raw_bytes), size(one.result_bytes))
                for one in report.largest
            ],
        )
    )


def accounts_csv(accounts: tuple[AccountInfo, ...]) -> str:
    """Accounts as CSV with a head line; a name that a spreadsheet would take for a formula is quoted by '."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ACCOUNT_FIELDS)
    for one in accounts:
        writer.writerow([_plain(value) for value in one.model_dump().values()])
    return text.getvalue()


def report_badge(report: ReportAnswer) -> Badge:
    """The report at a glance."""
    if report.lost or report.doubled or report.misplaced:
        return Badge("Something is wrong", "×", "poor")
    if report.unchecked:
        return Badge("The ledger is in order, the files were not checked", "✓", "good")
    return Badge("Nothing lost, nothing doubled", "✓", "good")


def report_words(report: ReportAnswer) -> str:
    """The report in one sentence, and a second one when the files were not checked."""
    words = (
        f"{sum(report.datasets.values())} datasets, {report.results} results; "
        f"lost {len(report.lost)}, doubled {len(report.doubled)}, out of place {len(report.misplaced)}."
    )
    return f"{words} {report.unchecked}".strip()


def tiles(report: ReportAnswer) -> list[tuple[str, str, str]]:
    """Key figures: label, figure, small print."""
    datasets = ", ".join(f"{number} {state}" for state, number in sorted(report.datasets.items()))
    return [
        ("Datasets", str(sum(report.datasets.values())), datasets),
        ("Results", str(report.results), ""),
        ("Attempts", str(report.attempts), f"{report.retries} of them retries"),
        ("Lost", str(len(report.lost)), ""),
        ("Doubled", str(len(report.doubled)), ""),
    ]


def lag_rows(report: ReportAnswer) -> list[tuple[str, str, str, str, str, str]]:
    """Class, what, number, median, p95, worst."""
    return [
        (one.of, one.what, str(one.n), f"{one.median_s:.2f}", f"{one.p95_s:.2f}", f"{one.worst_s:.2f}")
        for one in report.lags
    ]


def job_rows(report: ReportAnswer) -> list[tuple[str, ...]]:
    """Class, and jobs in each state."""
    states = ("waiting", "active", "ended")
    return [
        (work_class, *(str(by_state.get(state, 0)) for state in states))
        for work_class, by_state in report.jobs.items()
    ]


def account_rows(accounts: tuple[AccountInfo, ...]) -> list[tuple[str, ...]]:
    """Group, datasets, frames, core hours, of these by the cluster's accounts, raw and result bytes."""
    return [
        (
            one.group,
            str(one.datasets),
            str(one.frames),
            core_hours(one.core_seconds),
            core_hours(one.charged_core_seconds),
            size(one.raw_bytes),
            size(one.result_bytes),
        )
        for one in accounts
    ]


def core_hours(core_seconds: float) -> str:
    """Core hours for people: `0.25`, `1,234`, `12.3 thousand`, `1.2 million`."""
    hours = core_seconds / 3600
    if hours < 99.995:
        return f"{hours:.2f}"
    if hours < 9999.5:
        return f"{hours:,.0f}"
    return f"{hours / 1e3:.1f} thousand" if hours < 999_950 else f"{hours / 1e6:.1f} million"


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _environment() -> jinja2.Environment:
    """Templates of this room, then those of the results for the style sheet; everything escaped."""
    places = (jinja2.PackageLoader("beampace.service"), jinja2.PackageLoader("beampace.results"))
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(places),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
