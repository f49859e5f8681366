"""Looks and maps under way, for the pages: from the ledger and the attempts' directories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from beampace.service.attempt_files import result_directory
from beampace.store import AttemptRow, JobRow, Ledger
from beampace.web.live_source import LIVE_FILES, LiveWork


@dataclass(slots=True)
class RunningWork:
    """The `LiveSource` of a daemon.

    Attributes:
        ledger: where attempts are known.
    """

    ledger: Ledger
    _places: dict[str, Path] = field(default_factory=dict)
    _roots: dict[str, Path] = field(default_factory=dict)

    def running(self) -> tuple[LiveWork, ...]:
        """Looks and maps that have a result directory and have not ended."""
        active = [(job, attempt) for job, attempt in self.ledger.active() if job.work in LIVE_FILES]
        known = {attempt.directory for _, attempt in active}
        self._places = {name: place for name, place in self._places.items() if name in known}
        return tuple(self._found(active))

    def _found(self, active: list[tuple[JobRow, AttemptRow]]) -> Iterator[LiveWork]:
        for job, attempt in active:
            place = self._place(job, attempt)
            if place is not None:
                file = place / LIVE_FILES[job.work]
                root = self._processed(job)
                yield LiveWork(job.dataset, job.beamtime, job.group, job.work, job.key, file, root)

    def _place(self, job: JobRow, attempt: AttemptRow) -> Path | None:
        """The result directory of an attempt; asked of the disk until there is one."""
        if attempt.directory not in self._places:
            found = result_directory(Path(attempt.directory), self._processed(job))
            if found is None:
                return None
            self._places[attempt.directory] = found
        return self._places[attempt.directory]

    def _processed(self, job: JobRow) -> Path:
        """The tree of results of a job's beamtime; where a beamtime is never changes."""
        if job.beamtime not in self._roots:
            self._roots[job.beamtime] = Path(self.ledger.beamtime(job.beamtime).root) / "processed"
        return self._roots[job.beamtime]
