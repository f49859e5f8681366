"""Work: something to be done for a dataset; its class says who waits for it."""

from __future__ import annotations

from enum import StrEnum


class WorkName(StrEnum):
    """Kinds of work."""

    LOOK = "look"
    MAP = "map"
    STRATEGY = "strategy"
    PROCESS = "process"
    MERGE = "merge"


class WorkClass(StrEnum):
    """Classes of work, the most pressing first."""

    URGENT = "urgent"
    LIVE = "live"
    FULL = "full"
    RERUN = "rerun"

    @property
    def rank(self) -> int:
        """0 for the class that goes first."""
        return list(WorkClass).index(self)


class Event(StrEnum):
    """What can happen to a dataset that makes work due.

    `seen`: its master was seen for the first time; `complete`: all its frames are there, or it has stopped
    growing; `grew`: frames appeared after work had ended without them.
    """

    SEEN = "seen"
    COMPLETE = "complete"
    GREW = "grew"
