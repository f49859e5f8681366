"""What the daemon answers, over its socket and over HTTP: one record per answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from beampace.core.errors import BeampaceError
from beampace.core.taxonomy import Failure
from beampace.core.work import WorkClass, WorkName


class Told(BaseModel):
    """What all records of answers share."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class ErrorAnswer(Told):
    """The request was not carried out."""

    answer: Literal["error"] = "error"
    code: Failure
    """Code of the taxonomy."""
    words: str
    """What happened, in plain words."""
    next_step: str
    """What to do about it."""
    detail: str = ""
    """The particulars alone."""

    @classmethod
    def of(cls, error: BeampaceError) -> ErrorAnswer:
        """The answer that tells of `error`."""
        return cls(code=error.code, words=error.words, next_step=error.next_step, detail=error.detail)


class PongAnswer(Told):
    """The daemon is there."""

    answer: Literal["pong"] = "pong"
    version: str
    """Of beampace."""
    pid: int
    """Process of the daemon."""
    started: datetime
    """When it started."""
    healthy: bool = True
    """Whether its loop turns."""
    tick_age_s: float | None = None
    """Seconds since its loop last ended a turn."""


class AnnounceAnswer(Told):
    """An announcement was taken."""

    answer: Literal["announced"] = "announced"
    news: Literal["new", "changed", "same", "not_yet"]
    """`not_yet`: the master is not there or not readable; it is waited for."""
    dataset: int | None = None
    """Number of the dataset, once its master was read."""
    words: str = ""
    """A sentence for the caller."""


class JobInfo(Told):
    """A job as lists show it."""

    key: str
    """Opaque key of the job."""
    dataset: int
    """Number of the dataset."""
    name: str = ""
    """Name of the dataset."""
    place: str = ""
    """Its directory below raw."""
    group: str = ""
    """Whose it is."""
    work: WorkName
    """What is done."""
    engine: str = ""
    """By which engine."""
    work_class: WorkClass
    """Who waits for it."""
    state: Literal["waiting", "active", "ended"]
    """Where it stands."""
    attempts: int = 0
    """Attempts started."""
    cores: int = 1
    """Cores it may use."""
    since: datetime | None = None
    """When it reached this state, as far as known."""
    forecast: str = ""
    """When its result may be expected, in words."""
    expected_s: float | None = None
    """Seconds until its result is expected, as far as that is known."""
    code: str = ""
    """How it ended."""
    detail: str = ""
    """Particulars of a failure."""


class ResultInfo(Told):
    """A result as lists show it."""

    id: int
    """Number of the result."""
    dataset: int
    """Number of the dataset."""
    name: str = ""
    """Name of the dataset."""
    place: str = ""
    """Its directory below raw."""
    group: str = ""
    """Whose it is."""
    work: WorkName
    """What was done."""
    engine: str = ""
    """By which engine."""
    code: str
    """Of the verdict."""
    words: str
    """The verdict."""
    next_step: str = ""
    """What to do next, for a failure."""
    directory: str
    """The result directory."""
    created: datetime
    """When it was made."""
    last_frame_to_result_s: float | None = None
    """Seconds from the last frame to the result."""
    summary: Mapping[str, object] = {}
    """What else lists show: space group, cell, resolution, ..."""


class TroubleInfo(Told):
    """Something staff should know."""

    where: str
    """Place or part."""
    words: str
    """What is wrong."""
    next_step: str = ""
    """What to do."""


class DiskInfo(Told):
    """Space for results."""

    path: str
    """Directory that was asked about."""
    free_bytes: int
    """Bytes that may still be written."""
    total_bytes: int
    """Bytes of the file system."""
    used_bytes: int = 0
    """Bytes of the results of the beamtime."""
    quota_bytes: int | None = None
    """Bytes the results may take."""
    only_results: bool = False
    """Whether nothing but results is kept because space is short."""


class ClusterInfo(Told):
    """Where jobs run, and how much of it is in use."""

    kind: Literal["local", "slurm"]
    """This machine, or Slurm."""
    words: str
    """Whether jobs can run, as a sentence."""
    account: str = ""
    """As whom and in which reservation, as a sentence; for staff and programs."""
    nodes: int = 0
    """Machines there are for attempts; 0 where nobody says, and for a group."""
    cores: int = 0
    """Cores there are for attempts in all; 0 where nobody says, and for a group."""
    kept: int = 0
    """Of them, those kept for urgent and live work."""
    in_use: Mapping[str, int] = {}
    """Class -> cores that attempts hold now, of those the viewer may see."""


