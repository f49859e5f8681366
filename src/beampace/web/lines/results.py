"""Lines of results."""

from __future__ import annotations

from pathlib import PurePath

from beampace.store import CatalogueRow, JobRow, ResultRow
from beampace.web.lines.crystals import crystal_line
from beampace.web.lines.verdicts import verdict_of
from beampace.web.lines.wishes import wishes_words
from beampace.web.records.lines import ResultLine


def result_lines(row: CatalogueRow) -> tuple[ResultLine, ...]:
    """All results of a dataset, the newest first."""
    jobs = {job.key: job for job in row.jobs}
    best = row.recommendation.result if row.recommendation else None
    return tuple(result_line(one, jobs.get(one.job), recommended=one.id == best) for one in row.results)


def result_line(row: ResultRow, job: JobRow | None = None, *, recommended: bool = False) -> ResultLine:
    """A result; its job says what was asked for."""
    result = row.result
    return ResultLine(
        id=row.id,
        dataset=row.dataset,
        name=name_of(row),
        work=row.work,
        engine=row.engine,
        verdict=verdict_of(row),
        created=result.created,
        frames_used=result.frames_used,
        crystal=crystal_line(result.summary),
        recommended=recommended,
        last_frame_to_result_s=result.last_frame_to_result_s,
        wishes=wishes_words(job),
    )


def name_of(row: ResultRow) -> str:
    """The name of its directory."""
    return PurePath(row.result.directory).name
