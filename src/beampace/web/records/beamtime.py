"""A beamtime in numbers."""

from __future__ import annotations

from datetime import datetime

from beampace.web.answers import (
    AccountInfo,
    ClusterInfo,
    DiskInfo,
    FailureInfo,
    LagInfo,
    Told,
    TroubleInfo,
)
from beampace.web.records.now import KeepsUp


class LagSeries(Told):
    """Seconds from the last frame to the result, against time."""

    of: str
    """Class of work."""
    times: tuple[float, ...] = ()
    """When the result was made, seconds since the epoch."""
    seconds: tuple[float, ...] = ()
    """The lag."""


class FramesSeries(Told):
    """Frames so far, against time."""

    times: tuple[float, ...] = ()
    """Seconds since the epoch."""
    taken: tuple[int, ...] = ()
    """Frames taken until then."""
    processed: tuple[int, ...] = ()
    """Frames of datasets that had an answer by then."""


class JobsLine(Told):
    """Jobs of a class."""

    of: str
    """Class of work."""
    waiting: int = 0
    """Jobs that wait."""
    active: int = 0
    """Jobs with a living attempt."""
    ended: int = 0
    """Jobs that have ended."""


class BeamtimePage(Told):
    """A beamtime in numbers, as far as the viewer may see it."""

    at: datetime
    """When this was true."""
    beamtime: str = ""
    """Its id; "" when there is none."""
    title: str = ""
    """Its title."""
    phase: str = "none"
    """`open`, `draining`, `ending` or `closed`."""
    opened: datetime | None = None
    """When it was first seen."""
    closed: datetime | None = None
    """When it ended."""
    reason: str = ""
    """Why it ended."""
    keeps_up: KeepsUp = KeepsUp(words="", tone="plain")
    """Whether processing keeps pace with the beam."""
    lags: tuple[LagInfo, ...] = ()
    """Lag per class: median, 95th percentile and worst."""
    lag_series: tuple[LagSeries, ...] = ()
    """Lag over time, a series per class; at most 600 points each."""
    frames: FramesSeries = FramesSeries()
    """Frames taken against frames processed."""
    n_datasets: int = 0
    """Datasets."""
    n_results: int = 0
    """Results."""
    attempts: int = 0
    """Attempts started."""
    retries: int = 0
    """Attempts after the first of a job."""
    jobs: tuple[JobsLine, ...] = ()
    """Jobs by class."""
    failures: tuple[FailureInfo, ...] = ()
    """Endings without a result, the most frequent first."""
    cluster: ClusterInfo | None = None
    """Where jobs run, and how much of it is in use."""
    accounts: tuple[AccountInfo, ...] = ()
    """What each group used."""
    disk: DiskInfo | None = None
    """Space for results; for those who see all."""
    troubles: tuple[TroubleInfo, ...] = ()
    """What staff should know."""
    last_event: int = 0
    """Id of the newest event this takes in."""
