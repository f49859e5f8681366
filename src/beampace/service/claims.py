"""The beamtimes this daemon works on, and those another one does."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from beampace.core.errors import BeampaceError
from beampace.core.sighting import Trouble
from beampace.service.claim import Claim, Claimant
from beampace.service.desk import Desk
from beampace.service.roots import is_here
from beampace.store import BeamtimeRow


@dataclass(slots=True)
class Claims:
    """Claims every beamtime that lasts.

    Attributes:
        troubles: what staff should know.
    """

    desk: Desk
    troubles: tuple[Trouble, ...] = ()
    _claims: dict[str, Claim] = field(default_factory=dict)
    _mine: Claimant | None = None

    def refused(self) -> frozenset[str]:
        """Beamtimes for which nothing may be started, since another daemon works on them."""
        lasting = {row.id: row for row in self.desk.ledger.beamtimes() if row.closed is None}
        for beamtime in self._claims.keys() - lasting.keys():
            self._claims.pop(beamtime).release()
        here = {row.id: self._claim(row) for row in lasting.values() if is_here(row)}
        refused = frozenset(beamtime for beamtime, claim in here.items() if not claim.look())
        self.troubles = tuple(claim.trouble for claim in here.values() if claim.trouble is not None)
        return refused

    def release(self) -> None:
        """Let go of the beamtimes of which nothing runs; what runs stays this ledger's without a daemon."""
        try:
            busy = {job.beamtime for job, _ in self.desk.ledger.active()}
        except BeampaceError as error:
            self.desk.log.warning("claims.kept", why=str(error))  # they become stale
            return
        for beamtime, claim in self._claims.items():
            if beamtime not in busy:
                claim.release()
        self._claims.clear()

    def _claim(self, row: BeamtimeRow) -> Claim:
        desk, processed = self.desk, Path(row.root) / "processed"
        if self._mine is None:
            identity = desk.ledger.identity()
            self._mine = Claimant.here(secrets.token_hex(8), identity, desk.settings.state_dir)
        if row.id not in self._claims or self._claims[row.id].processed != processed:
            self._claims[row.id] = Claim(processed, self._mine, desk.clock, desk.ledger.now)
        return self._claims[row.id]
