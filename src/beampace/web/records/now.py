"""What happens now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from beampace.core.tone import Tone
from beampace.web.answers import JobInfo, Told, TroubleInfo
from beampace.web.records.lines import DatasetLine, ResultLine
from beampace.web.stream.live import LiveDelta


class NowBeamtime(Told):
    """The beamtime."""

    id: str
    """Its id."""
    title: str = ""
    """Its title."""
    phase: str
    """`open`, `closed`, or what the daemon knows more precisely."""
    raw: str = ""
    """Where data are expected."""


class KeepsUp(Told):
    """Whether processing keeps pace with the beam."""

    words: str
    """One line."""
    tone: Tone
    """How it is shown."""
    lag_s: float | None = None
    """Age of the oldest frame that can be read and has no answer yet, seconds; null when there is none."""


class NextResult(Told):
    """The result that is expected first."""

    dataset: int
    """Number of the dataset."""
    words: str
    """Which one."""
    expected_s: float
    """Seconds until then."""
    expected_at: datetime
    """When that is."""


class RecentResult(Told):
    """A result that came lately."""

    name: str
    """Of the dataset."""
    sample: str = ""
    """Of the dataset."""
    line: ResultLine
    """The result."""


class NowPage(Told):
    """What happens now: the dataset being collected, what runs, what waits."""

    at: datetime
    """When this was true."""
    beamtime: NowBeamtime | None = None
    """The beamtime; null when there is none."""
    keeps_up: KeepsUp
    """Whether processing keeps pace with the beam."""
    collecting: DatasetLine | None = None
    """The dataset being collected, else the last one."""
    is_collecting: bool = False
    """Whether its frames still come."""
    live: LiveDelta | None = None
    """Values of its frames so far."""
    latest_frame: int | None = None
    """The last of its frames that was looked at."""
    running: tuple[JobInfo, ...] = ()
    """Jobs with a living attempt."""
    waiting: tuple[JobInfo, ...] = ()
    """The first jobs that wait."""
    next_result: NextResult | None = None
    """What is expected first, as far as that is known."""
    results: tuple[RecentResult, ...] = ()
    """Last results, the newest first."""
    troubles: tuple[TroubleInfo, ...] = ()
    """What staff should know; only for them."""
    datasets: Mapping[str, int] = {}
    """State -> datasets."""
    jobs: Mapping[str, int] = {}
    """Class -> jobs that wait."""
    last_event: int = 0
    """Id of the newest event this takes in."""
