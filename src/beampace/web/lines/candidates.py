"""Results of the ledger as the recommendation and the comparison of engines see them."""

from __future__ import annotations

from beampace.results.agreement import said_of
from beampace.results.candidate import Candidate
from beampace.store import ResultRow
from beampace.web.lines.results import name_of


def candidate_of(row: ResultRow) -> Candidate:
    """A result as the choice sees it."""
    result, summary = row.result, row.result.summary
    return Candidate(
        name=name_of(row),
        work=row.work.value,
        engine=row.engine,
        code=result.code,
        generation=row.generation,
        n_frames=_n_frames(row),
        created=result.created,
        d_min=summary.get("d_min"),
        completeness=summary.get("completeness"),
        cc_half=summary.get("cc_half"),
        r_meas=summary.get("r_meas"),
        friedel_apart=bool(summary.get("friedel_apart")),
        said=said_of(row.engine, summary) if summary.get("cell") else None,
        doubts=summary.get("doubts", {}),
    )


def _n_frames(row: ResultRow) -> int:
    used = row.result.frames_used
    return row.result.usable if used is None else used[1] - used[0] + 1
