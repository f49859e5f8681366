"""Lines of lists: a dataset, a result, an attempt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from beampace.core.dataset import DatasetKind
from beampace.core.tone import Tone
from beampace.core.work import WorkClass, WorkName
from beampace.web.answers import Told


class Verdict(Told):
    """How it stands, in plain words."""

    code: str = ""
    """Of the verdict; "" while nothing is known."""
    words: str = ""
    """One or two sentences."""
    next_step: str = ""
    """What to do now."""
    warnings: tuple[str, ...] = ()
    """What is true of the result and should be known, as sentences."""
    tone: Tone = "plain"
    """How it is shown."""


class FrameNumbers(Told):
    """Frames of a dataset."""

    announced: int = 0
    """Frames the detector was armed for."""
    readable: int = 0
    """Of them, those that can be or were read."""
    analysed: int = 0
    """Of them, those that were looked at."""
    failed: int = 0
    """Frames that cannot be read."""


class CrystalLine(Told):
    """What lists show of a crystal and its data."""

    space_group: str = ""
    """Symbol, or all that the data cannot tell apart, joined by "or"."""
    sure: bool = False
    """Whether one space group is left."""
    cell: tuple[float, ...] = ()
    """a, b, c, alpha, beta, gamma."""
    d_min: float | None = None
    """Resolution."""
    completeness: float | None = None
    """0 to 1."""
    multiplicity: float | None = None
    """Observations per unique reflection."""
    r_meas: float | None = None
    """Of all data."""
    cc_half: float | None = None
    """Of all data."""
    i_over_sigma: float | None = None
    """Mean <I>/sigma(<I>) of all data."""
    cc_anom: float | None = None
    """Correlation of the anomalous differences of half data sets."""
    anomalous: str = ""
    """The anomalous signal in words: `strong`, `weak`, `none seen`, "" when not known."""


class Agreement(Told):
    """Whether the engines say the same."""

    tone: Tone = "plain"
    """How it is shown."""
    words: str = ""
    """Such as `dials and xds agree`; "" with fewer than two engines."""


class ResultLine(Told):
    """A result."""

    id: int
    """Number of the result."""
    dataset: int
    """Number of the dataset."""
    name: str
    """Of its directory, such as `process_001`."""
    work: WorkName
    """What was done."""
    engine: str = ""
    """By which engine."""
    verdict: Verdict
    """How it ended."""
    created: datetime
    """When it was made."""
    frames_used: tuple[int, int] | None = None
    """First and last frame it was made from."""
    crystal: CrystalLine = CrystalLine()
    """Empty where nothing was merged."""
    recommended: bool = False
    """Whether it is the one to use."""
    last_frame_to_result_s: float | None = None
    """Seconds from the last frame to the result."""
    wishes: str = ""
    """What was asked for when it was a reprocessing, in words."""


class AttemptLine(Told):
    """An attempt of a job, or a job that has none yet."""

    job: str
    """Opaque key of the job."""
    number: int = 0
    """Of the attempt, from 1; 0 for a job that waits for its first."""
    work: WorkName
    """What is done."""
    engine: str = ""
    """By which engine."""
    work_class: WorkClass
    """Who waits for it."""
    state: Literal["waiting", "starting", "running", "ended"]
    """Where it stands."""
    began: datetime | None = None
    """When it was given to the cluster."""
    ended: datetime | None = None
    """When it ended."""
    seconds: float | None = None
    """How long it ran."""
    cores: int = 0
    """Cores it has or had."""
    verdict: Verdict = Verdict()
    """How it ended, in plain words."""
    detail: str = ""
    """Particulars of a failure."""
    wishes: str = ""
    """What was asked for, in words."""
    can_cancel: bool = False
    """Whether it can still be ended."""


class DatasetLine(Told):
    """A dataset as the list shows it."""

    id: int
    """Number of the dataset."""
    beamtime: str
    """Id of its beamtime."""
    group: str
    """Whose it is."""
    sample: str = ""
    """Sample, as announced or read from the path."""
    name: str
    """Prefix of its files."""
    place: str
    """Its directory below raw."""
    kind: DatasetKind
    """What it is."""
    state: Literal["growing", "complete", "stopped"]
    """Whether frames still come."""
    seen: datetime
    """When it was first seen."""
    collected: datetime | None = None
    """When its first image was taken, by its file."""
    frames: FrameNumbers
    """How many there are."""
    verdict: Verdict = Verdict()
    """Of the result to use, else of the newest one."""
    crystal: CrystalLine = CrystalLine()
    """Of the same result."""
    agreement: Agreement = Agreement()
    """Between engines."""
    recommended: int | None = None
    """Number of the result to use."""
    recommended_name: str = ""
    """Of its directory."""
    reason: str = ""
    """Why that one."""
    work: Mapping[str, str] = {}
    """What is not done yet: `process dials` -> `running` or `waiting`."""
    has_look: bool = False
    """Whether there are values per frame."""
    has_map: bool = False
    """Whether there is a heat map."""
    thumbnail: bool = False
    """Whether there is something to show as a small picture."""
