"""Small synthetic scans for tests of look and map, and their frames as a written dataset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from beampace.core.dataset import Hint
from beampace.simulate.files import write_dataset
from beampace.simulate.grid import Blob, Grid
from beampace.simulate.options import Faults, InfoFile, WriteOptions
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import Simulation, simulate_scan

TINY = Scenario(name="scan", detector="EIGER2 X 1M", n_frames=24, width=0.5)


def write_scan(
    directory: Path,
    scenario: Scenario = TINY,
    *,
    per_file: int = 8,
    faults: Faults | None = None,
    options: WriteOptions | None = None,
) -> tuple[Path, Simulation]:
    """Simulate and write; the master and what was simulated."""
    simulation = simulate_scan(scenario)
    grid = scenario.grid
    dataset = replace(simulation.dataset, hint=Hint(grid=(grid.columns, grid.rows) if grid else None))
    chosen = options or WriteOptions(
        images_per_file=per_file, info=InfoFile.BEFORE, faults=faults or Faults(), patch=grid is None,
        patch_delay=0.0,
    )  # fmt: skip
    return write_dataset(dataset, simulation.mask, simulation.frames, directory, chosen), simulation


def grid_scenario(
    columns: int = 9, rows: int = 6, *, snake: bool = True, vertical: bool = False, name: str = "grid"
) -> Scenario:
    """A raster over one crystal whose centre lies off the middle, at (0.42, 0.40) of the grid."""
    blob = Blob((columns * 0.42, rows * 0.40), (2.2, 1.4, 2.0), turn=30.0)
    grid = Grid(columns, rows, (blob,), snake=snake, vertical=vertical)
    return replace(TINY, name=name, width=0.0, grid=grid, n_frames=columns * rows)
