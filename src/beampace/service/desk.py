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
from beampace.service.settings import Settings
from beampace.store import Ledger


@dataclass(frozen=True, slots=True)
class Desk:
    """Settings, ledger, cluster and log.

    Attributes:
        rules: what is done for which dataset.
        engines: engines that can be used, recipes among them.
        recipes: recipes by name.
        clock: monotonic seconds.
    """

    settings: Settings
    ledger: Ledger
    cluster: Cluster
    log: FilteringBoundLogger
    rules: tuple[Rule, ...]
    engines: frozenset[str] = frozenset()
    recipes: Mapping[str, Loaded] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def attempt_directory(self, key: str, number: int) -> Path:
        """Where launcher and job of an attempt leave their files."""
        return self.settings.state_dir / "jobs" / f"{key}-{number}"
