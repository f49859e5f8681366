"""Which path stands for a dataset, when several masters say they are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from beampace.core.sighting import FilesSeen, Sighting, Trouble
from beampace.watch.names import spelt

Holds = Callable[[str], FilesSeen | None]
"""Data files of a master as last listed; None when there is no such master."""


def winner(current: str, sightings: Mapping[str, Sighting], holds: Holds) -> str:
    """The path that stands for a dataset.

    The one that stood for it so far, while it exists and holds data files; else the first seen of those
    that do; else the one so far, or the first, that exists.

    Args:
        current: path that stood for it so far, or "".
        sightings: path -> what was read there, in the order in which they were seen; not empty.
        holds: what is known of a path now.
    """
    seen = {path: holds(path) for path in sightings}
    there = [path for path, files in seen.items() if files is not None]
    full = [p for p in there if (files := seen[p]) and (files.n_files or not sightings[p].n_files)]
    for choice in (full, there, list(sightings)):
        if choice:
            return current if current in choice else choice[0]
    return current


class Owners:
    """Datasets by identity, and every path at which they were seen."""

    def __init__(self) -> None:
        self._identity: dict[str, str] = {}
        self._sightings: dict[str, dict[str, Sighting]] = {}
        self._owner: dict[str, str] = {}

    def seen(self, sighting: Sighting, holds: Holds) -> tuple[Sighting, ...]:
        """A master was read; the sightings to be told, none when another path stands for its dataset."""
        before = self._identity.get(sighting.path)
        told = () if before in (None, sighting.identity) else self.gone(sighting.path, holds)
        self._identity[sighting.path] = sighting.identity
        self._sightings.setdefault(sighting.identity, {})[sighting.path] = sighting
        owner = self._settle(sighting.identity, holds)
        return (*told, sighting) if owner == sighting.path else told

    def gone(self, path: str, holds: Holds) -> tuple[Sighting, ...]:
        """A master went; the sighting of the path that stands for its dataset now, if another does."""
        identity = self._identity.pop(path, None)
        if identity is None:
            return ()
        sightings, owned = self._sightings[identity], self._owner[identity] == path
        del sightings[path]
        if not sightings:
            del self._sightings[identity], self._owner[identity]
            return ()
        return (sightings[self._settle(identity, holds)],) if owned else ()

    def changed(self, path: str, holds: Holds) -> tuple[Sighting, ...]:
        """Data files of a master changed; the sighting of its dataset if another path stands for it now."""
        identity = self._identity.get(path)
        if identity is None or len(self._sightings[identity]) == 1:
            return ()
        before = self._owner[identity]
        owner = self._settle(identity, holds)
        return (self._sightings[identity][owner],) if owner != before else ()

    def owns(self, path: str) -> bool:
        """Whether a path stands for a dataset."""
        identity = self._identity.get(path)
        return identity is not None and self._owner[identity] == path

    def owner_of(self, identity: str) -> str:
        """The path that stands for a dataset, or ""."""
        return self._owner.get(identity, "")

    def troubles(self) -> Iterator[Trouble]:
        """Copies, which are not processed again."""
        return (
            _copy(sightings[path], sightings[self._owner[identity]])
            for identity, sightings in self._sightings.items()
            if len(sightings) > 1
            for path in sightings
            if path != self._owner[identity]
        )

    def _settle(self, identity: str, holds: Holds) -> str:
        current = self._owner.get(identity, "")
        self._owner[identity] = owner = winner(current, self._sightings[identity], holds)
        return owner


def _copy(copy: Sighting, owner: Sighting) -> Trouble:
    """A copy; or a dataset that only looks like one, which staff have to know."""
    where, other = spelt(copy.path), spelt(owner.path)
    if copy.collected and owner.collected and copy.collected != owner.collected:
        words = f"It has the series id of {other} but was taken at another time; it is not processed."
        return Trouble(where, words, f"See whether the detector counts anew; run `beampace process {where}`.")
    words = f"It is the same series of the same detector as {other}, and is not processed again."
    return Trouble(where, words, "Nothing need be done; remove the copy if it is not wanted.")
