"""Watching the space for results, now and then."""

from __future__ import annotations

from dataclasses import dataclass, field

from beampace.beamtime import OpenBeamtime
from beampace.core.sighting import Trouble
from beampace.service.desk import Desk
from beampace.service.disk import DiskState, Space, judge, space_at

EVERY_S = 5.0


@dataclass(slots=True)
class SpaceWatch:
    """Asks the file system of the results every few seconds.

    Attributes:
        space, used_bytes: as last asked; None before.
        state: what follows.
    """

    desk: Desk
    space: Space | None = None
    used_bytes: int = 0
    state: DiskState = field(default_factory=DiskState)
    _asked: float = float("-inf")

    def check(self, beamtime: OpenBeamtime) -> DiskState:
        """Whether only results may be written, and what staff should know."""
        now = self.desk.clock()
        if now - self._asked >= EVERY_S:
            self._asked = now
            self._look(beamtime)
        return self.state

    def _look(self, beamtime: OpenBeamtime) -> None:
        section = self.desk.settings.disk
        try:
            self.space = space_at(beamtime.processed)
        except OSError as error:
            words = f"The space at {beamtime.processed} cannot be asked: {error.strerror or error}."
            self.state = DiskState(self.state.only_results, Trouble(str(beamtime.processed), words))
            return
        accounts = self.desk.ledger.accounts(beamtime.id)
        self.used_bytes = sum(account.result_bytes for account in accounts)
        quota = None if section.quota_gb is None else int(section.quota_gb * 1e9)
        self.state = judge(self.state.only_results, self.space, self.used_bytes, quota, section.min_free)
