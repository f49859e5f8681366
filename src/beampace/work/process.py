"""`process`: a rotation dataset to merged data, with second tries, and a result in every case."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset
from beampace.core.engine import Readable, Request
from beampace.core.errors import failure
from beampace.core.frames import FrameLedger, FrameState
from beampace.core.ports import Ahead, Engine, Progress
from beampace.core.taxonomy import Failure
from beampace.core.verdict import Verdict
from beampace.eiger import Container, ReadOptions, Snapshot, write_companion
from beampace.results import columns_of, judge, place_files, statistics_of
from beampace.results.free_reference import FreeReference, read_free_reference
from beampace.results.mtz import sha256
from beampace.work import frames
from beampace.work.climb import Climb, climb
from beampace.work.errand import Errand
from beampace.work.job import Finished, Job, carry_out

WORK = "process"

INTERMEDIATE = (".expt", ".refl", ".mtz", ".pickle", ".h5", ".cbf", ".npz", "INTEGRATE.HKL")
"""Ends of the names of the big files engines leave in their own directories; logs and small tables stay."""

D_MIN = (0.3, 50.0)
"""Resolution limits that can be asked for, angstrom."""

log = logging.getLogger("beampace.work")


@dataclass(frozen=True, slots=True)
class ProcessOptions:
    """What the user asked for.

    Attributes:
        master: the master file.
        engine: name of the engine.
        images: first and last frame, numbered from 1, both included; None for all.
        space_group: Hermann-Mauguin symbol to impose, or None.
        unit_cell: cell to expect, or None.
        d_min: resolution limit in angstrom, or None.
        free_r: merged MTZ file whose free-R flags are taken over, or None.
        cores: processes; None for all this process may use.
        out: result directory to make; None for a numbered one below the current directory.
        patience_s: seconds without a new frame after which the dataset has stopped growing; None
            for a value that fits the frame time.
        read: how to read the container.
        errand: on whose behalf it is done.
    """

    master: Path
    engine: str = "dials"
    images: tuple[int, int] | None = None
    space_group: str | None = None
    unit_cell: UnitCell | None = None
    d_min: float | None = None
    free_r: Path | None = None
    cores: int | None = None
    out: Path | None = None
    patience_s: float | None = None
    read: ReadOptions | None = None
    errand: Errand = field(default_factory=Errand)


def process(options: ProcessOptions, engines: Mapping[str, Engine], progress: Progress) -> Finished:
    """Process a dataset; every ending is a result.

    Args:
        options: what to do.
        engines: name -> engine; a fresh one for each dataset.
        progress: told how far it is, asked whether to stop.
    """
    job = Job(
        WORK,
        options.master,
        asked(options),
        engine=options.engine,
        with_report=True,
        errand=options.errand,
        intermediates=tuple(f"{options.engine}_*/*{suffix}" for suffix in INTERMEDIATE),
    )

    def do(directory: Path, listeners: Progress) -> Verdict:
        return _process(options, engines, job, directory, listeners)

    return carry_out(job, options.out, do, progress)


def asked(options: ProcessOptions) -> dict[str, object]:
    """What was asked for, to be told also when no engine was started."""
    said: dict[str, object] = {
        "master": str(options.master.absolute()),
        "images": list(options.images) if options.images else None,
        "space_group": options.space_group,
        "unit_cell": list(options.unit_cell.parameters) if options.unit_cell else None,
        "d_min": _number(options.d_min),
        "free_r": str(options.free_r.absolute()) if options.free_r else None,
        "cores": options.cores,
        "quiet_s": _number(options.patience_s),
    }
    return {name: value for name, value in said.items() if value is not None}


def _number(value: float | None) -> float | str | None:
    """JSON has no number that is not finite."""
    return value if value is None or math.isfinite(value) else str(value)


def check_limit(d_min: float | None) -> None:
    """Stop at a resolution no crystal has, also when it is no number.

    Raises:
        InputError: bad_request.
    """
    low, high = D_MIN
    if d_min is not None and not low <= d_min <= high:
        raise failure(
            Failure.BAD_REQUEST, f"A resolution limit is {low:g} to {high:g} angstrom, not {d_min:g}."
        )


def _process(
    options: ProcessOptions, engines: Mapping[str, Engine], job: Job, directory: Path, progress: Progress
) -> Verdict:
    engine = _engine(options, engines)
    check_limit(options.d_min)
    reference = _reference(options, job)
    with job.timed("read"):
        container = frames.first_look(options.master.absolute(), options.patience_s, options.read, progress)
        _opened(job, container)
    _check_engine(engine, job)
    announced = (1, container.dataset.n_announced)
    wanted = _request(
        options, container.dataset.forwards, container.master, directory, options.images or announced
    )
    with engine.ahead(wanted) as ahead:
        with job.timed("wait"):
            container, ledger = _waited(options, job, container, ahead, progress)
        images = frames.choose(container.dataset, ledger, options.images)
        with job.timed("companion"):
            companion = write_companion(container, ledger, directory)
        job.files["companion"] = companion.path.name
        job.remarks = (*container.dataset.remarks, *companion.remarks)
        request = replace(wanted, dataset=container.dataset.forwards, master=companion.path, images=images)
        job.record = climb(Climb(job, engine, directory, progress), request)
    return _concluded(job, directory, container.dataset, ledger, reference, progress)


def _request(
    options: ProcessOptions, dataset: Dataset, master: Path, directory: Path, images: tuple[int, int]
) -> Request:
    cores = options.cores or len(os.sched_getaffinity(0))
    return Request(
        dataset, master, directory, images, cores, options.space_group, options.unit_cell, options.d_min
    )


def _opened(job: Job, container: Container) -> Dataset:
    """Keep the record, and stop when there is nothing to integrate."""
    dataset = job.dataset = container.dataset
    log.info("%s: %s, %s", dataset.name, dataset.kind, dataset.kind_reason)
    frames.check_kind(dataset)
    return dataset


def _waited(
    options: ProcessOptions, job: Job, container: Container, ahead: Ahead, progress: Progress
) -> tuple[Container, FrameLedger]:
    """Wait for the frames; the master is read again afterwards, P11 patches it late."""
    progress.stage("wait for frames", container.dataset.n_announced)

    def seen(snapshot: Snapshot) -> None:
        ahead.seen(_readable(snapshot))

    if frames.is_growing(container):
        nothing_yet = FrameLedger.announced(container.dataset.n_announced)
        seen(Snapshot(container, nothing_yet, (), growing=True))
    followed = frames.settled(
        container, options.master.absolute(), options.patience_s, options.read, progress, seen
    )
    job.ledger, job.last_seen = followed.ledger, followed.last_seen
    _opened(job, followed.container)
    return followed.container, followed.ledger


def _readable(snapshot: Snapshot) -> Readable:
    """The frames from the first on that can be read."""
    runs = snapshot.ledger.ranges(FrameState.READABLE, FrameState.ANALYSED)
    n = next((last for first, last in runs if first == 1), 0)

    def companion(directory: Path) -> Path:
        return write_companion(snapshot.container, snapshot.ledger.first(n), directory).path

    return Readable(snapshot.container.dataset.forwards, n, companion)


def _concluded(
    job: Job,
    directory: Path,
    dataset: Dataset,
    ledger: FrameLedger,
    reference: FreeReference | None,
    progress: Progress,
) -> Verdict:
    if job.record is None or job.request is None:
        raise ValueError("there is no verdict on merged data before there are merged data")
    record = job.record
    progress.stage("statistics")
    with job.timed("statistics"):
        job.statistics = statistics_of(record.unmerged, d_min_reason=record.d_min_reason)
        job.columns = columns_of(record.unmerged, record.series)
        placed = place_files(directory, record, reference)
        job.files.update(placed.files)
        job.hashes.update(placed.hashes)
        job.remarks = (*job.remarks, *placed.remarks)
    verdict = judge(dataset, ledger, record, job.statistics, images=job.request.images, columns=job.columns)
    warnings = dict.fromkeys((*verdict.warnings, *job.remarks))
    return Verdict(verdict.code, verdict.words, verdict.next_step, tuple(warnings))


def _reference(options: ProcessOptions, job: Job) -> FreeReference | None:
    """The reference set of free-R flags: what is wrong with it is told before anything is processed."""
    if options.free_r is None:
        return None
    reference = read_free_reference(options.free_r)
    job.hashes["free_r"] = sha256(options.free_r)
    return reference


def _engine(options: ProcessOptions, engines: Mapping[str, Engine]) -> Engine:
    if options.engine not in engines:
        raise failure(Failure.BAD_REQUEST, f"--engine {options.engine}: there are {', '.join(engines)}.")
    return engines[options.engine]


def _check_engine(engine: Engine, job: Job) -> None:
    with job.timed("check_engine"):
        missing = engine.missing()
    if missing:
        raise failure(Failure.ENGINE_MISSING, " ".join(missing))
    job.versions |= engine.versions()
