"""Rows of the ledger as plain frozen records. Moments are aware and in UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from beampace.core.dataset import DatasetKind
from beampace.core.job import AttemptState, ExitRecord, JobState
from beampace.core.work import WorkClass, WorkName


@dataclass(frozen=True, slots=True)
class BeamtimeRow:
    """A beamtime.

    Attributes:
        id: beamtime id or commissioning tag.
        root: directory that holds `raw` and `processed`, as this machine sees it.
        title: of the proposal, or "".
        opened: when it was first seen.
        closed: when it ended, or None.
        reason: why it ended, or "".
        root_id: which directory `root` was when the beamtime was last opened there, or "": another beamtime
            may have the same root later.
        core_path: its directory on the core file system, or "".
    """

    id: str
    root: str
    title: str
    opened: datetime
    closed: datetime | None = None
    reason: str = ""
    root_id: str = ""
    core_path: str = ""


def current(beamtimes: Iterable[BeamtimeRow]) -> BeamtimeRow | None:
    """The open one of some beamtimes, else the one that ended last; None when there is none."""
    return max(
        beamtimes, key=lambda row: (row.closed is None, row.closed or row.opened, row.opened), default=None
    )


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """Counts and ranges of frames; ranges are runs (first, last), numbered from 1.

    Counts only rise: `readable` are the frames that can be or were read, `analysed` those of them that were.
    """

    announced: int = 0
    readable: int = 0
    analysed: int = 0
    failed: int = 0
    failed_ranges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A dataset as the ledger knows it.

    Attributes:
        id: number of the row.
        beamtime, identity: together unique.
        generation: how often it grew after it seemed finished, from 0.
        state: `growing`, `complete` (all frames), `stopped` (no frame came for a while).
        files_mark: opaque text of the names and sizes of its data files as last listed.
        n_bytes: bytes of its data files as last listed.
        seen, ended: when it was first seen; when it was complete or stopped, or None.
        last_frame: when its data files last grew in number or bytes, or None.
        n_files: data files its master names; `n_listed`: those that were there when last listed.
    """

    id: int
    beamtime: str
    identity: str
    path: str
    place: str
    name: str
    kind: DatasetKind
    kind_reason: str
    group: str
    sample: str
    state: str
    generation: int
    n_announced: int
    n_files: int
    frame_time_s: float
    collected: datetime | None
    seen: datetime
    ended: datetime | None
    last_frame: datetime | None
    files_mark: str
    n_bytes: int
    frames: FrameCounts = field(default_factory=FrameCounts)
    n_listed: int = 0


@dataclass(frozen=True, slots=True)
class Observed:
    """What a sighting made of a dataset: `new`, `changed` (path, kind, frames...), or the `same`."""

    dataset: DatasetRow
    news: Literal["new", "changed", "same"]


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job to be written down."""

    key: str
    work: WorkName
    engine: str
    work_class: WorkClass
    cores: int
    memory_mb: int
    time_s: int
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job. `attempts` is how many were started; `not_before` delays the next one.

    `cores`, `memory_mb`, `time_s`: as planned, and once an attempt was started what it was given.
    """

    key: str
    dataset: int
    beamtime: str
    group: str
    generation: int
    work: WorkName
    engine: str
    work_class: WorkClass
    cores: int
    memory_mb: int
    time_s: int
    options: Mapping[str, Any]
    state: JobState
    code: str
    detail: str
    attempts: int
    cancel_wanted: bool
    planned: datetime
    not_before: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt: where it runs and how it ended.

    `first_frame` is when the work had first opened a frame, `started` when its launcher began, `cores` what
    it was given, `n_bytes` the size of a result directory it left that became no result,
    `charged_core_seconds` what it cost by the cluster's own accounts, None while they say nothing.
    """

    job: str
    number: int
    cluster: str
    native_id: str
    directory: str
    state: AttemptState
    code: str
    detail: str
    claimed: datetime
    submitted: datetime | None = None
    started: datetime | None = None
    first_frame: datetime | None = None
    ended: datetime | None = None
    usage: ExitRecord | None = None
    cores: int = 1
    n_bytes: int = 0
    charged_core_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class NewResult:
    """A result to be written down.

    Attributes:
        job: key; at most one result per job.
        directory: absolute path of the result directory.
        code, words: of the verdict.
        frames_used: first and last frame, or None; `usable`, `announced`: of the ledger it was made from.
        summary: what lists show (space group, cell, d_min, completeness, ...), JSON.
        n_bytes: bytes of the result directory.
        last_frame_to_result_s: as the result says, or None.
    """

    job: str
    directory: str
    code: str
    words: str
    frames_used: tuple[int, int] | None
    usable: int
    announced: int
    summary: Mapping[str, Any]
    n_bytes: int
    last_frame_to_result_s: float | None
    created: datetime


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A result of the ledger. `published` says that directory lists and recommendation are done."""

    id: int
    job: str
    dataset: int
    beamtime: str
    group: str
    work: WorkName
    engine: str
    generation: int
    result: NewResult
    published: bool


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event: appended, never changed; its id is the id of the server-sent event."""

    id: int
    at: datetime
    topic: str
    beamtime: str
    group: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """What a group used in a beamtime.

    Attributes:
        core_seconds: cores that its attempts held, times seconds: by the cluster's own accounts, for the
            others as their launchers measured it. Nodes that are held and idle are nobody's.
        charged_core_seconds: how much of that is from the cluster's own accounts.
    """

    beamtime: str
    group: str
    datasets: int
    frames: int
    core_seconds: float
    charged_core_seconds: float
    raw_bytes: int
    result_bytes: int


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Which result of a dataset to use; `result` is None while none can be recommended."""

    dataset: int
    result: int | None
    reason: str
    since: datetime


class Cost(NamedTuple):
    """What an attempt with a result cost: processor time, or cores times seconds where nobody measured it.

    `max_rss_mb` is 0 where nobody measured it.
    """

    frames: int
    core_seconds: float
    seconds: float
    max_rss_mb: float
    cores: int


@dataclass(frozen=True, slots=True)
class Lag:
    """The moments of one attempt, from which lags are made."""

    dataset: int
    job: str
    attempt: int
    work: WorkName
    engine: str
    work_class: WorkClass
    seen: datetime
    last_frame: datetime | None
    planned: datetime
    claimed: datetime
    submitted: datetime | None
    started: datetime | None
    first_frame: datetime | None
    ended: datetime | None
    code: str


class Ended(NamedTuple):
    """How many attempts ended in a failure, and how many jobs of which no attempt was started."""

    attempts: int
    jobs: int


class Uncharged(NamedTuple):
    """An attempt that ended and of which the cluster's own accounts have said nothing yet."""

    job: str
    number: int
    native_id: str


class Spent(NamedTuple):
    """What an attempt of a group has used, in core-seconds, and when it ended."""

    group: str
    ended: datetime
    core_seconds: float


@dataclass(frozen=True, slots=True)
class Counts:
    """How many: datasets by state; jobs by class and state."""

    datasets: Mapping[str, int]
    jobs: Mapping[tuple[WorkClass, JobState], int]
