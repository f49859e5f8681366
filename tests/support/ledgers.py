"""Ledgers for tests: a clock that is set by hand, rows with sensible values, work done by other processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError
from beampace.core.sighting import Sighting
from beampace.core.work import WorkClass, WorkName
from beampace.store import Ledger, NewResult, PlannedJob, open_ledger
from tests.support.postgres import PostgresServer

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgres"))]


@pytest.fixture(params=BOTH)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger, in each database in turn. Import `postgres` beside it."""
    if request.param == "sqlite":
        return str(tmp_path / "state" / "ledger.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.empty()


START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that goes on only when told."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment

    def go(self, seconds: float) -> datetime:
        self.moment += timedelta(seconds=seconds)
        return self.moment


def sighting(identity: str = "E-32-0119/17", **changes: Any) -> Sighting:
    values = {
        "identity": identity,
        "path": f"/gpfs/current/raw/s/{identity.replace('/', '_')}_master.h5",
        "place": "s",
        "name": identity.replace("/", "_"),
        "kind": DatasetKind.ROTATION,
        "kind_reason": "the goniometer turns",
        "n_announced": 3600,
        "frame_time_s": 0.0075,
        "n_files": 4,
        "collected": START,
    }
    return Sighting(**(values | changes))


def planned(key: str, **changes: Any) -> PlannedJob:
    values = {
        "key": key,
        "work": WorkName.PROCESS,
        "engine": "dials",
        "work_class": WorkClass.FULL,
        "cores": 4,
        "memory_mb": 8000,
        "time_s": 3600,
        "options": {"d_min": 1.5},
    }
    return PlannedJob(**(values | changes))


def new_result(job: str, **changes: Any) -> NewResult:
    values = {
        "job": job,
        "directory": f"/gpfs/current/processed/s/beampace/{job}_001",
        "code": "good",
        "words": "It is good.",
        "frames_used": (1, 3600),
        "usable": 3600,
        "announced": 3600,
        "summary": {"space_group": "P 43 21 2", "d_min": 1.42},
        "n_bytes": 12345,
        "last_frame_to_result_s": 18.5,
        "created": START,
    }
    return NewResult(**(values | changes))


def with_job(
    ledger: Ledger, key: str = "k", beamtime: str = "11001", group: str = "a", **changes: Any
) -> int:
    """Beamtime, dataset and job; returns the number of the dataset."""
    ledger.open_beamtime(beamtime, "/gpfs/current")
    dataset = ledger.observe(beamtime, sighting(f"of-{key}"), group).dataset.id
    ledger.plan(dataset, [planned(key, **changes)])
    return dataset


def claim(ledger: Ledger, key: str = "k", cores: int = 4) -> int:
    return ledger.claim(key, "local", lambda number: f"/state/jobs/{key}-{number}", cores).number


@contextmanager
def statements(ledger: Ledger) -> Iterator[list[str]]:
    """The statements sent within the block, but for those that begin and end transactions."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            sent.append(statement)

    engine = ledger._database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def claim_all(address: str, name: str, keys: list[str]) -> list[str]:
    """What another process does: open the ledger, claim whatever it can get, end each job.

    Returns:
        The keys it got, or the error that stopped it.
    """
    got = []
    ledger = open_ledger(address)
    try:
        for key in keys:
            try:
                claim(ledger, key)
            except InputError:
                continue
            got.append(key)
            ledger.submitted(key, 1, f"{name}-{key}")
            ledger.finish(new_result(key))
    finally:
        ledger.close()
    return got
