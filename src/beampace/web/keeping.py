"""Whether processing keeps up with the beam; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from beampace.core.job import JobState
from beampace.core.tone import Tone
from beampace.core.work import WorkClass
from beampace.store import DatasetRow, JobRow

RAW_GONE = "Nothing can be said: raw/ is not there."
"""Instead of how processing keeps up, while no dataset can be seen."""

ALLOWED_S = {WorkClass.URGENT: 15.0, WorkClass.LIVE: 30.0, WorkClass.FULL: 120.0}
"""Seconds that frames may be without an answer of a class; full processing has as long as the scan took."""


class Keeping(NamedTuple):
    """How far behind, in words; whether that is well; seconds, None when nothing is open."""

    words: str
    tone: Tone
    lag_s: float | None


def keeping(jobs: Sequence[JobRow], datasets: Mapping[int, DatasetRow], now: datetime) -> Keeping:
    """Whether processing keeps up.

    Behind is the age of the oldest frame that can be read and has no answer yet. Of work that needs a whole
    dataset these are the seconds since its last frame came, or since it was planned if that was later. Of
    work that follows a dataset still growing it is the time the detector took for the frames that can be read
    and were not looked at yet, once it runs, and the time since it was planned while it waits. What people
    asked for afterwards does not count: the beam does not wait for it.

    Args:
        jobs: all that have not ended, of what the viewer may see.
        datasets: theirs.
        now: by the ledger's clock.
    """
    ours = [job for job in jobs if job.work_class is not WorkClass.RERUN]
    if not ours:
        return Keeping("Processing keeps up: nothing waits", "good", None)
    ages = [(age_s(job, datasets[job.dataset], now), job) for job in ours]
    lag = max(age for age, _ in ages)
    late = [job for age, job in ages if age > allowed_s(job, datasets[job.dataset])]
    if not late:
        return Keeping(f"Processing keeps up: {duration(lag)} behind", "good", lag)
    waiting = sum(job.state is JobState.WAITING for job in ours)
    rest = (
        f"; {waiting} job{'s' if waiting != 1 else ''} wait{'' if waiting != 1 else 's'}" if waiting else ""
    )
    return Keeping(f"Processing is {duration(lag)} behind{rest}", "fair", lag)


def age_s(job: JobRow, dataset: DatasetRow, now: datetime) -> float:
    """Age in seconds of the oldest frame that a job owes an answer for."""
    if dataset.state == "growing" and job.state is JobState.ACTIVE:
        owed = dataset.frames.readable - dataset.frames.analysed - dataset.frames.failed
        return max(0, owed) * max(0.0, dataset.frame_time_s)
    due = max(job.planned, dataset.last_frame or job.planned)
    return max(0.0, (now - due).total_seconds())


def allowed_s(job: JobRow, dataset: DatasetRow) -> float:
    """Seconds within which a job keeps up; full processing has until another scan as long would end."""
    allowed = ALLOWED_S.get(job.work_class, 0.0)
    if job.work_class is WorkClass.FULL:
        return max(allowed, dataset.n_announced * dataset.frame_time_s)
    return allowed


def duration(seconds: float) -> str:
    """Seconds in words."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole / 3600:.1f} h"
