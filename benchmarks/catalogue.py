"""The list of datasets: how long its pages take in a ledger of 5,000 datasets with 10,000 results.

Per question the median time of `Ledger.catalogue`, the worst one, and the ratio to the bare query of this
run: fifty rows of the datasets alone. At the end the list as the pages give it (lines made, JSON written).

Run: `python benchmarks/catalogue.py [datasets] [address]`; the address is a new SQLite file by default, else
`postgresql://USER@HOST/DATABASE`, an empty one.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import insert

from beampace.core.dataset import DatasetKind
from beampace.core.scope import EVERYTHING, Scope
from beampace.store import CatalogueQuery, Ledger, Sort, open_ledger
from beampace.store.tables import beamtimes, datasets, jobs, recommendations, results
from beampace.web.lines import dataset_line
from beampace.web.records.datasets import DatasetsPage, DatasetsQuery

REPEATS = 15
GROUPS = ("alpha", "beta", "gamma", "delta")
SYMBOLS = ("P 43 21 2", "P 21 21 21", "C 1 2 1", "I 21 3", "P 61 2 2")
START = datetime(2026, 11, 20, 12, tzinfo=UTC)

QUESTIONS = {
    "first page": CatalogueQuery(),
    "page 80": CatalogueQuery(offset=3950),
    "one kind": CatalogueQuery(kind=DatasetKind.ROTATION),
    "by sample": CatalogueQuery(sort=Sort.SAMPLE, descending=False),
    "by d_min": CatalogueQuery(sort=Sort.D_MIN, descending=False),
    "by verdict": CatalogueQuery(sort=Sort.VERDICT),
    "good ones": CatalogueQuery(verdict="good"),
    "of a space group": CatalogueQuery(space_group="P43212"),
    "search, found": CatalogueQuery(search="lyso17 merged"),
    "search, nothing": CatalogueQuery(search="nowhere"),
}


def fill(ledger: Ledger, n: int) -> None:
    """Datasets with a look and a processing each, every tenth with another engine's too."""
    numbers = range(1, n + 1)
    runs = [(number, work) for number in numbers for work in _works(number)]
    recommended = {
        dataset: id_ for id_, (dataset, work) in enumerate(runs, 1) if work == ("process", "dials")
    }
    with ledger._database.writing() as connection:  # noqa: SLF001 - rows by the thousand
        connection.execute(
            insert(beamtimes), [{"id": "11010000", "root": "/r", "title": "", "opened": START, "reason": ""}]
        )
        connection.execute(insert(datasets), [_dataset(number) for number in numbers])
        connection.execute(insert(jobs), [_job(id_, *run) for id_, run in enumerate(runs, 1)])
        connection.execute(insert(results), [_result(id_, *run) for id_, run in enumerate(runs, 1)])
        connection.execute(insert(recommendations), [
            {"dataset": dataset, "result": id_, "reason": "It is the only result.", "since": START}
            for dataset, id_ in recommended.items() if dataset % 10
        ])  # fmt: skip


def _works(number: int) -> tuple[tuple[str, str], ...]:
    both = (("look", ""), ("process", "dials"))
    return (*both, ("process", "xds")) if number % 10 == 0 else both


def _dataset(number: int) -> dict[str, object]:
    kinds = list(DatasetKind)
    name = f"lyso{number % 97}_{number:05d}"
    return {
        "id": number, "beamtime": "11010000", "identity": f"E/{number}", "path": f"/r/raw/{name}_master.h5",
        "place": f"puck{number % 12}/{name}", "name": name, "kind": kinds[0 if number % 5 else 2].value,
        "kind_reason": "", "group": GROUPS[number % 4], "group_said": False, "sample": f"lyso{number % 97}",
        "state": "complete", "generation": 0, "n_announced": 3600, "n_files": 4, "n_listed": 4,
        "n_bytes": 10**9, "files_mark": "", "frame_time_s": 0.0075, "seen": START + timedelta(minutes=number),
        "frames_generation": 0, "frames_announced": 3600, "frames_readable": 3600, "frames_analysed": 3600,
        "frames_failed": 0, "failed_ranges": [],
    }  # fmt: skip


