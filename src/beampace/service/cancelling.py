"""Cancelling: the wish is written down first, then carried out, and a later poll confirms it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from beampace.core.taxonomy import Failure
from beampace.service.desk import Desk
from beampace.service.each import for_each
from beampace.service.following import Living
from beampace.service.pace import Pace
from beampace.store import AttemptRow


@dataclass(slots=True)
class Canceller:
    """Carries out the wishes to cancel that the ledger holds."""

    desk: Desk
    _pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self._pace = Pace(self.desk.clock)

    def carry_out(self, living: Iterable[Living]) -> None:
        """Ask for the end of unwanted attempts, and end unwanted jobs that have none."""
        alive = {job.key: (job, attempt) for job, attempt in living}
        unwanted = [attempt for job, attempt in alive.values() if job.cancel_wanted and attempt.native_id]
        due = [attempt for attempt in unwanted if self._pace.due(attempt.directory)]
        for_each(due, self._cancel, lambda attempt: f"job {attempt.job}")
        for job in self.desk.ledger.jobs_not_ended():
            if job.cancel_wanted and job.key not in alive:
                self.desk.ledger.end_job(job.key, Failure.CANCELLED, "Before it was started.")

    def _cancel(self, attempt: AttemptRow) -> None:
        self.desk.cluster.cancel(attempt.native_id, Path(attempt.directory))
