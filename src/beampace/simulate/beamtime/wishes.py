"""What a beamtime is asked to be like."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from beampace.core.dataset import DatasetKind
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

DETAILED = "detailed"
"""Stock of rotation scans that can be processed to merged data."""


class Fault(StrEnum):
    """What can be injected."""

    DAEMON_KILLED = "daemon-killed"
    JOB_KILLED = "job-killed"
    DISK_FULL = "disk-full"
    CLOCK_STEP = "clock-step"
    TRUNCATED = "truncated"
    LATE = "late"

    @property
    def needs_daemon(self) -> bool:
        """Whether the player must have started the daemon."""
        return self in (Fault.DAEMON_KILLED, Fault.JOB_KILLED, Fault.CLOCK_STEP)


ALL_KINDS = (DatasetKind.GRID, DatasetKind.SCREENING, DatasetKind.ROTATION, DatasetKind.STILLS)


@dataclass(frozen=True, slots=True)
class Wishes:
    """A beamtime as asked for.

    Attributes:
        datasets: how many, over all groups.
        pace_s: seconds from the start of one to the start of the next.
        groups: groups (folders below `raw`) that take turns.
        frames: of a rotation scan; grids and test shots have fewer.
        per_file: frames per data file of a rotation scan.
        rate: frames per second.
        seed: chooses everything else.
        kinds: of datasets, in turn.
        detailed: how many of the rotation scans are taken with the larger detector, so that they can be
            processed to merged data.
        habits: whether some scans are aborted, blank, copied, renamed, taken twice or written over.
        slow: whether files become visible late, in pieces and out of order.
        pre_start: whether the metadata file has the reservation of a pre-start first.
        late_s: seconds by which late files are late.
        linger_s: seconds from the last frame to the end of the beamtime.
        faults: what is injected, and how often.
    """

    datasets: int = 12
    pace_s: float = 10.0
    groups: int = 2
    frames: int = 20
    per_file: int = 5
    rate: float = 20.0
    seed: int = 1
    kinds: tuple[DatasetKind, ...] = ALL_KINDS
    detailed: int = 0
    habits: bool = True
    slow: bool = True
    pre_start: bool = True
    late_s: float = 120.0
    linger_s: float = 60.0
    faults: dict[Fault, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least, most in _LIMITS:
            value = getattr(self, name)
            if not least <= value <= most:
                raise failure(
                    Failure.BAD_REQUEST, f"--{name.replace('_', '-')} takes {least} to {most}, not {value}."
                )
        if not self.kinds:
            raise failure(Failure.BAD_REQUEST, "--kinds needs at least one kind.")


_LIMITS: tuple[tuple[str, float, float], ...] = (
    ("datasets", 1, 100_000),
    ("pace_s", 0, 86_400),
    ("groups", 1, 26),
    ("frames", 2, 100_000),
    ("per_file", 1, 100_000),
    ("rate", 0.01, 100_000),
    ("seed", 0, 2**32 - 1),
    ("detailed", 0, 100_000),
    ("late_s", 0, 86_400),
    ("linger_s", 0, 86_400),
)
