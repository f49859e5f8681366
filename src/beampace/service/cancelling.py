"""Cancelling: the wish is written down first, then carried out, and a later poll confirms it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from beampace.core.taxonomy import Failure
from beampace.service.desk import Desk
from beampace.service.each import for_each
from beampace.service.following import Living
from beampace.store import AttemptRow

AGAIN_S = 5.0
"""Seconds after which an attempt that still lives is asked once more."""


@dataclass(slots=True)
class Canceller:
    """Carries out the wishes to cancel that the ledger holds."""

    desk: Desk
    _asked: dict[str, float] = field(default_factory=dict)

    def carry_out(self, living: Iterable[Living]) -> None:
        """Ask for the end of unwanted attempts, and end unwanted jobs that have none."""
        alive = {job.key: (job, attempt) for job, attempt in living}
        unwanted = [attempt for job, attempt in alive.values() if job.cancel_wanted and attempt.native_id]
        due = [attempt for attempt in unwanted if self._due(attempt.directory)]
        for_each(due, self._cancel, lambda attempt: f"job {attempt.job}")
        for job in self.desk.ledger.jobs_not_ended():
            if job.cancel_wanted and job.key not in alive:
                self.desk.ledger.end_job(job.key, Failure.CANCELLED, "Before it was started.")

    def _cancel(self, attempt: AttemptRow) -> None:
        self.desk.cluster.cancel(attempt.native_id, Path(attempt.directory))

    def _due(self, directory: str) -> bool:
        now = self.desk.clock()
        if now - self._asked.get(directory, float("-inf")) < AGAIN_S:
            return False
        self._asked = {place: at for place, at in self._asked.items() if now - at < 10 * AGAIN_S}
        self._asked[directory] = now
        return True
