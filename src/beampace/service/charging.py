"""From the cluster's own accounts to the ledger: what attempts cost, for some time after they have ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from beampace.service.desk import Desk

EVERY_S = 10.0
"""Seconds from one look to the next."""

GIVEN_UP_S = 3600.0
"""Seconds after its end for which an attempt's figure is awaited; then what its launcher measured stays."""


@dataclass(slots=True)
class Charging:
    """Writes down what the cluster charges. Never waits: what is not known yet is asked for again."""

    desk: Desk
    _at: float = float("-inf")

    def charge(self) -> int:
        """Ask for attempts that ended lately, if it is time; returns how many were charged.

        Raises:
            InfrastructureError: the ledger does not answer.
        """
        if self.desk.clock() - self._at < EVERY_S:
            return 0
        self._at = self.desk.clock()
        ledger, cluster = self.desk.ledger, self.desk.cluster
        since = ledger.now() - timedelta(seconds=GIVEN_UP_S)
        ended = {one.native_id: one for one in ledger.uncharged(cluster.name, since)}
        known = cluster.charges(ended.keys())
        for native_id, core_seconds in known.items():
            ledger.charge(ended[native_id].job, ended[native_id].number, core_seconds)
        return len(known)
