"""Starting what waits: which jobs, how large, and giving each to the cluster exactly once."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path, PurePosixPath

from beampace.core.errors import BeampaceError
from beampace.core.job import AttemptState, Resources
from beampace.core.ports import JobSpec
from beampace.core.sighting import Trouble
from beampace.core.taxonomy import Failure
from beampace.core.work import WorkClass, WorkName
from beampace.plan import Capacity, Cost, Running, Start, Waiting, choose, enlarged, least_cores, size
from beampace.service.desk import Desk
from beampace.service.each import for_each
from beampace.service.following import RETRY_AFTER_S, Living
from beampace.service.job_rooms import JobRooms
from beampace.service.result_place import results_place
from beampace.service.taking_in import take_in
from beampace.service.use import GroupUse
from beampace.store import AttemptRow, DatasetRow, JobRow, ResultRow
from beampace.work.directory import os_failure
from beampace.work.order import ORDER_FILE, Order

PROGRAM = (sys.executable, "-P", "-m", "beampace")
"""This program; -P keeps the working directory out of what it imports."""

STOPPED_QUIET_S = 2.0
"""Patience with a dataset whose end the daemon has waited for already, seconds."""

QUICK = frozenset({WorkClass.URGENT, WorkClass.LIVE})
"""Work that somebody waits for, and that may use what is kept ready."""

LARGE = frozenset({WorkClass.FULL, WorkClass.RERUN})
"""Work that writes much."""

WAIT_FOR_FRAMES_S = 900
"""Wall time a recipe gets besides its own, to wait for frames."""

ASK_AGAIN_S = 2.0
"""Seconds after which a cluster that gave no clear answer is asked whether it has an attempt."""

_REFUSALS = frozenset(
    {Failure.REJECTED_BY_QUEUE, Failure.DISK_FULL, Failure.NOT_WRITABLE, Failure.BAD_REQUEST}
)

COSTS_FOR_S = 20.0
"""Seconds for which measured costs are used before the ledger is asked again."""


@dataclass(slots=True)
class Starter:
    """Gives waiting jobs to the cluster.

    Attributes:
        troubles: jobs that could not be started at the last try.
        taken: results that were there before their jobs were started; whoever deals with them clears it.
        rooms: makes directories for jobs.
    """

    desk: Desk
    capacity: Capacity
    use: GroupUse
    troubles: tuple[Trouble, ...] = ()
    taken: list[ResultRow] = field(default_factory=list)
    rooms: JobRooms = field(init=False)
    _short: bool = False
    _not_before: dict[str, float] = field(default_factory=dict)
    _passed: dict[str, int] = field(default_factory=dict)
    _costs: dict[tuple[str, str], tuple[float, tuple[Cost, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rooms = JobRooms(self.desk.places, self.desk.settings.groups.readers)

    def start(self, living: Iterable[Living], *, short: bool, absent: frozenset[str] = frozenset()) -> int:
        """Start what fits; returns how many were given to the cluster.

        Args:
            living: attempts that are under way.
            short: whether space is short: work that writes much waits, and intermediate files are not kept.
            absent: beamtimes whose raw data are not there; their work waits.
        """
        self._short = short
        able, lacking = self._able(self.desk.ledger.waiting())
        self.troubles = (*lacking, *self.rooms.troubles())
        jobs = {
            job.key: job
            for job in able
            if job.beamtime not in absent and not (short and job.work_class in LARGE)
        }
        if not jobs:
            return 0
        known = self.desk.ledger.datasets_by({job.dataset for job in jobs.values()})
        datasets = {key: known[job.dataset] for key, job in jobs.items()}
        sizes = {key: self.size_of(job, datasets[key]) for key, job in jobs.items()}
        passed = self._passed
        waiting = [waiting_of(jobs[key], datasets[key], sizes[key], passed.get(key, 0)) for key in jobs]
        choice = choose(waiting, [running_of(job) for job, _ in living], self.capacity, self.use.lately())
        self._passed = {key: passed.get(key, 0) + choice.passed.get(key, 0) for key in jobs}

        def begin(start: Start) -> bool:
            job, wish = jobs[start.key], sizes[start.key]
            cores = self._fitting(job, start, wish)
            return cores > 0 and self._start(job, datasets[start.key], replace(start, cores=cores), wish)

        began, troubles = for_each(choice.starts, begin, lambda start: f"job {start.key}")
        self.troubles = (*lacking, *self.rooms.troubles(), *troubles)
        return sum(began)

    def _fitting(self, job: JobRow, start: Start, wish: Resources) -> int:
        """Cores with which the cluster would take it now, or 0: then it goes on waiting."""
        asked = Resources(start.cores, start.memory_mb, wish.time_s)
        least = least_cores(wish.cores, urgent=job.work_class is WorkClass.URGENT)
        return self.desk.cluster.fitting(asked, min(least, start.cores), urgent=job.work_class in QUICK)

    def _able(self, waiting: Iterable[JobRow]) -> tuple[list[JobRow], tuple[Trouble, ...]]:
        """Jobs whose engine is here. The others are not given up: a recipe may be away for a while only."""
        able, lacking = [], set()
        for job in waiting:
            if has_engine(self.desk, job):
                able.append(job)
            else:
                lacking.add(job.engine)
        return able, tuple(_lacking(engine) for engine in sorted(lacking))

    @property
    def _keep_all(self) -> bool:
        return self.desk.settings.results.keep == "all" and not self._short

    def take_up(self, living: Iterable[Living]) -> None:
        """Attempts that were only written down when the daemon ended: the cluster gets them now."""
        for_each(living, self._take_up, lambda one: f"job {one[0].key}")

    def _take_up(self, one: Living) -> None:
        job, attempt = one
        due = self._not_before.get(attempt.directory, float("-inf")) <= self.desk.clock()
        if attempt.state is AttemptState.CLAIMED and due and has_engine(self.desk, job):
            self._not_before.pop(attempt.directory, None)
            self._submit(job, attempt, self.desk.ledger.dataset(job.dataset))

    def size_of(self, job: JobRow, dataset: DatasetRow) -> Resources:
        """What a job may use, from what such work has cost."""
        wish = self._on_a_node(self._wish(job, dataset))
        for attempt in self.desk.ledger.attempts(job.key) if job.attempts else ():
            wish = self._on_a_node(enlarged(wish, attempt.code, self.capacity))
        return wish

    def _on_a_node(self, wish: Resources) -> Resources:
        """No more than a machine of the cluster has."""
        size = self.desk.cluster.size()
        if size is None:
            return wish
        return replace(wish, cores=min(wish.cores, size.cores), memory_mb=min(wish.memory_mb, size.memory_mb))

    def _wish(self, job: JobRow, dataset: DatasetRow) -> Resources:
        if job.engine in self.desk.recipes:
            own = self.desk.recipes[job.engine].recipe.resources
            return Resources(own.cores, own.memory_mb, int(60 * own.minutes) + WAIT_FOR_FRAMES_S)
        return size(
            job.work,
            job.engine,
            dataset.n_announced,
            dataset.kind,
            self.costs_of(job.work.value, job.engine),
            self.capacity,
            urgent=job.work_class is WorkClass.URGENT,
            scan_s=dataset.n_announced * dataset.frame_time_s,
        )

    def costs_of(self, work: str, engine: str) -> tuple[Cost, ...]:
        """Measured costs of such work, asked of the ledger now and then."""
        now = self.desk.clock()
        asked, costs = self._costs.get((work, engine), (float("-inf"), ()))
        if now - asked > COSTS_FOR_S:
            costs = tuple(Cost(*row) for row in self.desk.ledger.costs(work, engine))
            self._costs[work, engine] = (now, costs)
        return costs

    def _start(self, job: JobRow, dataset: DatasetRow, start: Start, wish: Resources) -> bool:
        desk = self.desk
        found = None if job.attempts else take_in(desk, job, place_of(desk, dataset))
        if found is not None:
            self.taken.append(found)
            return False

        def directory(number: int) -> str:
            return str(desk.attempt_directory(job, number))

        attempt = desk.ledger.claim(
            job.key, desk.cluster.name, directory, start.cores, start.memory_mb, wish.time_s
        )
        return self._submit(desk.ledger.job(job.key), attempt, dataset)

    def _submit(self, job: JobRow, attempt: AttemptRow, dataset: DatasetRow) -> bool:
        """Write the order and give the attempt to the cluster; giving it twice starts it once."""
        desk, log = self.desk, self.desk.log.bind(job=job.key, attempt=attempt.number)
        try:
            directory, root = Path(attempt.directory), Path(desk.ledger.beamtime(job.beamtime).root)
            self.rooms.attempt(root, directory)
            spec = spec_of(job, attempt, directory)
            native = desk.cluster.find(spec)
            if native is None:
                self.rooms.results(root / "processed", place_of(desk, dataset), dataset.group)
                order_of(desk, job, attempt, dataset, keep_all=self._keep_all).write(directory)
                native = desk.cluster.submit(spec)
        except BeampaceError as error:
            self._failed(job, attempt, error)
            return False
        except OSError as error:
            ending = os_failure(error, attempt.directory)
            self._not_taken(job, attempt, ending.code.value, ending.words)
            return False
        desk.ledger.submitted(job.key, attempt.number, native)
        log.info(
            "attempt.submitted", work=job.work.value, dataset=job.dataset, native=native, cores=job.cores
        )
        return True

    def _failed(self, job: JobRow, attempt: AttemptRow, error: BeampaceError) -> None:
        """A refusal ends the attempt; any other failure leaves open whether the cluster has it."""
        if error.code in _REFUSALS:
            self._not_taken(job, attempt, error.code.value, error.words)
            return
        self._not_before[attempt.directory] = self.desk.clock() + ASK_AGAIN_S
        log = self.desk.log.bind(job=job.key, attempt=attempt.number)
        log.warning("attempt.unclear", code=error.code.value, detail=error.detail)

    def _not_taken(self, job: JobRow, attempt: AttemptRow, code: str, detail: str) -> None:
        """A cluster that takes nothing now is asked again, without end: it says nothing about the job."""
        ledger = self.desk.ledger
        ledger.end_attempt(job.key, attempt.number, code, detail, None)
        wait = RETRY_AFTER_S[min(attempt.number, len(RETRY_AFTER_S)) - 1]
        ledger.retry_at(job.key, ledger.now() + timedelta(seconds=wait))
        self.desk.log.warning(
            "attempt.not_taken", job=job.key, attempt=attempt.number, code=code, detail=detail
        )


def has_engine(desk: Desk, job: JobRow) -> bool:
    """Whether the engine a job needs can be used; other work needs none."""
    return job.work is not WorkName.PROCESS or job.engine in desk.engines


def _lacking(engine: str) -> Trouble:
    words = f"Work waits for the engine {engine!r}, which is not available here."
    step = "Install it, or bring its recipe back, and restart the daemon; or end the work: `beampace cancel`."
    return Trouble(f"engine {engine}", words, step)


def waiting_of(job: JobRow, dataset: DatasetRow, wish: Resources, passed: int) -> Waiting:
    """A waiting job as the order of work sees it."""
    least = least_cores(wish.cores, urgent=job.work_class is WorkClass.URGENT)
    return Waiting(
        key=job.key,
        work_class=job.work_class,
        group=job.group,
        seen=dataset.seen.timestamp(),
        cores=wish.cores,
        memory_mb=wish.memory_mb,
        min_cores=least,
        passed=passed,
    )


def running_of(job: JobRow) -> Running:
    """A job with a living attempt, as the order of work sees it."""
    return Running(
        key=job.key, work_class=job.work_class, group=job.group, cores=job.cores, memory_mb=job.memory_mb
    )


def spec_of(job: JobRow, attempt: AttemptRow, directory: Path) -> JobSpec:
    """The attempt as the cluster sees it: fixed text and the path of a file."""
    return JobSpec(
        key=job.key,
        attempt=attempt.number,
        argv=(*PROGRAM, "job", str(directory / ORDER_FILE)),
        directory=directory,
        resources=Resources(job.cores, job.memory_mb, job.time_s),
        urgent=job.work_class in QUICK,
    )


def order_of(desk: Desk, job: JobRow, attempt: AttemptRow, dataset: DatasetRow, *, keep_all: bool) -> Order:
    """What the job is asked to do."""
    beamtime = desk.ledger.beamtime(job.beamtime)
    root = Path(beamtime.root)
    recipe = desk.recipes.get(job.engine) if job.work is WorkName.PROCESS else None
    results, places = root / "processed" / place_of(desk, dataset), desk.places
    return Order(
        key=job.key,
        attempt=attempt.number,
        work=job.work,
        engine=job.engine,
        recipe=None if recipe is None else places.there(recipe.path),
        recipe_sha256="" if recipe is None else recipe.sha256,
        master=places.there(Path(dataset.path), raw=True),
        raw=places.there(root / "raw", raw=True),
        processed=places.there(root / "processed"),
        results=places.there(results),
        results_here=results,
        root_id=beamtime.root_id,
        cores=job.cores,
        keep_all=keep_all,
        beamline=desk.settings.beamline,
        options=patient(job, dataset, desk.settings.watch.patience_s),
    )


def place_of(desk: Desk, dataset: DatasetRow) -> PurePosixPath:
    """Where results of a dataset go, relative to `processed`."""
    return results_place(dataset, desk.ledger.first_in(dataset.beamtime, dataset.place))


def patient(job: JobRow, dataset: DatasetRow, patience_s: float | None) -> dict[str, object]:
    """The job's options, with the patience that fits what the daemon knows of the dataset."""
    quiet = STOPPED_QUIET_S if dataset.state == "stopped" else patience_s
    return {**({} if quiet is None else {"quiet_s": quiet}), **job.options}
