"""Values per frame of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from beampace.core.work import WorkName
from beampace.results.look_schema import LookFrames, State, Useful
from beampace.results.schema import Column
from beampace.web.answers import Told


class ColumnsPage(Told):
    """Values per frame, from the newest look or map; from the one that runs while one does."""

    dataset: int
    """Number of the dataset."""
    work: WorkName | None = None
    """`look` or `map`; null when there is neither."""
    job: str = ""
    """Key of the job."""
    result: int | None = None
    """Number of the result; null while the work runs."""
    state: State | None = None
    """`running` while frames come."""
    updated: datetime | None = None
    """When it was written."""
    frames: LookFrames | None = None
    """How far it is."""
    useful_range: Useful | None = None
    """For a rotation scan, once every frame was looked at."""
    warnings: tuple[str, ...] = ()
    """What was put right or done without."""
    columns: Mapping[str, Column] = {}
    """Columns of equal length, one row per frame that was looked at or cannot be read, as in `look.json`."""
    words: str = ""
    """Why there are none, as a sentence."""