def _job(id_: int, dataset: int, run: tuple[str, str]) -> dict[str, object]:
    return {
        "id": id_, "key": f"{id_:016x}", "dataset": dataset, "generation": 0, "work": run[0],
        "engine": run[1], "work_class": "full", "cores": 4, "memory_mb": 8000,
        "time_s": 3600, "options": {}, "state": 2,
        "code": "merged", "detail": "", "attempts": 1, "cancel_wanted": False, "planned": START,
    }  # fmt: skip


def _result(id_: int, dataset: int, run: tuple[str, str]) -> dict[str, object]:
    symbol, code = SYMBOLS[dataset % 5], "merged" if dataset % 7 else "not_indexed"
    figures = {
        "space_group": symbol, "candidates": [symbol], "sure": True,
        "cell": [78.0, 78.0, 37.0, 90.0, 90.0, 90.0], "d_min": 1.2 + dataset % 50 / 40,
        "completeness": 0.99, "multiplicity": 6.5, "r_meas": 0.08,
        "cc_half": 0.998, "mean_i_over_sigma": 12.0, "cc_anom": 0.1,
    }  # fmt: skip
    merged = run[0] == "process" and code == "merged"
    files = {f"file_{number}": f"dials/step_{number}.expt" for number in range(20)}
    return {
        "id": id_, "job": f"{id_:016x}", "attempt": 1, "directory": f"/r/processed/{id_}/{run[0]}_001",
        "code": code if run[0] == "process" else "diffraction", "words": f"{code} to 1.5 A in {symbol}.",
        "frames_first": 1, "frames_last": 3600, "usable": 3600, "announced": 3600,
        "summary": {"next_step": "Use merged.mtz.", "files": files} | (figures if merged else {}),
        "n_bytes": 10**8, "last_frame_to_result_s": 18.0, "created": START, "published": True, "told": True,
    }  # fmt: skip


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Median and worst of some calls, milliseconds; the first one warms up and does not count."""
    call()
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        call()
        taken.append(1000 * (time.perf_counter() - begun))
    return median(taken), max(taken)


def as_page(ledger: Ledger, query: CatalogueQuery) -> str:
    """A page as its route makes it."""
    found = ledger.catalogue(EVERYTHING, query)
    rows = tuple(map(dataset_line, found.rows))
    return DatasetsPage(
        rows=rows, total=found.total, limit=50, offset=0, query=DatasetsQuery()
    ).model_dump_json()


def main(n: int, address: str) -> None:
    """Fill a ledger and ask."""
    ledger = open_ledger(address)
    fill(ledger, n)
    bare = timed(lambda: ledger.datasets(beamtime="11010000", limit=50))[0]
    print(f"{'bare query':24} {bare:8.2f} ms")
    scopes = {"": EVERYTHING, ", one group": Scope("11010000", "beta")}
    for name, query in QUESTIONS.items():
        for whose, scope in scopes.items():
            middle, worst = timed(lambda scope=scope, query=query: ledger.catalogue(scope, query))
            print(f"{name + whose:36} {middle:8.2f} ms, worst {worst:8.2f} ms, {middle / bare:7.1f} x bare")
    middle, worst = timed(lambda: as_page(ledger, CatalogueQuery()))
    print(f"{'first page as JSON':36} {middle:8.2f} ms, worst {worst:8.2f} ms, {middle / bare:7.1f} x bare")
    begun = time.perf_counter()
    rows = sum(1 for _ in ledger.catalogued(EVERYTHING, CatalogueQuery(limit=20_000)))
    print(f"all {rows} rows, one by one: {time.perf_counter() - begun:.2f} s")
    ledger.close()


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory() as directory:
        main(count, sys.argv[2] if len(sys.argv) > 2 else str(Path(directory) / "ledger.sqlite"))
