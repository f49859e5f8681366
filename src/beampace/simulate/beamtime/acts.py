"""The script of a beamtime: datasets (`Play`) and what happens when (`Act`), as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from beampace.core.dataset import DatasetKind
from beampace.simulate.options import InfoFile


class Fate(StrEnum):
    """How a dataset comes to its end."""

    COMPLETE = "complete"
    ABORTED = "aborted"
    """The run was stopped; the frames after that never come."""
    LATE = "late"
    """One data file turns up long after the others."""
    TRUNCATED = "truncated"
    """One data file is cut and never made whole."""
    REPLACED = "replaced"
    """A second series was written over it."""


class Deed(StrEnum):
    """What happens at one moment."""

    PRE_START = "pre_start"
    """The metadata file appears, with the reservation of the pre-start."""
    START = "start"
    """The metadata file says that the beamtime is open."""
    STOP = "stop"
    """The metadata file is taken away."""
    INFO = "info"
    MASTER = "master"
    FILE = "file"
    """Data file `file` appears whole, or is made whole."""
    HALF_FILE = "half_file"
    """The first half of data file `file` appears under its name, as on a slow file system."""
    CUT_FILE = "cut_file"
    """Data file `file` appears, cut in the middle of its last frame, for good."""
    PATCH = "patch"
    """The master is opened r+ and patched in place."""
    COPY_MASTER = "copy_master"
    RENAME_MASTER = "rename_master"
    KILL_DAEMON = "kill_daemon"
    """SIGKILL; it is started again a moment later."""
    KILL_JOB = "kill_job"
    FILL_DISK = "fill_disk"
    FREE_DISK = "free_disk"
    STEP_CLOCK = "step_clock"


@dataclass(frozen=True, slots=True)
class Play:
    """A dataset of the script.

    Attributes:
        number: from 1.
        kind: of the dataset.
        stock: name of the simulated scan whose frames it shows.
        group: folder of the group below `raw`.
        place: its directory relative to `raw`.
        name: prefix of its files.
        fate: how it ends; `blank`: whether there is a crystal.
        n_announced, n_written: frames the detector was armed for, frames that come.
        per_file: frames per data file.
        series: series id of the detector, or None: the time stamp tells it from others.
        collected: time stamp of the master.
        info: when its `info.txt` is written.
    """

    number: int
    kind: DatasetKind
    stock: str
    group: str
    place: str
    name: str
    fate: Fate
    blank: bool
    n_announced: int
    n_written: int
    per_file: int
    series: int | None
    collected: datetime
    info: InfoFile

    @property
    def file_frames(self) -> tuple[int, ...]:
        """Frames in each data file that comes."""
        starts = range(0, self.n_written, self.per_file)
        return tuple(min(self.per_file, self.n_written - start) for start in starts)


@dataclass(frozen=True, slots=True)
class Act:
    """What happens at a moment.

    Attributes:
        at: seconds from the beginning.
        deed: what happens.
        play: number of the dataset, or 0 when it concerns none.
        file: number of the data file, from 1, or 0.
        value: of deeds that need one: seconds by which the clock is stepped, or a number between 0 and 1
            that chooses.
    """

    at: float
    deed: Deed
    play: int = 0
    file: int = 0
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Script:
    """All of a beamtime; `acts` in the order of their times."""

    plays: tuple[Play, ...]
    acts: tuple[Act, ...]

    def play(self, number: int) -> Play:
        """The dataset of that number.

        Raises:
            IndexError: there is none.
        """
        if not 1 <= number <= len(self.plays):
            raise IndexError(f"there is no dataset {number}: the script has {len(self.plays)}")
        return self.plays[number - 1]

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return self.acts[-1].at if self.acts else 0.0
