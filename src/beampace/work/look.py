"""`look`: every frame of a dataset, as it becomes readable, to an answer."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from beampace.analysis import UsefulRange, strong_refl, useful_range
from beampace.core.dataset import DatasetKind
from beampace.core.errors import Cancelled
from beampace.core.ports import Progress
from beampace.core.verdict import Verdict
from beampace.eiger import ReadOptions
from beampace.engines.xds.found import as_xds
from beampace.engines.xds.spot_xds import spots_text
from beampace.results import write_bytes, write_text
from beampace.results.look_plot import look_png
from beampace.results.look_schema import Look, State
from beampace.work.errand import Errand
from beampace.work.frames import first_look, patience_for
from beampace.work.job import Finished, Job, carry_out
from beampace.work.look_frames import Looked, LookPlan, look_at_frames
from beampace.work.look_join import Joiner
from beampace.work.look_pool import threads_of
from beampace.work.look_record import columns_of, look_record, useful_of
from beampace.work.look_verdict import judge_look

WORK = "look"


@dataclass(frozen=True, slots=True)
class LookOptions:
    """What the user asked for.

    Attributes:
        master: the master file.
        images: first and last frame, numbered from 1, both included; None for all.
        cores: threads, at most four per core this process may use; None for one per core.
        out: result directory to make; None for a numbered one below the current directory.
        patience_s: seconds without a new frame after which the dataset has stopped growing; None for a value
            that fits the frame time.
        read: how to read the container.
        errand: on whose behalf it is done.
    """

    master: Path
    images: tuple[int, int] | None = None
    cores: int | None = None
    out: Path | None = None
    patience_s: float | None = None
    read: ReadOptions | None = None
    errand: Errand = field(default_factory=Errand)

    @property
    def threads(self) -> int:
        """Threads to use."""
        return threads_of(self.cores)


def look(options: LookOptions, progress: Progress) -> Finished:
    """Look at a dataset; every ending is a result.

    Args:
        options: what to do.
        progress: told how far it is, asked whether to stop.
    """
    job = Job(
        WORK, options.master, {"images": options.images, "cores": options.threads}, errand=options.errand
    )

    def do(directory: Path, listeners: Progress) -> Verdict:
        return _look(options, job, directory, listeners)

    return carry_out(job, options.out, do, progress)


def _look(options: LookOptions, job: Job, directory: Path, progress: Progress) -> Verdict:
    plan = plan_of(options, job, progress)
    writer = LookWriter(directory, job)
    try:
        with job.timed(WORK):
            state = look_at_frames(plan, progress, writer.update)
    except BaseException as error:
        writer.write("cancelled" if isinstance(error, Cancelled) else "stopped")
        raise
    progress.stage("summary")
    return _concluded(job, directory, writer, state)


def plan_of(options: LookOptions, job: Job, progress: Progress) -> LookPlan:
    """How the frames are looked at.

    Raises:
        InputError: the master cannot be read.
    """
    with job.timed("read"):
        container = first_look(options.master.absolute(), options.patience_s, options.read, progress)
    job.dataset = container.dataset
    quiet = patience_for(container.dataset) if options.patience_s is None else options.patience_s
    return LookPlan(container, options.threads, options.images, quiet_s=quiet, read=options.read)


def _concluded(job: Job, directory: Path, writer: LookWriter, state: Looked) -> Verdict:
    """Range, reflections, plot and verdict of a look that reached its end."""
    useful = _joined(job, directory, state, writer.joiner(state))
    record = writer.close("complete", useful)
    verdict = judge_look(state.container.dataset, record.columns, state.failures, useful, state.remarks)
    if state.analyses:
        write_bytes(directory / "look.png", look_png(record, verdict.words))
        job.files["plot"] = "look.png"
    return verdict


def _joined(job: Job, directory: Path, state: Looked, joiner: Joiner) -> UsefulRange | None:
    """Useful range and reflections of a rotation scan."""
    if state.container.dataset.kind is not DatasetKind.ROTATION or not state.analyses:
        return None
    with job.timed("join"):
        joiner.settle(state.analyses, complete=True)
        reflections = joiner.reflections()
    if len(reflections):
        write_bytes(directory / "strong.refl", strong_refl(reflections))
        write_text(directory / "SPOT.XDS", spots_text(as_xds(reflections)))
        job.files |= {"strong": "strong.refl", "spot_xds": "SPOT.XDS"}
    return useful_range(state.ordered())


class LookWriter:
    """Keeps `look.json` and the job up to date with what is known, and joins spots as their frames settle.

    Args:
        directory: of the result.
        job: gets ledger, columns, files.
    """

    def __init__(self, directory: Path, job: Job) -> None:
        self._directory = directory
        self._job = job
        self._state: Looked | None = None
        self._ended: float | None = None
        self._joiner: Joiner | None = None
        self._series = 0

    def joiner(self, state: Looked) -> Joiner:
        """What joins the spots of the scan; a new one when another series began."""
        if self._joiner is None or self._series != state.series:
            self._joiner, self._series = Joiner(state.first, state.last), state.series
        return self._joiner

    def update(self, state: Looked) -> None:
        """Write what is known now."""
        self._state = state
        if state.settled and state.container.dataset.kind is DatasetKind.ROTATION:
            self.joiner(state).settle(state.analyses)
        self._ended = None if state.growing else self._ended or time.monotonic()
        self.write("running")

    def close(self, as_state: State, useful: UsefulRange | None = None) -> Look:
        """Write for the last time.

        Raises:
            RuntimeError: no frame was ever seen.
        """
        record = self.write(as_state, useful)
        if record is None:
            raise RuntimeError("the look ended before it began")
        return record

    def write(self, as_state: State, useful: UsefulRange | None = None) -> Look | None:
        """Write `look.json` when anything is known."""
        state, job = self._state, self._job
        if state is None:
            return None
        job.dataset, job.ledger = state.container.dataset, state.ledger()
        job.columns, job.last_seen = columns_of(state), state.last_seen
        job.remarks = tuple(state.remarks)
        record = look_record(
            state,
            dict(job.columns),
            datetime.now(UTC),
            (self._ended or time.monotonic()) - state.began,
            as_state=as_state,
            useful=None if useful is None else useful_of(useful),
        )
        write_text(self._directory / "look.json", record.to_json())
        job.files[WORK] = "look.json"
        return record