class LagInfo(Told):
    """Seconds from one moment to another, over the work of a class."""

    of: str
    """Class of work."""
    what: str
    """Which moments."""
    n: int
    """How many were measured."""
    median_s: float
    """Median, seconds."""
    p95_s: float
    """95th percentile, seconds."""
    worst_s: float
    """Worst, seconds."""


class StatusAnswer(Told):
    """How things are."""

    answer: Literal["status"] = "status"
    at: datetime
    """When this was true."""
    beamtime: str = ""
    """Id; "" when there is none."""
    title: str = ""
    """Title of the beamtime."""
    phase: str
    """`none`, `open` or `closed`, or what the daemon knows more precisely."""
    keeps_up: str = ""
    """One line: whether processing keeps pace with the beam."""
    datasets: Mapping[str, int] = {}
    """State -> datasets."""
    waiting: Mapping[str, int] = {}
    """Class -> jobs that wait."""
    running: tuple[JobInfo, ...] = ()
    """Jobs with a living attempt."""
    next: tuple[JobInfo, ...] = ()
    """The first jobs that wait."""
    results: tuple[ResultInfo, ...] = ()
    """Last results, newest first."""
    lags: tuple[LagInfo, ...] = ()
    """Lag per class."""
    troubles: tuple[TroubleInfo, ...] = ()
    """What staff should know."""
    disk: DiskInfo | None = None
    """Space for results."""
    cluster: ClusterInfo | None = None
    """Where jobs run."""
    last_event: int = 0
    """Id of the newest event this takes in: follow the events after it."""


class JobsAnswer(Told):
    """Jobs."""

    answer: Literal["jobs"] = "jobs"
    jobs: tuple[JobInfo, ...]
    """The jobs asked for, or made."""
    words: str = ""
    """A sentence for the caller."""


class CancelAnswer(Told):
    """Jobs are being ended."""

    answer: Literal["cancelled"] = "cancelled"
    jobs: tuple[str, ...]
    """Keys of jobs that had not ended."""
    words: str = ""
    """A sentence for the caller."""


class AccountInfo(Told):
    """What a group used in a beamtime."""

    beamtime: str
    """Id of the beamtime."""
    group: str
    """Name of the group."""
    datasets: int
    """Datasets taken."""
    frames: int
    """Frames readable."""
    core_seconds: float
    """Cores that its attempts held, times seconds: by the cluster's own accounts, else as we measured it."""
    charged_core_seconds: float = 0.0
    """Of these, by the cluster's own accounts."""
    raw_bytes: int
    """Bytes of raw data."""
    result_bytes: int
    """Bytes of results."""


class AccountsAnswer(Told):
    """What each group used."""

    answer: Literal["accounts"] = "accounts"
    accounts: tuple[AccountInfo, ...]
    """One per group."""


class FailureInfo(Told):
    """Attempts and jobs that ended in one code."""

    code: str
    """Of the taxonomy."""
    count: int
    """Attempts."""
    jobs: int = 0
    """Jobs of which no attempt was started."""
    words: str
    """The table's words."""
    next_step: str
    """The table's next step."""


class DatasetBytes(Told):
    """Space a dataset takes."""

    dataset: int
    """Number of the dataset."""
    name: str
    """Its name."""
    place: str
    """Its directory below raw."""
    group: str
    """Whose it is."""
    raw_bytes: int
    """Bytes of its data files."""
    result_bytes: int
    """Bytes of its results."""


