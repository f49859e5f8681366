"""`process`: a rotation dataset to merged data, with second tries, and a result in every case."""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from beampace import __version__
from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset
from beampace.core.engine import EngineRecord, Request
from beampace.core.errors import BeampaceError, CrystalMoved, ScienceError, failure
from beampace.core.frames import FrameLedger
from beampace.core.ports import Engine, Progress
from beampace.core.taxonomy import TAXONOMY, Exit, Failure
from beampace.core.verdict import Verdict
from beampace.eiger import Container, FollowSettings, ReadOptions, open_container, write_companion
from beampace.results import (
    Result,
    StatisticsInfo,
    Try,
    build_result,
    columns_of,
    judge,
    place_files,
    statistics_of,
    write_report,
    write_result,
)
from beampace.work import frames, ladder
from beampace.work.directory import open_to_readers, os_failure, result_directory
from beampace.work.ladder import Attempt, Knowledge, Rung
from beampace.work.logfile import log_to
from beampace.work.progress import FanOut, FileProgress, LogProgress

WORK = "process"
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
        cores: processes; None for all this process may use.
        out: result directory to make; None for a numbered one below the current directory.
        patience_s: seconds without a new frame after which the dataset has stopped growing; None
            for a value that fits the frame time.
        read: how to read the container.
    """

    master: Path
    engine: str = "dials"
    images: tuple[int, int] | None = None
    space_group: str | None = None
    unit_cell: UnitCell | None = None
    d_min: float | None = None
    cores: int | None = None
    out: Path | None = None
    patience_s: float | None = None
    read: ReadOptions | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """How processing ended: the result, its directory (None when it could not be made), the exit code."""

    result: Result
    directory: Path | None
    exit: Exit


@dataclass(slots=True)
class Case:
    """What is known so far; a failure reports as much of it as there is."""

    dataset: Dataset | None = None
    ledger: FrameLedger | None = None
    request: Request | None = None
    record: EngineRecord | None = None
    statistics: StatisticsInfo | None = None
    columns: Mapping[str, tuple[float | str | None, ...]] | None = None
    files: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    tries: list[Try] = field(default_factory=list)
    timing: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    last_seen: float | None = None


def process(options: ProcessOptions, engines: Mapping[str, Engine], progress: Progress) -> Finished:
    """Process a dataset; every ending is a result.

    Args:
        options: what to do.
        engines: name -> engine; a fresh one for each dataset.
        progress: told how far it is, asked whether to stop.
    """
    case = Case(versions={"beampace": __version__, "python": platform.python_version()})
    try:
        name = options.master.name.removesuffix(".h5").removesuffix("_master")
        # Programs run in directories of their own: a path relative to ours would mislead them.
        directory = result_directory(options.out, name, WORK, Path.cwd()).absolute()
    except BeampaceError as error:
        return _finished(_result(options, case, Verdict.of(error)), None)
    with log_to(directory / "log.txt"):
        file_progress = FileProgress(directory)
        listeners = FanOut((file_progress, LogProgress(log), progress))
        verdict = _carried_out(options, engines, listeners, directory, case)
        finished = _written(options, case, verdict, directory)
        file_progress.finish(finished.result.verdict.code)
        return finished


def _carried_out(
    options: ProcessOptions, engines: Mapping[str, Engine], progress: Progress, directory: Path, case: Case
) -> Verdict:
    """The verdict. This is the boundary at which anything unexpected becomes `engine_failed`."""
    try:
        return _carry_out(options, engines, progress, directory, case)
    except BeampaceError as error:
        log.info("ended: %s", error)
        return Verdict.of(error, case.remarks)
    except OSError as error:
        log.exception("ended by the operating system")
        return Verdict.of(os_failure(error, str(directory)), case.remarks)
    except Exception as error:
        log.exception("ended unexpectedly")
        detail = f"{type(error).__name__}: {error}"
        return Verdict.of(failure(Failure.ENGINE_FAILED, detail), case.remarks)


def _carry_out(
    options: ProcessOptions, engines: Mapping[str, Engine], progress: Progress, directory: Path, case: Case
) -> Verdict:
    log.info("beampace %s: process %s", __version__, options.master)
    engine = _engine(options, engines)
    master = options.master.absolute()
    with _timed(case, "read"):
        _opened(case, open_container(master, options.read))
    _check_engine(engine, case)
    with _timed(case, "wait"):
        container = _waited(options, case, master, progress)
    dataset, ledger = container.dataset, case.ledger or FrameLedger.announced(0)
    images = frames.choose(dataset, ledger, options.images)
    with _timed(case, "companion"):
        companion = write_companion(container, ledger, directory)
    case.files["companion"] = companion.path.name
    case.remarks = (*dataset.remarks, *companion.remarks)
    record = case.record = _climb(options, engine, progress, directory, case, companion.path, images)
    used = case.request.images if case.request else images
    return _concluded(directory, case, dataset, ledger, record, used, progress)


def _opened(case: Case, container: Container) -> Container:
    """Keep the record, and stop when there is nothing to integrate."""
    dataset = case.dataset = container.dataset
    log.info("%s: %s, %s", dataset.name, dataset.kind, dataset.kind_reason)
    frames.check_kind(dataset)
    return container


def _waited(options: ProcessOptions, case: Case, master: Path, progress: Progress) -> Container:
    """Wait for the frames; the master is read again afterwards, P11 patches it late."""
    if case.dataset is None:
        raise ValueError("the dataset is read before its frames are waited for")
    patience = options.patience_s
    quiet = frames.patience_for(case.dataset) if patience is None else patience
    progress.stage("wait for frames", case.dataset.n_announced)
    followed = frames.wait_for(master, FollowSettings(quiet_s=quiet, read=options.read), progress)
    case.ledger, case.last_seen = followed.ledger, followed.last_seen
    return _opened(case, followed.container)


def _concluded(
    directory: Path,
    case: Case,
    dataset: Dataset,
    ledger: FrameLedger,
    record: EngineRecord,
    images: tuple[int, int],
    progress: Progress,
) -> Verdict:
    progress.stage("statistics")
    with _timed(case, "statistics"):
        placed = place_files(directory, record)
        case.files.update(placed.files)
        case.hashes.update(placed.hashes)
        case.statistics = statistics_of(record.unmerged, d_min_reason=record.d_min_reason)
        case.columns = columns_of(record.unmerged, record.series)
    verdict = judge(dataset, ledger, record, case.statistics, images=images, columns=case.columns)
    warnings = dict.fromkeys((*verdict.warnings, *case.remarks))
    return Verdict(verdict.code, verdict.words, verdict.next_step, tuple(warnings))


def _climb(
    options: ProcessOptions,
    engine: Engine,
    progress: Progress,
    directory: Path,
    case: Case,
    master: Path,
    images: tuple[int, int],
) -> EngineRecord:
    """Try until merged data are there, or nothing is left to try."""
    if case.dataset is None:
        raise ValueError("the dataset is read before it is processed")
    degrees = abs(case.dataset.scan.width) * (images[1] - images[0] + 1)
    known = Knowledge(degrees, options.unit_cell is not None)
    history: list[Attempt] = []
    while rung := ladder.next_try(history, known):
        place = directory / f"{engine.name}_{len(history) + 1}"
        place.mkdir()
        request = case.request = Request(
            case.dataset,
            master,
            place,
            rung.images or images,
            options.cores or len(os.sched_getaffinity(0)),
            options.space_group,
            options.unit_cell,
            options.d_min,
            rung.tweaks,
        )
        if history:
            progress.note(f"Try {len(history) + 1}: {rung.what}, because {rung.reason}")
        started = time.monotonic()
        try:
            record = engine.process(request, progress)
        except ScienceError as error:
            part = error.part if isinstance(error, CrystalMoved) else None
            history.append(Attempt(rung.tweaks, error.code, error.detail, rung.images, part, error.next_step))
            case.tries.append(_try(engine, rung, error.code.value, error.words, started))
            continue
        except BeampaceError as error:
            case.tries.append(_try(engine, rung, error.code.value, error.words, started))
            raise
        case.tries.append(_try(engine, rung, "merged", "", started))
        case.remarks += ladder.part_used(history, rung)
        return record
    best = ladder.best_of(history)
    tried = f" {len(history)} ways were tried." if len(history) > 1 else ""
    raise failure(best.code, f"{best.detail.rstrip('.')}.{tried}", best.next_step)


def _written(options: ProcessOptions, case: Case, verdict: Verdict, directory: Path) -> Finished:
    """Report and result; when they cannot be written, the result says so and is only returned."""
    try:
        _reported(options, case, verdict, directory)
        if case.last_seen is not None:
            case.timing["last_frame_to_result_s"] = time.monotonic() - case.last_seen
        result = _result(options, case, verdict)
        open_to_readers(directory)
        write_result(directory, result)
    except BeampaceError as error:
        log.info("the result cannot be written: %s", error)
        return _finished(_result(options, case, Verdict.of(error)), directory)
    except OSError as error:
        log.exception("the result cannot be written")
        return _finished(_result(options, case, Verdict.of(os_failure(error, str(directory)))), directory)
    return _finished(result, directory)


def _reported(options: ProcessOptions, case: Case, verdict: Verdict, directory: Path) -> None:
    """Write the report. A fault in drawing it is a boundary of its own: it must not cost the result."""
    case.files["log"] = "log.txt"
    try:
        with _timed(case, "report"):
            write_report(directory, _result(options, case, verdict))
    except (BeampaceError, OSError):
        raise
    except Exception:
        log.exception("the report cannot be made")
        return
    case.files["report"] = "report.html"


def _result(options: ProcessOptions, case: Case, verdict: Verdict) -> Result:
    return build_result(
        WORK,
        case.dataset,
        case.ledger,
        case.request,
        case.record,
        verdict,
        timing=case.timing,
        parameters={"master": str(options.master)},
        versions=case.versions,
        tries=case.tries,
        statistics=case.statistics,
        columns=case.columns,
        files=case.files,
        hashes=case.hashes,
        created=datetime.now(UTC),
        engine=options.engine,
    )


def _finished(result: Result, directory: Path | None) -> Finished:
    code = result.verdict.code
    known = code in Failure.__members__.values()
    return Finished(result, directory, TAXONOMY[Failure(code)].exit if known else Exit.RESULT)


def _engine(options: ProcessOptions, engines: Mapping[str, Engine]) -> Engine:
    if options.engine not in engines:
        raise failure(Failure.BAD_REQUEST, f"--engine {options.engine}: there are {', '.join(engines)}.")
    return engines[options.engine]


def _check_engine(engine: Engine, case: Case) -> None:
    with _timed(case, "check_engine"):
        missing = engine.missing()
    if missing:
        raise failure(Failure.ENGINE_MISSING, " ".join(missing))
    case.versions |= engine.versions()


def _try(engine: Engine, rung: Rung, outcome: str, words: str, started: float) -> Try:
    return Try(
        engine=engine.name,
        what=rung.what,
        why=rung.reason,
        outcome=outcome,
        words=words,
        tweaks=tuple(sorted(tweak.value for tweak in rung.tweaks)),
        seconds=round(time.monotonic() - started, 2),
    )


@contextmanager
def _timed(case: Case, step: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        case.timing[step] = case.timing.get(step, 0.0) + time.monotonic() - started
