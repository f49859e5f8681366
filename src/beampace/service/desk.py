"""What every step of the daemon works with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from beampace.core.ports import Cluster
from beampace.engines.recipe import Loaded
from beampace.plan import Rule
from beampace.service.job_places import JobPlaces
from beampace.service.settings import Settings
from beampace.store import JobRow, Ledger

DRAIN_S = 300.0
"""Seconds that work of this machine may go on after the stop."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Settings, ledger, cluster and log.

    Attributes:
        rules: what is done for which dataset.
        engines: engines that can be used, recipes among them.
        recipes: recipes by name.
        places: where jobs are, and under which names they see files.
        clock: monotonic seconds.
    """

    settings: Settings
    ledger: Ledger
    cluster: Cluster
    log: FilteringBoundLogger
    rules: tuple[Rule, ...]
    places: JobPlaces
    engines: frozenset[str] = frozenset()
    recipes: Mapping[str, Loaded] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def attempt_directory(self, job: JobRow, number: int) -> Path:
        """Where launcher and job of an attempt leave their files."""
        return self.places.room(Path(self.ledger.beamtime(job.beamtime).root)) / f"{job.key}-{number}"

    @property
    def drain_s(self) -> float:
        """Seconds that work may go on after the stop of its beamtime."""
        asked = self.settings.beamtime.drain_s
        return asked if asked is not None else DRAIN_S if self.settings.cluster.kind == "local" else 0.0
