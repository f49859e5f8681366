"""What the watch of one beamtime sees, handed on to the intake; nothing it saw is lost when that fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from beampace.core.sighting import FilesSeen, Sighting, Trouble
from beampace.service.growth import Growth
from beampace.service.heard import Heard
from beampace.service.intake import Intake
from beampace.watch import Watch, WatchTick

T = TypeVar("T")


@dataclass(slots=True)
class Lookout:
    """Looks at one beamtime.

    Attributes:
        beamtime: its id.
        last: what the last look found.
        heard: what became of the last sightings, for those who wait for one.
    """

    beamtime: str
    watch: Watch
    intake: Intake
    growth: Growth
    last: WatchTick = field(default_factory=WatchTick)
    heard: Heard = field(default_factory=Heard)
    _sightings: list[Sighting] = field(default_factory=list)
    _files: list[FilesSeen] = field(default_factory=list)

    def look(self) -> tuple[Trouble, ...]:
        """Look once, and hand on what is new; what cannot be handed on now is handed on at the next look.

        Raises:
            BeampaceError: the ledger does not answer.
        """
        self.last = self.watch.tick()
        self._sightings += self.last.sightings
        self._files += self.last.files
        _each(self._sightings, self._sighted)
        _each(self._files, self._listed)
        for dataset in self.growth.grown():
            if self.intake.desk.ledger.dataset(dataset).beamtime == self.beamtime:
                self.intake.grew(dataset)
        return self.last.troubles

    def close(self) -> None:
        """Let go of the files."""
        self.watch.close()

    def _sighted(self, sighting: Sighting) -> None:
        observed = self.intake.sighted(self.beamtime, sighting)
        self.heard.tell(sighting.path, observed)
        if observed.news == "changed":  # renamed, perhaps: work begun under the old name found nothing
            self.growth.suspect(observed.dataset.id)

    def _listed(self, seen: FilesSeen) -> None:
        changed = self.intake.files(self.beamtime, seen)
        if changed is not None:
            self.growth.suspect(changed)


def _each(waiting: list[T], do: Callable[[T], None]) -> None:
    """Do something with each and take it off the list; one that fails goes to its end and stops the round."""
    for _ in range(len(waiting)):
        one = waiting.pop(0)
        try:
            do(one)
        except Exception:
            waiting.append(one)
            raise
