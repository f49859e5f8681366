"""The page of a beamtime in numbers, from the ledger and the result files; needs no daemon."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.service.audit import Books, audit
from beampace.service.disk import space_at
from beampace.service.roots import is_here
from beampace.store import BeamtimeRow, Counts, Ledger, current
from beampace.web import AccountInfo, AccountsAnswer, DiskInfo, ReportAnswer
from beampace.web.accounts import account_info, failure_infos
from beampace.web.answers import DatasetBytes
from beampace.web.lags import lag_infos, measured_results, measured_starts

LARGEST = 10
"""Datasets whose bytes the page names."""


def beamtime_of(ledger: Ledger, beamtime: str = "") -> BeamtimeRow:
    """A beamtime by its id; the open one, else the last, without one.

    Raises:
        InputError: there is no such beamtime (bad_request).
    """
    rows = ledger.beamtimes()
    if beamtime:
        rows = tuple(row for row in rows if row.id == beamtime)
    found = current(rows)
    if found is None:
        detail = (
            f"The ledger knows no beamtime {beamtime!r}." if beamtime else "The ledger knows no beamtime yet."
        )
        raise failure(Failure.BAD_REQUEST, detail, "`beampace status` names the one that is open.")
    return found


def accounts_of(ledger: Ledger, beamtime: str = "") -> AccountsAnswer:
    """What each group used.

    Raises:
        InputError: there is no such beamtime (bad_request).
    """
    rows = ledger.accounts(beamtime_of(ledger, beamtime).id)
    return AccountsAnswer(accounts=tuple(map(account_info, rows)))


def report_of(ledger: Ledger, beamtime: str = "") -> ReportAnswer:
    """The numbers of a beamtime. Reads every `result.json` of it that can be found.

    Raises:
        InputError: there is no such beamtime (bad_request).
    """
    row = beamtime_of(ledger, beamtime)
    books = _books(ledger, row)
    found, lags, counts = audit(books), ledger.lags(row.id), ledger.counts(row.id)
    datasets = {dataset.id: dataset for dataset in books.datasets}
    accounts = accounts_of(ledger, row.id).accounts
    return ReportAnswer(
        beamtime=row.id,
        title=row.title,
        opened=row.opened,
        closed=row.closed,
        made=datetime.now(UTC),
        datasets=dict(counts.datasets),
        jobs=_by_class(counts),
        results=len(books.results),
        attempts=len(lags),
        retries=sum(lag.attempt > 1 for lag in lags),
        lags=lag_infos((*measured_starts(lags), *measured_results(books.results, datasets, lags))),
        lost=found.lost,
        doubled=found.doubled,
        misplaced=found.misplaced,
        unchecked=_unchecked(books),
        failures=failure_infos(ledger.failures(row.id)),
        accounts=accounts,
        disk=None if books.files is None else _disk(books.files, accounts),
        largest=largest_of(books),
    )


def largest_of(books: Books, most: int = LARGEST) -> tuple[DatasetBytes, ...]:
    """The datasets that take most space, raw data and results together."""
    results: defaultdict[int, int] = defaultdict(int)
    for row in books.results:
        results[row.dataset] += row.result.n_bytes
    infos = [
        DatasetBytes(
            dataset=one.id,
            name=one.name,
            place=one.place,
            group=one.group,
            raw_bytes=one.n_bytes,
            result_bytes=results[one.id],
        )
        for one in books.datasets
    ]
    return tuple(sorted(infos, key=lambda info: -info.raw_bytes - info.result_bytes)[:most])


def _books(ledger: Ledger, row: BeamtimeRow) -> Books:
    datasets, jobs = ledger.datasets(beamtime=row.id), ledger.jobs(beamtime=row.id)
    return Books(row, datasets, jobs, ledger.results(beamtime=row.id), files_of(row))


def files_of(row: BeamtimeRow) -> Path | None:
    """Where a beamtime's directory is now: its root, else its place on the core file system, else None.

    After the stop, `current` is gone, or is the next beamtime.
    """
    if is_here(row):
        return Path(row.root)
    core = Path(row.core_path) if row.core_path else None
    return core if core is not None and (core / "processed").is_dir() else None


def _by_class(counts: Counts) -> dict[str, dict[str, int]]:
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (work_class, state), number in counts.jobs.items():
        found[work_class.value][state.name.lower()] = number
    return dict(found)


def _unchecked(books: Books) -> str:
    if books.files is not None:
        return ""
    core = books.beamtime.core_path
    also = f", and there is nothing in {core}" if core else ""
    return f"The files were not checked: {books.beamtime.root} is no longer its directory{also}."


def _disk(root: Path, accounts: Iterable[AccountInfo]) -> DiskInfo | None:
    place = root / "processed"
    try:
        space = space_at(place)
    except OSError:  # the beamtime's file system may be gone after its end
        return None
    used = sum(account.result_bytes for account in accounts)
    return DiskInfo(
        path=str(place), free_bytes=space.free_bytes, total_bytes=space.total_bytes, used_bytes=used
    )
