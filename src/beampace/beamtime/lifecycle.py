"""The life of a beamtime as a pure function: start, changes, stop, the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath

from beampace.beamtime.metadata import Metadata
from beampace.beamtime.resources import OnlineResources

GRACE_S = 10.0
"""Seconds for which a beamtime must be gone before it counts as stopped."""


@dataclass(frozen=True, slots=True)
class OpenBeamtime:
    """A beamtime that lasts.

    Attributes:
        id: beamtime id, commissioning id, or the id given to a fixed beamtime.
        root: its directory as this machine sees it, symbolic links resolved: `current` may lead to the next
            beamtime tomorrow, this does not.
        raw, processed: below `root`.
        title: of the proposal, or "".
        metadata: what its file says; None for a fixed beamtime and for one known from the ledger only.
        resources: what is granted on a cluster, as of this moment, or None.
        core_path: its directory on the core file system, or None.
        entrance: its directory as configured, such as `/gpfs/current`.
        rank: place of the entrance in the list of roots.
        root_id: which directory `root` is, or "" when that is not known.
    """

    id: str
    root: Path
    raw: Path
    processed: Path
    title: str = ""
    metadata: Metadata | None = None
    resources: OnlineResources | None = None
    core_path: PurePosixPath | None = None
    entrance: Path | None = None
    rank: int = 0
    root_id: str = ""

    @classmethod
    def at(cls, identity: str, root: Path, root_id: str = "") -> OpenBeamtime:
        """A beamtime of which only id and directory are known."""
        return cls(identity, root, root / "raw", root / "processed", entrance=root, root_id=root_id)


class ChangeKind(StrEnum):
    """What can happen to a beamtime."""

    OPENED = "opened"
    UPDATED = "updated"
    """Its metadata or its directory changed, but not what is granted."""
    RESOURCES = "resources"
    """Its online resources changed: granted, withdrawn, or another reservation."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened to a beamtime; `words` says what, for the log."""

    kind: ChangeKind
    beamtime: OpenBeamtime
    words: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at the roots gave.

    Attributes:
        at: monotonic seconds.
        beamtime: the beamtime that was found, or None.
        gone: whether it is certain that nothing is there; without a beamtime and not gone means unknown.
    """

    at: float
    beamtime: OpenBeamtime | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Phase:
    """Where things stand: the open beamtime, and since when (monotonic seconds) it has been missed."""

    open: OpenBeamtime | None = None
    missed_since: float | None = None


def next_phase(previous: Phase, seen: Seen, grace_s: float = GRACE_S) -> tuple[Phase, tuple[Change, ...]]:
    """What follows from one look.

    A beamtime ends when it has been gone for `grace_s`, or when another one takes its place. One that
    appears only at an entrance further down the list takes it after the grace: `current` may flicker while
    `commissioning` is always there. What is unknown changes nothing.
    """
    old, new = previous.open, seen.beamtime
    if old is None:
        return (Phase(new), (_opened(new),)) if new is not None else (Phase(), ())
    if new is not None and new.id == old.id:
        return Phase(new), _differences(old, new)
    if new is not None and new.rank <= old.rank:
        return Phase(new), (_closed(old, f"beamtime {new.id} took its place"), _opened(new))
    if new is None and not seen.gone:
        return previous, ()
    return _missed(previous, old, seen, grace_s)


def _missed(
    previous: Phase, old: OpenBeamtime, seen: Seen, grace_s: float
) -> tuple[Phase, tuple[Change, ...]]:
    """The open beamtime was not there."""
    since = seen.at if previous.missed_since is None else previous.missed_since
    if seen.at - since < grace_s:
        return replace(previous, missed_since=since), ()
    closed = _closed(old, f"its metadata or directory has been gone for {seen.at - since:.0f} s")
    if seen.beamtime is None:
        return Phase(), (closed,)
    return Phase(seen.beamtime), (closed, _opened(seen.beamtime))


def _differences(old: OpenBeamtime, new: OpenBeamtime) -> tuple[Change, ...]:
    if old.resources != new.resources:
        was, now = _granted(old), _granted(new)
        words = f"Online resources of beamtime {new.id} changed from {was} to {now}."
        return (Change(ChangeKind.RESOURCES, new, words),)
    if old == new:
        return ()
    if (old.root, old.root_id) != (new.root, new.root_id):
        words = f"Beamtime {new.id} is in another directory now, {new.root}."
        return (Change(ChangeKind.UPDATED, new, words),)
    return (Change(ChangeKind.UPDATED, new, f"The metadata of beamtime {new.id} changed."),)


def _granted(beamtime: OpenBeamtime) -> str:
    found = beamtime.resources
    if found is None:
        return "none"
    return f"reservation {found.reservation or '-'} on {', '.join(found.nodes) or 'no named node'}"


def _opened(beamtime: OpenBeamtime) -> Change:
    return Change(ChangeKind.OPENED, beamtime, f"Beamtime {beamtime.id} opened in {beamtime.root}.")


def _closed(beamtime: OpenBeamtime, why: str) -> Change:
    return Change(ChangeKind.CLOSED, beamtime, f"Beamtime {beamtime.id} closed: {why}.")
