"""From `result.json` to what the ledger keeps of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from beampace.results import Result
from beampace.results.doubt import doubt_of
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


def summary_of(result: Result) -> dict[str, Any]:
    """What lists show of a result; empty where nothing was merged."""
    verdict = result.verdict
    found: dict[str, Any] = {"next_step": verdict.next_step, "files": dict(result.files)}
    if verdict.warnings:
        found["warnings"] = list(verdict.warnings)
    if result.crystal is not None:
        found |= {
            "space_group": result.crystal.space_group,
            "candidates": list(result.crystal.space_group_candidates),
            "sure": result.crystal.space_group_sure,
            "cell": list(result.crystal.unit_cell),
        }
    if result.statistics is not None:
        overall = result.statistics.overall
        names = ("d_min", "completeness", "multiplicity", "r_meas", "cc_half", "mean_i_over_sigma", "cc_anom")
        found |= {name: getattr(overall, name) for name in names}
    if asked := asked_for(result):
        found["asked"] = asked
    if doubt := doubt_of(result):
        found["doubt"] = doubt
    return found


def asked_for(result: Result) -> list[str]:
    """What was not left to the engine."""
    asked = result.parameters.asked
    return [name for name in ("space_group", "d_min") if getattr(asked, name) is not None]


def frame_counts(result: Result) -> FrameCounts | None:
    """Frame counts of the ledger after `result`, or None when it knows of none."""
    if result.dataset is None:
        return None
    frames = result.dataset.frames
    lost = tuple((run.first, run.last) for run in frames.lost)
    failed = sum(last - first + 1 for first, last in lost)
    looked = frames.usable if result.work in ("look", "map") else 0
    return FrameCounts(frames.announced, frames.usable, looked, failed, lost)
