"""From the loop to the metrics, now and then."""

from __future__ import annotations

from dataclasses import dataclass

from beampace.beamtime import OpenBeamtime
from beampace.service.desk import Desk
from beampace.service.metrics import Metrics
from beampace.service.space import SpaceWatch
from beampace.web.lags import lag_infos, measured_starts

LAGS_S = 30.0
"""Seconds from one measuring of lags to the next: it reads every attempt of the beamtime."""


@dataclass(slots=True)
class Measuring:
    """Counts datasets and jobs, and takes lags and space."""

    desk: Desk
    metrics: Metrics
    space: SpaceWatch
    _lags_at: float = float("-inf")

    def measure(self, beamtime: OpenBeamtime | None, n_troubles: int, *, blind: bool) -> None:
        """Take all measurements.

        Args:
            beamtime: the open one, or None.
            n_troubles: how many things staff should know.
            blind: whether the raw data cannot be seen.
        """
        self.metrics.beamtime(is_open=beamtime is not None, troubles=n_troubles)
        self.metrics.poll("watch", ok=not blind)
        if beamtime is None:
            return
        if self.space.space is not None:
            self.metrics.disk(self.space.info())
        counts = self.desk.ledger.counts(beamtime.id)
        jobs = {(work_class.value, state.name.lower()): n for (work_class, state), n in counts.jobs.items()}
        self.metrics.counts(counts.datasets, jobs)
        if self.desk.clock() - self._lags_at >= LAGS_S:
            self._lags_at = self.desk.clock()
            self.metrics.lags(lag_infos(measured_starts(self.desk.ledger.lags(beamtime.id))))
