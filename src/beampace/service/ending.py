"""From `result.json` to what the ledger keeps of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from beampace.results import Result
from beampace.results.shown import summary_of
from beampace.store import FrameCounts, NewResult
from beampace.work.tidy import bytes_of


def new_result(key: str, result: Result, directory: Path, now: datetime) -> NewResult:
    """The row of a result."""
    frames = result.dataset.frames if result.dataset else None
    return NewResult(
        job=key,
        directory=str(directory),
        code=result.verdict.code,
        words=result.verdict.words,
        frames_used=frames.used if frames else None,
        usable=frames.usable if frames else 0,
        announced=frames.announced if frames else 0,
        summary=summary_of(result),
        n_bytes=bytes_of(directory),
        last_frame_to_result_s=result.timing.get("last_frame_to_result_s"),
        created=result.created or now,
    )


def frame_counts(result: Result) -> FrameCounts | None:
    """Frame counts of the ledger after `result`, or None when it knows of none."""
    if result.dataset is None:
        return None
    frames = result.dataset.frames
    lost = tuple((run.first, run.last) for run in frames.lost)
    failed = sum(last - first + 1 for first, last in lost)
    looked = frames.usable if result.work in ("look", "map") else 0
    return FrameCounts(frames.announced, frames.usable, looked, failed, lost)
