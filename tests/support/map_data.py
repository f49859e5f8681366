"""A grid scan that was really mapped, and a strategy made by hand, as results of a ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from beampace.cli.scenarios import two_crystals
from beampace.core.dataset import DatasetKind
from beampace.core.ports import RecordedProgress
from beampace.core.work import WorkName
from beampace.results.strategy_schema import Strategy
from beampace.service.ending import new_result
from beampace.simulate.options import Faults
from beampace.store import Ledger, ResultRow
from beampace.work.map import MapOptions, map_grid
from beampace.work.map_shape import GridWishes
from tests.support.catalogue import ALPHA, BEAMTIME, Catalogued, plain
from tests.support.look_data import TINY, write_scan

COLUMNS, ROWS = 12, 8
STEP = (20.0, 10.0)
CORRUPT = (2, 30)
"""Frames that cannot be read."""
MISSING_ROW = 7
"""A line of the scan, from 0, whose file never appeared."""


def beamtime_of(ledger: Ledger, root: Path) -> Catalogued:
    """An open beamtime without datasets."""
    for tree in ("raw", "processed"):
        (root / tree).mkdir(parents=True, exist_ok=True)
    ledger.open_beamtime(BEAMTIME, str(root), title="Grids")
    return Catalogued(ledger, root, {}, {}, BEAMTIME)


def mapped_grid(
    made: Catalogued, name: str = "grid_001", group: str = ALPHA, **scenario_changes: Any
) -> ResultRow:
    """Simulate a grid with two crystals, two broken frames and a missing line, and map it."""
    grid = two_crystals(COLUMNS, ROWS)
    scenario = replace(TINY, name=name, width=0.0, grid=grid, n_frames=grid.n_cells, **scenario_changes)
    faults = Faults(corrupt=CORRUPT, missing=(MISSING_ROW + 1,))
    master, _ = write_scan(made.root / "raw" / group / name, scenario, per_file=COLUMNS, faults=faults)
    made.see(name, group, n=grid.n_cells, kind=DatasetKind.GRID)
    return map_again(made, name, group, (master,), step_um=STEP)


def map_again(made: Catalogued, name: str, group: str, masters: tuple[Path, ...], **wishes: Any) -> ResultRow:
    """Map a dataset and register the result."""
    key = made.plan(name, WorkName.MAP)
    made.start(key)
    home = made.root / "processed" / group / name / "beampace"
    home.mkdir(parents=True, exist_ok=True)
    out = home / f"map_{1 + len(list(home.iterdir())):03d}"
    options = MapOptions(
        masters, GridWishes(size=(COLUMNS, ROWS), **wishes), cores=2, out=out, patience_s=0.0
    )
    result = map_grid(options, RecordedProgress()).result
    row = made.ledger.finish(new_result(key, result, out, made.ledger.now()))
    assert row is not None
    return row


def with_strategy(made: Catalogued, name: str, text: str | None) -> ResultRow:
    """Test shots with a result of a strategy; without a text it has no strategy.json."""
    if name not in made.datasets:
        made.see(name, ALPHA, n=4, kind=DatasetKind.SCREENING)
    words = "Start at 35 degrees, collect 90 degrees."
    files = {} if text is None else {"strategy.json": text.encode()}
    result = plain(made, name, "strategy", "planned", words, "Type it in.")
    return made.finish(name, WorkName.STRATEGY, "", result, files)


def strategy(**changes: Any) -> Strategy:
    """A strategy for a tetragonal crystal."""
    plan = {
        "rank": 1,
        "words": "complete native data with the least dose",
        "reasons": ["90 degrees reach 99 % in 422.", "0.1 degrees is half the mosaicity."],
        "start_deg": 35.0,
        "range_deg": 90.0,
        "width_deg": 0.1,
        "frames": 900,
        "exposure_s": 0.0075,
        "transmission": 0.35,
        "distance_mm": 187.4,
        "resolution": 1.55,
        "energy_kev": 12.0,
        "completeness": 0.993,
        "anomalous_completeness": 0.962,
        "multiplicity": 6.8,
        "i_over_sigma": 2.1,
        "total_s": 6.75,
        "dose_mgy": None,
    }
    anomalous = plan | {
        "rank": 2,
        "words": "anomalous data",
        "range_deg": 180.0,
        "frames": 1800,
        "transmission": 0.18,
        "multiplicity": 13.4,
        "total_s": 13.5,
        "dose_mgy": 3.2,
    }
    rows = [(start, range_) for start in (35.0, 0.0, 70.0) for range_ in range(5, 181, 5)]
    values = {
        "created": datetime(2026, 11, 20, 3, 12, tzinfo=UTC),
        "dataset": {
            "id": "x",
            "name": "shots_001",
            "path": "/x_master.h5",
            "kind": "screening",
            "width_deg": 0.2,
        },
        "tested": {
            "frames": 4,
            "width_deg": 0.2,
            "exposure_s": 0.1,
            "transmission": 0.2,
            "distance_mm": 200.0,
        },
        "lattice": {
            "space_group": "P 43 21 2",
            "space_group_candidates": ["P 43 21 2", "P 41 21 2"],
            "unit_cell": [78.5, 78.5, 37.0, 90.0, 90.0, 90.0],
            "mosaicity_deg": 0.2,
            "indexed_fraction": 0.93,
            "resolution": 1.6,
        },
        "recommendation": plan,
        "alternatives": [anomalous],
        "columns": {
            "start": [start for start, _ in rows],
            "range": [float(range_) for _, range_ in rows],
            "completeness": [_grown(range_, 22 + start / 5) for start, range_ in rows],
            "anomalous": [_grown(range_, 35 + start / 5) for start, range_ in rows],
        },
        "warnings": ["The flux is not known: no dose can be said."],
    }
    return Strategy.model_validate(values | changes)


def _grown(range_: float, scale: float) -> float:
    return round(1 - 2.0 ** (-((range_ / scale) ** 1.5)), 4)
