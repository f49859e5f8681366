"""Watching the space for results, now and then."""

from __future__ import annotations

from dataclasses import dataclass, field

from beampace.beamtime import OpenBeamtime
from beampace.core.sighting import Trouble
from beampace.service.desk import Desk
from beampace.service.disk import DiskState, Space, judge, space_at
from beampace.web import DiskInfo

EVERY_S = 5.0

NO_ROOM_BYTES = 20_000_000
"""Free space below which not even results can be written: nothing is started."""


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

    def info(self) -> DiskInfo:
        """What was last found, for status and metrics.

        Raises:
            RuntimeError: nobody has asked yet.
        """
        if self.space is None:
            raise RuntimeError("the space was not asked yet")
        return DiskInfo(
            path=self.space.path,
            free_bytes=self.space.free_bytes,
            total_bytes=self.space.total_bytes,
            used_bytes=self.used_bytes,
            quota_bytes=self._quota,
            only_results=self.state.only_results,
        )

    @property
    def no_room(self) -> bool:
        """Whether there is no room even for results."""
        return self.space is not None and self.space.total_bytes > 0 and self.space.free_bytes < NO_ROOM_BYTES

    @property
    def _quota(self) -> int | None:
        quota = self.desk.settings.disk.quota_gb
        return None if quota is None else int(quota * 1e9)

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
        self.state = judge(
            self.state.only_results, self.space, self.used_bytes, self._quota, section.min_free
        )
