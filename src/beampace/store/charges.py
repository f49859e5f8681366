"""What attempts cost by the cluster's own accounts, which know it some time after an attempt has ended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from beampace.store.attempts import change, one_attempt
from beampace.store.columns import finite
from beampace.store.part import Part
from beampace.store.records import Uncharged
from beampace.store.tables import attempts


class Charges(Part):
    """Writing down what the cluster charges, and of which attempts it is still to be asked."""

    def charge(self, job_key: str, number: int, core_seconds: float) -> None:
        """What an attempt cost by the cluster's own accounts; a later word takes the place of an earlier one.

        Raises:
            InputError: there is no such attempt (bad_request).
        """
        with self._write() as turn:
            _, attempt = one_attempt(turn, job_key, number)
            change(turn, attempt, {"charged_core_seconds": max(0.0, finite(core_seconds))})

    def uncharged(self, cluster: str, since: datetime) -> tuple[Uncharged, ...]:
        """Attempts of a cluster that ended after a moment and are not charged yet, the latest end first.

        Attempts that the cluster never took are not among them.
        """
        c = attempts.c
        query = (
            select(c.job, c.number, c.native_id)
            .where(c.ended > since, c.charged_core_seconds.is_(None), c.native_id != "")
            .where(c.cluster == cluster)
            .order_by(c.ended.desc(), c.id.desc())
        )
        with self._read() as connection:
            return tuple(Uncharged(*row) for row in connection.execute(query))
