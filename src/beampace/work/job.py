"""The frame of a piece of work that makes a result directory: every ending is a result."""

from __future__ import annotations

import hashlib
import logging
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from beampace import __version__
from beampace.core.dataset import Dataset
from beampace.core.engine import EngineRecord, Request
from beampace.core.errors import BeampaceError, Cancelled, failure
from beampace.core.frames import FrameLedger
from beampace.core.ports import Progress
from beampace.core.taxonomy import TAXONOMY, Exit, Failure
from beampace.core.verdict import Verdict
from beampace.results import Result, StatisticsInfo, Try, build_result, write_report, write_result
from beampace.results.schema import CrystalInfo
from beampace.work.directory import open_to_readers, os_failure, result_directory
from beampace.work.errand import Errand
from beampace.work.logfile import log_to
from beampace.work.progress import FanOut, FileProgress, LogProgress
from beampace.work.tidy import bytes_of, remove_intermediates

log = logging.getLogger("beampace.work")


def own_versions() -> dict[str, str]:
    """Versions of beampace and of its Python."""
    return {"beampace": __version__, "python": platform.python_version()}


@dataclass(frozen=True, slots=True)
class Finished:
    """How work ended: the result, its directory (None when it could not be made), the exit code."""

    result: Result
    directory: Path | None
    exit: Exit


@dataclass(slots=True)
class Job:
    """A piece of work and what is known so far; a failure reports as much of it as there is.

    Attributes:
        work: `process`, `look`, `map`.
        master: the master file.
        parameters: what was asked for.
        engine: name of the engine, if there is one.
        with_report: whether `report.html` is written.
        dataset, ledger, request, record, statistics, columns, files, hashes, tries, timing, versions: for the
            result.
        remarks: warnings of an ending that has no verdict of its own.
        last_seen: monotonic time at which the last frame was first seen.
        crystal: what a program said of it that gives no record.
        errand: on whose behalf it is done.
        intermediates: globs of files not worth keeping after a success, relative to the result directory.
    """

    work: str
    master: Path
    parameters: dict[str, object] = field(default_factory=dict)
    engine: str | None = None
    with_report: bool = False
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
    versions: dict[str, str] = field(default_factory=own_versions)
    remarks: tuple[str, ...] = ()
    last_seen: float | None = None
    crystal: CrystalInfo | None = None
    errand: Errand = field(default_factory=Errand)
    intermediates: tuple[str, ...] = ()

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the seconds of a step."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.timing[step] = self.timing.get(step, 0.0) + time.monotonic() - started


Do = Callable[[Path, Progress], Verdict]


def carry_out(job: Job, out: Path | None, do: Do, progress: Progress) -> Finished:
    """Make the directory, do the work, write the result.

    Args:
        job: what is known; filled by `do`.
        out: result directory, or None for a numbered one.
        do: the work; given the directory and the progress, returns the verdict.
        progress: told how far it is, asked whether to stop.
    """
    name = job.master.name.removesuffix(".h5").removesuffix("_master")
    try:
        # Programs run in directories of their own: a path relative to ours would mislead them.
        directory = result_directory(out, name, job.work, Path.cwd()).absolute()
    except BeampaceError as error:
        return _finished(_result(job, Verdict.of(error)), None)
    with log_to(directory / "log.txt"):
        job.files["log"] = "log.txt"
        file_progress = FileProgress(directory)
        listeners = FanOut((file_progress, LogProgress(log), progress))
        verdict = _done(job, do, directory, listeners)
        finished = _written(job, verdict, directory)
        file_progress.finish(finished.result.verdict.code)
        open_to_readers(directory)
        return finished


def _done(job: Job, do: Do, directory: Path, progress: Progress) -> Verdict:
    """The verdict. This is the boundary at which anything unexpected becomes `engine_failed`."""
    log.info("beampace %s: %s %s", __version__, job.work, job.master)
    try:
        return do(directory, progress)
    except Cancelled as error:
        ending = job.errand.ending(error)
        log.info("ended: %s", ending)
        return Verdict.of(ending, job.remarks)
    except BeampaceError as error:
        log.info("ended: %s", error)
        return Verdict.of(error, job.remarks)
    except MemoryError:
        log.exception("ended for want of memory")
        return Verdict.of(failure(Failure.OUT_OF_MEMORY, ""), job.remarks)
    except OSError as error:
        log.exception("ended by the operating system")
        return Verdict.of(os_failure(error, str(directory)), job.remarks)
    except Exception as error:
        log.exception("ended unexpectedly")
        return Verdict.of(failure(Failure.ENGINE_FAILED, f"{type(error).__name__}: {error}"), job.remarks)


