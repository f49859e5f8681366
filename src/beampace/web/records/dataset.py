"""One dataset."""

from __future__ import annotations

from datetime import datetime

from beampace.web.answers import Told
from beampace.web.records.lines import AttemptLine, DatasetLine, ResultLine


class DatasetPage(Told):
    """A dataset with all that was done for it."""

    line: DatasetLine
    """As the list shows it."""
    master: str
    """Its master file, relative to the beamtime's `raw`, or as it was seen when it lies elsewhere."""
    kind_reason: str = ""
    """Why it was taken for that kind."""
    frame_time_s: float = 0.0
    """Seconds per frame."""
    ended: datetime | None = None
    """When it was complete or stopped."""
    last_frame: datetime | None = None
    """When its data files last grew."""
    n_files: int = 0
    """Data files its master names."""
    n_bytes: int = 0
    """Bytes of its data files."""
    failed_ranges: tuple[tuple[int, int], ...] = ()
    """Runs of frames that cannot be read, numbered from 1."""
    results: tuple[ResultLine, ...] = ()
    """Results, the newest first."""
    shown: int | None = None
    """Number of the result to look at: the recommended one, else the newest."""
    attempts: tuple[AttemptLine, ...] = ()
    """Attempts and jobs that wait, the newest job first."""
    engines: tuple[str, ...] = ()
    """Engines it can be processed with; none when it cannot be, or not by this viewer."""
    can_cancel: bool = False
    """Whether the viewer can end work of it."""
    last_event: int = 0
    """Id of the newest event this takes in: follow the events after it."""
