"""The life of beamtimes: opened, drained after the stop, closed; nobody touches the daemon for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from beampace.beamtime import ChangeKind, Observation
from beampace.core.taxonomy import TAXONOMY, Failure
from beampace.service.desk import Desk
from beampace.service.following import Living
from beampace.work.errand import STOP_FILE


@dataclass(slots=True)
class Life:
    """Follows beamtimes from start to stop.

    After the stop, work goes on as long as its files are there and the time to drain lasts; what is left is
    ended as `beamtime_closed`.
    """

    desk: Desk
    _drain_until: dict[str, float] = field(default_factory=dict)
    _ending: set[str] = field(default_factory=set)

    @property
    def closing(self) -> frozenset[str]:
        """Beamtimes whose work is being ended."""
        return frozenset(self._ending)

    @property
    def draining(self) -> frozenset[str]:
        """Beamtimes that have stopped and whose work still goes on."""
        return frozenset(self._drain_until) - self._ending

    def apply(self, observation: Observation) -> None:
        """Write down what happened to beamtimes."""
        for change in observation.changes:
            self.desk.log.info(
                f"beamtime.{change.kind.value}", beamtime=change.beamtime.id, words=change.words
            )
            if change.kind is ChangeKind.OPENED:
                self._open(change.beamtime.id, change.beamtime.root, change.beamtime.title)
            elif change.kind is ChangeKind.CLOSED:
                self.stop(change.beamtime.id)

    def stop(self, beamtime: str) -> None:
        """Begin to drain a beamtime."""
        self._drain_until.setdefault(beamtime, self.desk.clock() + self.desk.settings.beamtime.drain_s)

    def drain(self, living: tuple[Living, ...]) -> None:
        """End what can no longer finish, and close beamtimes of which nothing is left."""
        for beamtime in tuple(self._drain_until):
            attempts = [one for one in living if one[0].beamtime == beamtime]
            if not self.desk.ledger.jobs_not_ended(beamtime):
                self._close(beamtime)
            elif beamtime in self._ending or self._over(beamtime):
                self._end(beamtime, attempts)

    def _open(self, beamtime: str, root: Path, title: str) -> None:
        self._drain_until.pop(beamtime, None)
        self._ending.discard(beamtime)
        self.desk.ledger.open_beamtime(beamtime, str(root), title)

    def _over(self, beamtime: str) -> bool:
        raw = Path(self.desk.ledger.beamtime(beamtime).root) / "raw"
        return self.desk.clock() >= self._drain_until[beamtime] or not raw.is_dir()

    def _end(self, beamtime: str, attempts: Iterable[Living]) -> None:
        """End waiting jobs, and ask running ones to stop; a later look finds them gone."""
        first = beamtime not in self._ending
        self._ending.add(beamtime)
        words = TAXONOMY[Failure.BEAMTIME_CLOSED].words
        for job in self.desk.ledger.jobs_not_ended(beamtime):
            if job.key not in {one.key for one, _ in attempts}:
                self.desk.ledger.end_job(job.key, Failure.BEAMTIME_CLOSED, words)
        if first:
            for _, attempt in attempts:
                self._stop_attempt(attempt.native_id, Path(attempt.directory))

    def _stop_attempt(self, native: str, directory: Path) -> None:
        try:
            (directory / STOP_FILE).write_text(Failure.BEAMTIME_CLOSED.value, encoding="utf-8")
        except OSError as error:
            self.desk.log.warning("attempt.no_reason", directory=str(directory), why=str(error))
        self.desk.cluster.cancel(native, directory)

    def _close(self, beamtime: str) -> None:
        self.desk.ledger.close_beamtime(beamtime, "stopped")
        self._drain_until.pop(beamtime)
        self._ending.discard(beamtime)
        self.desk.log.info("beamtime.drained", beamtime=beamtime)
