"""Why a job that waits is not started now, where there is more to say than that others go first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from beampace.core.work import WorkClass
from beampace.plan import Capacity
from beampace.service.desk import Desk
from beampace.service.space import SpaceWatch
from beampace.service.starting import LARGE, has_engine
from beampace.store import JobRow

NO_SPACE = "waits for space"


@dataclass(frozen=True, slots=True)
class Held:
    """What holds jobs back now.

    Attributes:
        no_room: whether there is no space even for results.
        short: whether there is space for results only.
        crowded: by which more pressing work all cores are used that full processing could have, or "".
    """

    desk: Desk
    no_room: bool = False
    short: bool = False
    crowded: str = ""

    @classmethod
    def of(cls, desk: Desk, space: SpaceWatch, capacity: Capacity, running: Iterable[JobRow]) -> Held:
        """What follows from the space and from what runs."""
        return cls(desk, space.no_room, space.state.only_results, crowded_by(capacity, running))

    def why(self, job: JobRow) -> str:
        """Why a job waits, or ""."""
        if not has_engine(self.desk, job):
            return f"waits for the engine {job.engine}"
        if self.no_room or (self.short and job.work_class in LARGE):
            return NO_SPACE
        if self.crowded and job.work_class in LARGE:
            return f"all cores are used by {self.crowded} work"
        return ""


def crowded_by(capacity: Capacity, running: Iterable[JobRow]) -> str:
    """The class of more pressing work that takes the last core full processing could have, or ""."""
    used = dict.fromkeys(WorkClass, 0)
    for job in running:
        used[job.work_class] += job.cores
    below = used[WorkClass.FULL] + used[WorkClass.RERUN]
    if below >= capacity.of(WorkClass.FULL)[0]:
        return ""  # full processing itself has all it may have
    for work_class in (WorkClass.LIVE, WorkClass.URGENT):
        below += used[work_class]
        if used[work_class] and below >= capacity.of(work_class)[0]:
            return work_class.value
    return ""
