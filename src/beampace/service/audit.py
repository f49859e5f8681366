"""The audit: what ought to have a result and has none, and what has more than one, from ledger and files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from beampace.core.job import JobState
from beampace.core.taxonomy import Failure
from beampace.service.result_files import ResultFile, result_files
from beampace.service.result_place import results_place
from beampace.store import BeamtimeRow, DatasetRow, JobRow, ResultRow

_FAILURES = frozenset(code.value for code in Failure)


@dataclass(frozen=True, slots=True)
class Audit:
    """What is wrong, as sentences; all empty when nothing is.

    Attributes:
        lost: work that ended without a result and without a failure that says why, or never ended though
            its beamtime did; results whose files are gone; datasets that ended and got no work.
        doubled: jobs with more than one result, in the ledger or on the disk.
        misplaced: results whose files are in the place of another dataset or name another job.
    """

    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    misplaced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Books:
    """All that the ledger knows of a beamtime.

    Attributes:
        beamtime, datasets, jobs, results: its rows.
        files: where the beamtime's directory is now, as it may have moved; None when nobody knows.
    """

    beamtime: BeamtimeRow
    datasets: Sequence[DatasetRow]
    jobs: Sequence[JobRow]
    results: Sequence[ResultRow]
    files: Path | None

    def now_at(self, path: Path) -> Path | None:
        """Where a path below the beamtime's root is now; None when nobody knows."""
        root = Path(self.beamtime.root)
        if self.files is None or not path.is_relative_to(root):
            return None
        return self.files / path.relative_to(root)

    def has(self, directory: str) -> bool:
        """Whether a directory is there."""
        now = self.now_at(Path(directory))
        return now is not None and now.is_dir()


def audit(books: Books) -> Audit:
    """Check the ledger against the files; reads every `result.json` of the beamtime.

    Where nobody knows where its files are, the ledger alone is checked.
    """
    return compare(books, tuple(_files(books)))


def _files(books: Books) -> Iterable[ResultFile]:
    """The results on the disk, under the names the ledger has for them."""
    for place in _places(books):
        now = books.now_at(place)
        for file in () if now is None else result_files((now,)):
            yield replace(file, directory=str(place / Path(file.directory).name))


def compare(books: Books, files: Iterable[ResultFile]) -> Audit:
    """The audit without the reading."""
    on_disk: defaultdict[str, list[str]] = defaultdict(list)
    answers: defaultdict[str, list[str]] = defaultdict(list)
    for file in files:
        if file.job:
            on_disk[file.job].append(file.directory)
            answers[file.job] += [file.directory] if file.is_answer else []
    return Audit(
        (*_lost_jobs(books), *_lost_files(books, on_disk), *_without_work(books)),
        (*_doubled_rows(books), *_doubled_files(answers)),
        tuple(_misplaced(books, on_disk)),
    )


def result_places(books: Books) -> dict[Path, int]:
    """Where the results of each dataset are (`<work>_<NNN>` are directly below), and its number."""
    first: dict[str, int] = {}
    for dataset in sorted(books.datasets, key=lambda dataset: dataset.id):
        first.setdefault(dataset.place, dataset.id)
    root = Path(books.beamtime.root) / "processed"
    return {root / results_place(one, first[one.place]): one.id for one in books.datasets}


def _places(books: Books) -> list[Path]:
    return sorted(set(result_places(books)) | {Path(row.result.directory).parent for row in books.results})


def _lost_jobs(books: Books) -> Iterable[str]:
    have = {row.job for row in books.results}
    for job in books.jobs:
        if job.key in have:
            continue
        if job.state is JobState.ENDED and job.code not in _FAILURES:
            yield f"{_of(job)} ended ({job.code or 'no code'}) and has no result."
        elif job.state is not JobState.ENDED and books.beamtime.closed is not None:
            yield f"{_of(job)} never ended, though the beamtime did."


def _lost_files(books: Books, on_disk: dict[str, list[str]]) -> Iterable[str]:
    for row in books.results if books.files is not None else ():
        if row.result.directory not in on_disk.get(row.job, ()) and not books.has(row.result.directory):
            yield f"Result {row.id}: {row.result.directory} is gone."


def _without_work(books: Books) -> Iterable[str]:
    worked = {job.dataset for job in books.jobs}
    for dataset in books.datasets:
        if dataset.state != "growing" and dataset.id not in worked:
            yield f"Dataset {dataset.id} ({dataset.place}/{dataset.name}) ended and got no work."


def _doubled_rows(books: Books) -> Iterable[str]:
    jobs = {job.key: job for job in books.jobs}
    found: defaultdict[tuple[object, ...], list[ResultRow]] = defaultdict(list)
    for row in books.results:
        job = jobs.get(row.job)
        options = repr(sorted(job.options.items(), key=repr)) if job else ""
        wanted_by = job.work_class if job else ""
        found[row.dataset, row.generation, row.work, row.engine, options, wanted_by].append(row)
    for rows in found.values():
        if len(rows) > 1:
            numbers = ", ".join(map(str, sorted(row.id for row in rows)))
            yield f"Results {numbers} are of the same work."


def _doubled_files(on_disk: dict[str, list[str]]) -> Iterable[str]:
    for job, directories in sorted(on_disk.items()):
        if len(directories) > 1:
            yield f"Job {job} has {len(directories)} results: {', '.join(directories)}."


def _misplaced(books: Books, on_disk: dict[str, list[str]]) -> Iterable[str]:
    datasets = {dataset.id: dataset for dataset in books.datasets}
    places = result_places(books)
    for row in books.results:
        directory, dataset = row.result.directory, datasets.get(row.dataset)
        if dataset is None or row.group != dataset.group:
            yield f"Result {row.id} is under group {row.group!r}, its dataset is not."
        elif places.get(Path(directory).parent, dataset.id) != dataset.id:
            yield f"Result {row.id}: {directory} is in the place of another dataset."
        elif books.has(directory) and directory not in on_disk.get(row.job, ()):
            yield f"Result {row.id}: {directory} holds no result of its job."


def _of(job: JobRow) -> str:
    engine = f" by {job.engine}" if job.engine else ""
    return f"Job {job.key} ({job.work}{engine} of dataset {job.dataset})"
