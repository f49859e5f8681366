"""The life of beamtimes: opened, drained after the stop, closed; nobody touches the daemon for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from beampace.beamtime import ChangeKind, Observation, OpenBeamtime
from beampace.core.errors import BeampaceError
from beampace.core.taxonomy import TAXONOMY, Failure
from beampace.results.below import write_below
from beampace.service.desk import Desk
from beampace.service.each import for_each
from beampace.service.following import Living
from beampace.service.pace import Pace
from beampace.service.roots import has_raw
from beampace.service.starting import spec_of
from beampace.store import AttemptRow, JobRow
from beampace.work.errand import STOP_FILE


@dataclass(slots=True)
class Life:
    """Follows beamtimes from start to stop.

    After the stop, work goes on as long as its files are there and the time to drain lasts; what is left is
    ended as `beamtime_closed`, and waits again when the beamtime is opened once more.
    """

    desk: Desk
    _drain_until: dict[str, float] = field(default_factory=dict)
    _ending: set[str] = field(default_factory=set)
    _pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self._pace = Pace(self.desk.clock)

    @property
    def closing(self) -> frozenset[str]:
        """Beamtimes whose work is being ended."""
        return frozenset(self._ending)

    @property
    def draining(self) -> frozenset[str]:
        """Beamtimes that have stopped and whose work still goes on."""
        return frozenset(self._drain_until) - self._ending

    def absent(self) -> frozenset[str]:
        """Beamtimes of which nothing can be started: being ended, or their raw data are not there."""
        lasting = (row for row in self.desk.ledger.beamtimes() if row.closed is None)
        return self.closing | {row.id for row in lasting if not has_raw(row)}

    def apply(self, observation: Observation) -> None:
        """Write down what happened to beamtimes."""
        for change in observation.changes:
            self.desk.log.info(
                f"beamtime.{change.kind.value}", beamtime=change.beamtime.id, words=change.words
            )
            if change.kind is ChangeKind.CLOSED:
                self.stop(change.beamtime.id)
            else:
                self.open(change.beamtime)

    def open(self, beamtime: OpenBeamtime) -> None:
        """Write down a beamtime that lasts, and let work wait again that a stop of it had ended."""
        self._drain_until.pop(beamtime.id, None)
        self._ending.discard(beamtime.id)
        core = "" if beamtime.core_path is None else str(beamtime.core_path)
        ledger = self.desk.ledger
        ledger.open_beamtime(beamtime.id, str(beamtime.root), beamtime.title, beamtime.root_id, core)
        for job in ledger.revive(beamtime.id):
            self.desk.log.info("job.revived", job=job.key, work=job.work.value, dataset=job.dataset)

    def stop(self, beamtime: str) -> None:
        """Begin to drain a beamtime."""
        self._drain_until.setdefault(beamtime, self.desk.clock() + self.desk.drain_s)

    def drain(self, living: tuple[Living, ...]) -> None:
        """End what can no longer finish, and close beamtimes of which nothing is left."""
        for beamtime in tuple(self._drain_until):
            attempts = [one for one in living if one[0].beamtime == beamtime]
            if not self.desk.ledger.jobs_not_ended(beamtime):
                self._close(beamtime)
            elif beamtime in self._ending or self._over(beamtime):
                self._end(beamtime, attempts)

    def _over(self, beamtime: str) -> bool:
        there = has_raw(self.desk.ledger.beamtime(beamtime))
        return self.desk.clock() >= self._drain_until[beamtime] or not there

    def _end(self, beamtime: str, attempts: list[Living]) -> None:
        """End waiting jobs, and ask running ones to stop, again and again; a later look finds them gone."""
        self._ending.add(beamtime)
        _, refused = for_each(attempts, self._stop_attempt, lambda one: f"job {one[0].key}")
        for trouble in refused:
            self.desk.log.warning("attempt.not_stopped", what=trouble.where, why=trouble.words)
        alive = {job.key for job, _ in self.desk.ledger.active()}
        words = TAXONOMY[Failure.BEAMTIME_CLOSED].words
        for job in self.desk.ledger.jobs_not_ended(beamtime):
            if job.key not in alive:
                self.desk.ledger.end_job(job.key, Failure.BEAMTIME_CLOSED, words)

    def _stop_attempt(self, one: Living) -> None:
        job, attempt = one
        directory = Path(attempt.directory)
        native = attempt.native_id or self._found(job, attempt, directory)
        if native is None:  # written down only: no cluster has it
            words = TAXONOMY[Failure.BEAMTIME_CLOSED].words
            self.desk.ledger.end_attempt(job.key, attempt.number, Failure.BEAMTIME_CLOSED, words)
        elif self._pace.due(attempt.directory):
            self._say_why(directory)
            self.desk.cluster.cancel(native, directory)

    def _found(self, job: JobRow, attempt: AttemptRow, directory: Path) -> str | None:
        """The id of an attempt that the cluster has though nobody wrote it down; it is from now on."""
        native = self.desk.cluster.find(spec_of(job, attempt, directory))
        if native is not None:
            self.desk.ledger.submitted(job.key, attempt.number, native)
        return native

    def _say_why(self, directory: Path) -> None:
        """Leave the reason in the attempt's directory, which may be the jobs' account's as well."""
        place = f"{directory.name}/{STOP_FILE}"
        try:
            write_below(directory.parent, place, Failure.BEAMTIME_CLOSED.value)
        except (BeampaceError, OSError) as error:
            self.desk.log.warning("attempt.no_reason", directory=str(directory), why=str(error))

    def _close(self, beamtime: str) -> None:
        self.desk.ledger.close_beamtime(beamtime, "stopped")
        self._drain_until.pop(beamtime)
        self._ending.discard(beamtime)
        self.desk.log.info("beamtime.drained", beamtime=beamtime)
