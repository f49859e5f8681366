"""Lines of datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from beampace.core.job import JobState, exit_of
from beampace.core.taxonomy import Exit
from beampace.core.work import WorkName
from beampace.results.agreement import agreement
from beampace.results.candidate import compared
from beampace.store import CatalogueRow, DatasetRow, ResultRow
from beampace.web.lines.candidates import candidate_of
from beampace.web.lines.crystals import crystal_line
from beampace.web.lines.results import name_of
from beampace.web.lines.verdicts import standing_of
from beampace.web.records.lines import Agreement, CrystalLine, DatasetLine, FrameNumbers


def dataset_line(row: CatalogueRow) -> DatasetLine:
    """A dataset as lists show it."""
    one, best = row.dataset, _recommended(row)
    look, map_ = _has(row, WorkName.LOOK), _has(row, WorkName.MAP)
    return DatasetLine(
        id=one.id,
        beamtime=one.beamtime,
        group=one.group,
        sample=one.sample,
        name=one.name,
        place=one.place,
        kind=one.kind,
        state=cast(Literal["growing", "complete", "stopped"], one.state),
        seen=one.seen,
        collected=one.collected,
        frames=frame_numbers(one),
        verdict=standing_of(row),
        crystal=crystal_line(row.shown.result.summary) if row.shown else CrystalLine(),
        agreement=agreement_of(row),
        recommended=best.id if best else None,
        recommended_name=name_of(best) if best else "",
        reason=row.recommendation.reason if best and row.recommendation else "",
        work=_work(row),
        has_look=look,
        has_map=map_,
        thumbnail=look or map_ or one.frames.readable > 0,
    )


def frame_numbers(one: DatasetRow) -> FrameNumbers:
    """Frames of a dataset."""
    frames = one.frames
    announced = max(one.n_announced, frames.announced)
    return FrameNumbers(
        announced=announced, readable=frames.readable, analysed=frames.analysed, failed=frames.failed
    )


def agreement_of(row: CatalogueRow) -> Agreement:
    """Between engines, by the results that speak for them of the dataset as it is now."""
    speaking = compared(map(candidate_of, row.results), row.dataset.generation)
    agreed = agreement([one.said for one in speaking if one.said is not None])
    return Agreement(tone=agreed.tone, words=agreed.words)


def _recommended(row: CatalogueRow) -> ResultRow | None:
    number = row.recommendation.result if row.recommendation else None
    return next((one for one in row.results if one.id == number), None)


def _has(row: CatalogueRow, work: WorkName) -> bool:
    """Whether some work has left something, or is about to."""
    ended = any(
        one.work is work and exit_of(one.result.code) in (Exit.RESULT, Exit.SCIENCE) for one in row.results
    )
    return ended or any(job.work is work and job.state is JobState.ACTIVE for job in row.jobs)


def _work(row: CatalogueRow) -> Mapping[str, str]:
    """Work that is not done yet, the longest planned first."""
    open_ = [job for job in reversed(row.jobs) if job.state is not JobState.ENDED]
    return {
        f"{job.work.value} {job.engine}".strip(): "running" if job.state is JobState.ACTIVE else "waiting"
        for job in open_
    }
