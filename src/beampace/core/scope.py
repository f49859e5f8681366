"""The scope: of which beamtime and which group somebody may see things."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be seen; every question to the ledger on behalf of a person carries one.

    Attributes:
        beamtime: id of the only beamtime, or None for all.
        group: the only group in it, or None for all.
    """

    beamtime: str | None = None
    group: str | None = None

    def covers(self, beamtime: str, group: str) -> bool:
        """Whether things of this beamtime and group may be seen."""
        return self.beamtime in (None, beamtime) and self.group in (None, group)

    def within(self, beamtime: str) -> Scope:
        """The part of it in one beamtime.

        Raises:
            ValueError: nothing of that beamtime may be seen.
        """
        if self.beamtime not in (None, beamtime):
            raise ValueError(f"beamtime {beamtime!r} is not in the scope")
        return Scope(beamtime, self.group)


EVERYTHING = Scope()
"""What staff see."""
