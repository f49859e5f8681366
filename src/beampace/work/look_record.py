"""From what is known of the frames to `look.json`; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from beampace.analysis import FrameAnalysis, FrameVerdict, UsefulRange, judge_dataset
from beampace.core.dataset import Dataset
from beampace.core.frames import FrameFailure
from beampace.results.look_schema import Look, LookedAt, LookFrames, State, Useful
from beampace.work.look_frames import Looked

FAILED = "failed"
Columns = dict[str, tuple[int | float | str | None, ...]]

_VALUES = (
    "verdict", "spots", "spots_all", "d_min", "background", "intensity", "total_counts", "max_count",
    "saturated_pixels", "overloaded", "ice_score", "ice_rings", "powder_rings",
)  # fmt: skip


def columns_of(state: Looked) -> Columns:
    """Values per frame that was analysed or has failed, in the order of the frames."""
    ordered = state.ordered()
    verdicts = judge_dataset(ordered)
    rows = {a.number: _row(a, verdict) for a, verdict in zip(ordered, verdicts, strict=True)}
    rows |= {number: _failed(number, why) for number, why in state.failures.items()}
    names = ("frame", *_VALUES, "reason")
    table = [rows[number] for number in sorted(rows)]
    if not table:
        return dict.fromkeys(names, ())
    return dict(zip(names, zip(*table, strict=True), strict=True))


def look_record(
    state: Looked,
    columns: Columns,
    now: datetime,
    seconds: float,
    *,
    as_state: State,
    useful: Useful | None = None,
) -> Look:
    """The content of `look.json`.

    Args:
        state: what is known.
        columns: from `columns_of`.
        now: UTC.
        seconds: since the first frame was begun.
        as_state: how far the work is.
        useful: of a rotation scan.
    """
    return Look(
        state=as_state,
        updated=now,
        dataset=looked_at(state.container.dataset),
        frames=frames_of(state, seconds),
        useful_range=useful,
        hot_pixels=int(state.setup.hot.shape[0]),
        warnings=tuple(state.remarks),
        columns=columns,
    )


def looked_at(dataset: Dataset) -> LookedAt:
    """The dataset in short."""
    return LookedAt(
        id=dataset.id,
        name=dataset.name,
        path=str(dataset.master),
        kind=dataset.kind.value,
        width_deg=dataset.scan.width,
    )


def frames_of(state: Looked, seconds: float) -> LookFrames:
    """How far the look is, and how fast."""
    waiting = max(0, state.n_frames - state.n_done)
    rate = len(state.analyses) / seconds if seconds > 0 and state.analyses else None
    return LookFrames(
        announced=state.container.dataset.n_announced,
        first=state.first,
        last=state.last,
        analysed=len(state.analyses),
        failed=len(state.failures),
        waiting=waiting,
        per_second=None if rate is None else round(rate, 2),
        time_left_s=round(waiting / rate, 1) if rate and waiting else None,
    )


def useful_of(found: UsefulRange) -> Useful:
    """The published form of a useful range."""
    return Useful(first=found.first, last=found.last, ending=found.ending.value, reason=found.reason)


def _row(analysis: FrameAnalysis, verdict: FrameVerdict) -> Sequence[Any]:
    return (
        analysis.number,
        verdict.value,
        analysis.n_spots_good,
        analysis.n_spots,
        _rounded(analysis.d_min, 3),
        _rounded(analysis.background, 5),
        _rounded(analysis.intensity, 1),
        analysis.total_counts,
        analysis.max_count,
        analysis.saturated_pixels,
        analysis.n_overloaded,
        _rounded(analysis.ice_score, 3),
        int(analysis.ice),
        int(analysis.powder),
        None,
    )


def _failed(number: int, why: FrameFailure) -> Sequence[Any]:
    blanks = (None,) * (len(_VALUES) - 1)
    return (number, FAILED, *blanks, f"{why.code.value}: {why.detail}")


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)
