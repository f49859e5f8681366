"""Verdicts of results, of endings without a result, and of datasets of which there is no result yet."""

from __future__ import annotations

from beampace.core.job import JobState
from beampace.core.taxonomy import TAXONOMY, Failure
from beampace.core.tone import tone_of
from beampace.store import CatalogueRow, JobRow, ResultRow
from beampace.web.records.lines import Verdict


def verdict_of(row: ResultRow) -> Verdict:
    """The verdict of a result."""
    result = row.result
    return Verdict(
        code=result.code,
        words=result.words,
        next_step=str(result.summary.get("next_step", "")),
        warnings=tuple(map(str, result.summary.get("warnings", ()))),
        tone=tone_of(result.code),
    )


def ending_of(code: str, detail: str = "") -> Verdict:
    """An ending that left no result, in the taxonomy's words; the particulars behind them."""
    if code not in Failure.__members__.values():
        return Verdict(code=code, tone=tone_of(code))
    entry = TAXONOMY[Failure(code)]
    return Verdict(
        code=code, words=f"{entry.words} {detail}".strip(), next_step=entry.next_step, tone=tone_of(code)
    )


def standing_of(row: CatalogueRow) -> Verdict:
    """How a dataset stands: the verdict of the result to look at, else what it waits for."""
    if row.shown is not None:
        return verdict_of(row.shown)
    open_ = [job for job in row.jobs if job.state is not JobState.ENDED]
    if row.dataset.state == "growing":
        return Verdict(words=_collected(row))
    if open_:
        return Verdict(words=_worked_on(open_))
    if row.jobs:
        return _given_up(row.jobs[0])
    return Verdict(words="Nothing has been planned for it.", next_step="Ask for processing by hand.")


def _given_up(job: JobRow) -> Verdict:
    """A job that ended without a result: the table's next step is for its attempts, not for its end."""
    told = ending_of(job.code)
    if told.tone != "plain" or job.code == Failure.CANCELLED:
        return told
    return told.model_copy(update={"next_step": "Nothing more is tried by itself: process it again by hand."})


def _collected(row: CatalogueRow) -> str:
    frames = row.dataset.frames.readable
    if not row.dataset.n_announced:
        return f"Being collected: {frames} frames so far"
    return f"Being collected: {frames} of {row.dataset.n_announced} frames"


def _worked_on(open_: list[JobRow]) -> str:
    active = [job for job in open_ if job.state is JobState.ACTIVE]
    if not active:
        return "Waits for processing"
    return "Being processed" + (f" with {active[0].engine}" if active[0].engine else "")
