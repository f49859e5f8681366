"""What the watch tells about a dataset: the one form in which polling and announcements meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from beampace.core.dataset import DatasetKind


@dataclass(frozen=True, slots=True)
class Sighting:
    """A master that was read.

    Attributes:
        identity: of the dataset, without its beamtime (detector serial + series id, or what stands for it).
        path: absolute path of the master, symbolic links of the beamtime's own root resolved.
        place: directory of the master relative to `raw/`, as a POSIX path.
        name: prefix of the files, without `_master.h5`.
        kind: what it is, and `kind_reason`, why.
        n_announced: frames the detector was armed for.
        frame_time_s: seconds per frame, 0 if unknown.
        n_files: data files the master names.
        collected: when the first image was taken (UTC), if the file says.
        group: group said by an announcement, or "" to be found by rule.
        sample: said by an announcement or taken from the path, or "".
        by: `poll` or `announce`.
    """

    identity: str
    path: str
    place: str
    name: str
    kind: DatasetKind
    kind_reason: str
    n_announced: int
    frame_time_s: float = 0.0
    n_files: int = 0
    collected: datetime | None = None
    group: str = ""
    sample: str = ""
    by: str = "poll"


@dataclass(frozen=True, slots=True)
class FilesSeen:
    """What a listing shows of a dataset: never more than names and sizes.

    Attributes:
        path: of the master.
        n_files: data files that are there.
        n_bytes: bytes of all of them.
        changed_s: seconds since the listing last changed, by our own monotonic clock.
        mark: names and sizes as an opaque text; another text means the files changed.
    """

    path: str
    n_files: int
    n_bytes: int
    changed_s: float
    mark: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something of the outside world that staff should know: which place, what, what to do."""

    where: str
    words: str
    next_step: str = ""
    details: tuple[str, ...] = field(default=())