class ReportAnswer(Told):
    """A beamtime in numbers."""

    answer: Literal["report"] = "report"
    beamtime: str
    """Id of the beamtime."""
    title: str = ""
    """Its title."""
    opened: datetime
    """When it was first seen."""
    closed: datetime | None = None
    """When it ended."""
    made: datetime
    """When this was made."""
    datasets: Mapping[str, int]
    """State -> datasets."""
    jobs: Mapping[str, Mapping[str, int]]
    """Class -> state -> jobs."""
    results: int
    """Results written down."""
    attempts: int
    """Attempts started."""
    retries: int
    """Attempts after the first of a job."""
    lags: tuple[LagInfo, ...]
    """Lag per class."""
    lost: tuple[str, ...]
    """Pieces of work that ought to have a result and have none, as sentences."""
    doubled: tuple[str, ...]
    """Jobs with more than one result, as sentences."""
    misplaced: tuple[str, ...]
    """Results whose files are gone or belong to another job, as sentences."""
    unchecked: str = ""
    """Why the files were not checked, as a sentence; empty when they were."""
    failures: tuple[FailureInfo, ...]
    """Endings without a result."""
    accounts: tuple[AccountInfo, ...]
    """What each group used."""
    disk: DiskInfo | None = None
    """Space for results."""
    largest: tuple[DatasetBytes, ...] = ()
    """The datasets that take most space."""


class LinkAnswer(Told):
    """A link was made; it is told this once."""

    answer: Literal["link"] = "link"
    id: str
    """Names it where it is taken back."""
    address: str
    """Lets in whoever opens it."""
    expires: datetime
    """Until when."""


class PassInfo(Told):
    """A link or a screen on the wall."""

    id: str
    """Names it where it is taken back."""
    kind: Literal["link", "wall"]
    """`link` lets in once."""
    role: Literal["staff", "group", "wall"]
    """What it makes of its bearer."""
    beamtime: str
    """Of which beamtime, or ""."""
    group: str
    """Of which group, or ""."""
    made: datetime
    """When it was made."""
    expires: datetime
    """Until when it lets in."""
    used: datetime | None
    """When it last let somebody in."""
    state: Literal["lets in", "used", "revoked", "expired"]
    """Whether it lets in, and if not why."""
    note: str
    """What was written beside it."""


class SessionInfo(Told):
    """Somebody who is logged in."""

    id: str
    """Names it where it is ended."""
    kind: Literal["staff", "group", "wall"]
    """Of viewer."""
    beamtime: str
    """Of which beamtime, or ""."""
    group: str
    """Of which group, or ""."""
    way: Literal["link", "wall", "password"]
    """How he got in."""
    begun: datetime
    """When."""
    expires: datetime
    """Until when it lasts."""
    address: str
    """Where he was last seen."""


class PasswordInfo(Told):
    """That a group or staff have a password."""

    beamtime: str
    """Of which beamtime; "" for staff."""
    group: str
    """Of which group; "" for staff."""
    since: datetime
    """When it was set."""


class AccessAnswer(Told):
    """Links, screens, passwords and sessions."""

    answer: Literal["access"] = "access"
    passes: tuple[PassInfo, ...]
    """Links and screens, the newest first."""
    sessions: tuple[SessionInfo, ...]
    """Who is logged in, the newest first."""
    passwords: tuple[PasswordInfo, ...]
    """Who has a password."""


class DeedInfo(Told):
    """A line of the audit."""

    at: datetime
    """When."""
    viewer: str
    """Kind of viewer; `command` for commands, `stranger` for somebody not let in."""
    beamtime: str
    """Beamtime he is bound to, or ""."""
    group: str
    """Group he is bound to, or ""."""
    session: str
    """Number of his session."""
    address: str
    """Where he was."""
    deed: str
    """What he did."""
    what: str
    """To what."""
    detail: str
    """Particulars."""


class AuditAnswer(Told):
    """Who did what."""

    answer: Literal["audit"] = "audit"
    deeds: tuple[DeedInfo, ...]
    """The last first."""


class DoneAnswer(Told):
    """It was done."""

    answer: Literal["done"] = "done"
    words: str
    """What."""


Answer = Annotated[
    ErrorAnswer
    | PongAnswer
    | AnnounceAnswer
    | StatusAnswer
    | JobsAnswer
    | CancelAnswer
    | AccountsAnswer
    | ReportAnswer
    | LinkAnswer
    | AccessAnswer
    | AuditAnswer
    | DoneAnswer,
    Field(discriminator="answer"),
]

_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)


def parse_answer(line: bytes) -> Answer:
    """An answer from its JSON.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return _ANSWER.validate_json(line)
