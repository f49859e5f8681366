"""Following attempts: evidence in, ledger out. Nothing here starts anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from beampace.cluster import read_exit
from beampace.core.errors import BeampaceError
from beampace.core.job import (
    FILE_GRACE_S,
    AttemptState,
    ClusterState,
    Evidence,
    ExitRecord,
    Next,
    next_state,
    tried_again,
)
from beampace.core.sighting import Trouble
from beampace.core.taxonomy import Failure
from beampace.results import Result
from beampace.service.attempt_files import (
    ending_of,
    master_name,
    progress_of,
    result_directory,
    result_of,
    started_at,
)
from beampace.service.causes import Circumstances, named, true_result, unexplained
from beampace.service.desk import Desk
from beampace.service.each import for_each
from beampace.service.ending import frame_counts, new_result
from beampace.service.use import GroupUse
from beampace.store import AttemptRow, FrameCounts, JobRow, ResultRow
from beampace.work.tidy import bytes_of

RETRY_AFTER_S = (2.0, 15.0, 60.0)
"""Seconds before the second, third and further attempts."""

PATIENT = 100
"""Attempts of a job that only lacks the space for its result; it waits in between."""

_PATIENTLY = frozenset({Failure.DISK_FULL})

Living = tuple[JobRow, AttemptRow]


@dataclass(slots=True)
class Follower:
    """Moves living attempts forward.

    Attributes:
        poll_failed_since: monotonic time since when the cluster cannot be asked, or None.
        poll_failed_why: why it could not be asked first.
        troubles: attempts that could not be followed at the last look.
    """

    desk: Desk
    use: GroupUse
    poll_failed_since: float | None = None
    poll_failed_why: str = ""
    troubles: tuple[Trouble, ...] = ()
    _gone: dict[str, float] = field(default_factory=dict)

    def follow(self, living: tuple[Living, ...], closing: frozenset[str]) -> list[ResultRow]:
        """Look at every living attempt once; returns the results that are new.

        Args:
            living: attempts that are under way.
            closing: beamtimes whose work is being ended.

        A cluster that cannot be asked changes no attempt: states stay, and health says for how long.
        """
        states = self._states(living)
        self._forget({attempt.directory for _, attempt in living})

        def one(known: Living) -> ResultRow | None:
            job, attempt = known
            state = states.get(attempt.native_id, ClusterState.UNKNOWN)
            return self._follow_one(job, attempt, state, closing=job.beamtime in closing)

        given = [known for known in living if known[1].native_id]
        found, self.troubles = for_each(given, one, _name)
        return [result for result in found if result is not None]

    def _states(self, living: tuple[Living, ...]) -> Mapping[str, ClusterState]:
        directories = {
            attempt.native_id: Path(attempt.directory) for _, attempt in living if attempt.native_id
        }
        try:
            states = self.desk.cluster.states(directories)
        except BeampaceError as error:
            if self.poll_failed_since is None:
                self.poll_failed_why = error.detail
                self.desk.log.warning("cluster.poll_failed", why=error.detail)
            self.poll_failed_since = self.poll_failed_since or self.desk.clock()
            return {}
        self.poll_failed_since = None
        return states

    def _forget(self, alive: set[str]) -> None:
        self._gone = {directory: since for directory, since in self._gone.items() if directory in alive}

    def _follow_one(
        self, job: JobRow, attempt: AttemptRow, state: ClusterState, *, closing: bool
    ) -> ResultRow | None:
        directory = Path(attempt.directory)
        place, record = result_directory(directory, self._processed(job)), read_exit(directory)
        # A result counts once nothing of its attempt is known to run, so that nothing writes after it.
        result = result_of(place, job.key) if state is not ClusterState.RUNNING or record else None
        evidence = Evidence(
            result_code=None if result is None else result.verdict.code,
            exit=record,
            cluster=state,
            ending=self.desk.cluster.ending(attempt.native_id) if state is ClusterState.GONE else None,
            gone_for_s=self._gone_for(attempt, state),
            beamtime_open=not closing,
        )
        step = next_state(attempt.state, evidence)
        if step.state is AttemptState.ENDED:
            known = Circumstances(
                record,
                ending_of(directory),
                "" if result is None else result.verdict.words,
                evidence.ending,
                closing,
                job.cancel_wanted,
                job.memory_mb,
                job.time_s,
            )
            queue = self.desk.settings.cluster.kind != "local"
            if queue and unexplained(step, known) and evidence.gone_for_s < FILE_GRACE_S:
                return None  # its word may come later than the files
            return self._end(job, attempt, named(step, known), result, place)
        self._progress(job, attempt, step, None if closing else place)  # the place may be another's by now
        return None

    def _processed(self, job: JobRow) -> Path:
        return Path(self.desk.ledger.beamtime(job.beamtime).root) / "processed"

    def _gone_for(self, attempt: AttemptRow, state: ClusterState) -> float:
        if state is not ClusterState.GONE:
            self._gone.pop(attempt.directory, None)
            return 0.0
        return self.desk.clock() - self._gone.setdefault(attempt.directory, self.desk.clock())

    def _progress(self, job: JobRow, attempt: AttemptRow, step: Next, place: Path | None) -> None:
        """State, start and first frame; and, for work that looks at each frame, how many it has done."""
        progress = progress_of(place)
        first = progress.first_frame if progress else None
        started = started_at(Path(attempt.directory)) if attempt.started is None else None
        news = (step.state > attempt.state, started, first if attempt.first_frame is None else None)
        if any(news):
            self.desk.ledger.progressed(
                job.key, attempt.number, step.state, started=started, first_frame=first
            )
        if progress and job.work in ("look", "map") and progress.done:
            counts = FrameCounts(progress.total, progress.done, progress.done)
            self.desk.ledger.frames(job.dataset, counts)

    def _end(
        self, job: JobRow, attempt: AttemptRow, step: Next, result: Result | None, place: Path | None
    ) -> ResultRow | None:
        directory = Path(attempt.directory)
        usage = read_exit(directory)
        if usage is not None:
            self.use.add(job.group, usage.cores * usage.seconds)
        progress = progress_of(place)
        if progress and progress.first_frame and attempt.first_frame is None:
            self.desk.ledger.progressed(
                job.key,
                attempt.number,
                attempt.state,
                started=started_at(directory),
                first_frame=progress.first_frame,
            )
        code = step.code
        stopped = code == Failure.BEAMTIME_CLOSED  # no answer: it waits again when the beamtime is reopened
        if (
            result is not None
            and place is not None
            and not stopped
            and not self._once_more(job, attempt, code)
        ):
            return self._finish(job, attempt, step, result, place, usage)
        left = 0 if place is None else bytes_of(place)
        self.desk.ledger.end_attempt(job.key, attempt.number, code, step.detail, usage, n_bytes=left)
        if self._once_more(job, attempt, code):
            self._again(job, code)
        else:
            self.desk.ledger.end_job(job.key, code, step.detail)
        self.desk.log.info(
            "attempt.ended", job=job.key, attempt=attempt.number, code=code, detail=step.detail
        )
        return None

    def _once_more(self, job: JobRow, attempt: AttemptRow, code: str) -> bool:
        most = PATIENT if code in _PATIENTLY else self.desk.settings.cluster.attempts
        if job.cancel_wanted or not (tried_again(code, 0, most) or self._renamed(job, attempt, code)):
            return False
        # What no cluster ever took says nothing about the job.
        given = [one for one in self.desk.ledger.attempts(job.key) if one.native_id]
        return len(given) < most

    def _renamed(self, job: JobRow, attempt: AttemptRow, code: str) -> bool:
        """Whether the master an attempt was told of has another name by now, or is about to have one.

        A dataset is not its path: renamed between the order and the first reading, it is looked for again.
        """
        if code != Failure.NOT_A_DATASET:
            return False
        path = Path(self.desk.ledger.dataset(job.dataset).path)
        return master_name(Path(attempt.directory)) not in ("", path.name) or not path.exists()

    def _again(self, job: JobRow, code: str) -> None:
        wait = RETRY_AFTER_S[min(job.attempts, len(RETRY_AFTER_S)) - 1]
        self.desk.ledger.retry_at(job.key, self.desk.ledger.now() + timedelta(seconds=wait))
        self.desk.log.info("job.retry", job=job.key, code=code, wait_s=wait, attempts=job.attempts)

    def _finish(
        self,
        job: JobRow,
        attempt: AttemptRow,
        step: Next,
        result: Result,
        place: Path,
        usage: ExitRecord | None,
    ) -> ResultRow | None:
        found = true_result(new_result(job.key, result, place, self.desk.ledger.now()), step)
        row = self.desk.ledger.finish(found, usage)
        counts = frame_counts(result)
        if counts is not None:
            self.desk.ledger.frames(job.dataset, counts)
        self.desk.log.info(
            "job.ended", job=job.key, attempt=attempt.number, code=found.code, directory=str(place)
        )
        return row


def _name(known: Living) -> str:
    return f"job {known[0].key}"
