"""How the watch looks: paces, patience and bounds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """Paces in seconds, and bounds that keep a hostile tree from costing more than its share.

    Attributes:
        active_s: from one listing of an active directory to the next.
        quiet_s: longest time from one listing of a quiet directory to the next.
        budget_s: time one poll may take; what is left over is listed by the next.
        active_for_s: how long a directory stays active after its listing changed.
        leads_for_s: how long a directory stays active after a listing below it changed.
        patience_s: how long an unfinished dataset keeps its directory active after its last change.
        say_s: from one word about an unchanged dataset to the next.
        max_depth, max_entries, max_directories: levels below `raw/`, entries of a directory, directories.
        poll_deadline_s: how long a tick waits for a poll that hangs.
        read_wait_s: how long a tick waits for masters that are being read.
        not_yet_s: how long a master that cannot be read is taken for one that is still being written.
        again_s, again_most_s: first and longest pause before a master is tried again.
        max_crashes: times a master may end or hang the reader before only a change of it is worth a try.
        announced_for_s: how long an announced master is looked for.
        max_announced: announcements that may wait at a time.
        max_troubles: troubles told at a time.
    """

    active_s: float = 0.2
    quiet_s: float = 30.0
    budget_s: float = 0.1
    active_for_s: float = 60.0
    leads_for_s: float = 1800.0
    patience_s: float = 600.0
    say_s: float = 1.0
    max_depth: int = 12
    max_entries: int = 50_000
    max_directories: int = 20_000
    poll_deadline_s: float = 1.0
    read_wait_s: float = 0.1
    not_yet_s: float = 60.0
    again_s: float = 0.2
    again_most_s: float = 300.0
    max_crashes: int = 3
    announced_for_s: float = 600.0
    max_announced: int = 1000
    max_troubles: int = 100