def _written(job: Job, verdict: Verdict, directory: Path) -> Finished:
    """Report and result; when they cannot be written, the result says so and is only returned."""
    try:
        if job.with_report:
            _reported(job, verdict, directory)
        if job.last_seen is not None:
            job.timing["last_frame_to_result_s"] = time.monotonic() - job.last_seen
        _tidied(job, verdict, directory)
        result = _result(job, verdict)
        open_to_readers(directory)
        write_result(directory, result)
    except BeampaceError as error:
        log.info("the result cannot be written: %s", error)
        return _finished(_result(job, Verdict.of(error)), directory)
    except OSError as error:
        log.exception("the result cannot be written")
        return _finished(_result(job, Verdict.of(os_failure(error, str(directory)))), directory)
    except Exception as error:
        log.exception("the result cannot be put together")
        return _finished(_least(job, error, directory), directory)
    return _finished(result, directory)


def _tidied(job: Job, verdict: Verdict, directory: Path) -> None:
    """Remove intermediate files after a success, and count what stays."""
    if job.errand.tidy and verdict.code not in Failure.__members__.values():
        freed = remove_intermediates(directory, job.intermediates, job.files.values())
        log.info("intermediate files removed: %.1f MB", freed / 1e6)
    if job.errand.facts:
        job.parameters["bytes"] = bytes_of(directory)


def _least(job: Job, error: Exception, directory: Path) -> Result:
    """The result when what is known of the work cannot be published: how it ended, and the log.

    This is the boundary at which a fault in building the result becomes `engine_failed`.
    """
    ending = failure(Failure.ENGINE_FAILED, f"The result cannot be put together: {type(error).__name__}.")
    result = build_result(
        job.work,
        None,
        None,
        None,
        None,
        Verdict.of(ending),
        parameters={"master": str(job.master), **job.errand.facts},
        files={"log": "log.txt"},
        versions=job.versions,
        created=datetime.now(UTC),
        engine=job.engine,
    )
    try:
        write_result(directory, result)
    except (BeampaceError, OSError):
        log.exception("the result cannot be written")
    return result


def _reported(job: Job, verdict: Verdict, directory: Path) -> None:
    """Write the report. A fault in drawing it is a boundary of its own: it must not cost the result."""
    try:
        with job.timed("report"):
            write_report(directory, _result(job, verdict))
    except (BeampaceError, OSError):
        raise
    except Exception:
        log.exception("the report cannot be made")
        return
    job.files["report"] = "report.html"


def _result(job: Job, verdict: Verdict) -> Result:
    return build_result(
        job.work,
        job.dataset,
        job.ledger,
        job.request,
        job.record,
        verdict,
        timing=job.timing,
        parameters={"master": str(job.master), **job.parameters, **job.errand.facts},
        versions=job.versions,
        tries=job.tries,
        statistics=job.statistics,
        columns=job.columns,
        files=job.files,
        hashes={**_input_hash(job), **job.hashes},
        created=datetime.now(UTC),
        engine=job.engine,
        crystal=job.crystal,
    )


def _input_hash(job: Job) -> dict[str, str]:
    """SHA-256 of the master as it is at the end; P11 may have patched it since it was first read."""
    if job.dataset is None:
        return {}
    try:
        return {"master": f"sha256:{hashlib.sha256(job.master.read_bytes()).hexdigest()}"}
    except OSError as error:
        log.info("the master cannot be hashed: %s", error)
        return {}


def _finished(result: Result, directory: Path | None) -> Finished:
    code = result.verdict.code
    known = code in Failure.__members__.values()
    return Finished(result, directory, TAXONOMY[Failure(code)].exit if known else Exit.RESULT)
