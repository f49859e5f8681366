"""`beampace simulate`: write a synthetic dataset as the detector would leave it, with the truth beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from beampace.cli.console import ConsoleProgress
from beampace.cli.guard import available_cores, guarded
from beampace.cli.scenarios import scenario_of
from beampace.cli.words import FileFault, Wanted
from beampace.core.dataset import Hint
from beampace.core.errors import failure
from beampace.core.ports import Progress
from beampace.core.taxonomy import Exit, Failure
from beampace.simulate.files import write_dataset
from beampace.simulate.frames import Frame
from beampace.simulate.options import Faults, FileLayout, InfoFile, WriteOptions
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import Simulation, simulate_scan
from beampace.work import FanOut, Switch


def faults_of(words: tuple[FileFault, ...], n_frames: int, images_per_file: int) -> Faults:
    """Faults that hit the middle of the scan."""
    files = -(-n_frames // images_per_file)
    hit = max(1, (files + 1) // 2)
    return Faults(
        stop_after=n_frames // 2 if FileFault.ABORTED in words else None,
        missing=(hit,) if FileFault.MISSING in words else (),
        late=((hit, 3.0),) if FileFault.LATE in words else (),
        truncated=(hit,) if FileFault.TRUNCATED in words else (),
        corrupt=(max(1, n_frames // 2),) if FileFault.CORRUPT in words else (),
        no_wavelength=FileFault.NO_WAVELENGTH in words,
        zero_distance=FileFault.ZERO_DISTANCE in words,
        wrong_mask=FileFault.WRONG_MASK in words,
        links_outside=FileFault.LINKS_OUTSIDE in words,
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate, where to, and how it is written."""

    scenario: Scenario
    directory: Path
    options: WriteOptions
    cores: int = 1


def write_simulation(plan: Plan, progress: Progress) -> Path:
    """Write the dataset and its truth; returns the master file.

    Raises:
        InputError: the directory holds a dataset of that name already, or the crystal is impossible.
        Cancelled: `progress` said so.
        OSError: the files cannot be written.
    """
    master = plan.directory / f"{plan.scenario.name}_master.h5"
    if master.exists():
        raise failure(Failure.BAD_REQUEST, f"{master} exists already.", "Choose another directory or --name.")
    plan.directory.mkdir(parents=True, exist_ok=True)
    simulation = simulate_scan(plan.scenario, plan.cores)
    simulation.truth.write(plan.directory / plan.scenario.name)
    grid = plan.scenario.grid
    hint = Hint(grid=(grid.columns, grid.rows) if grid else None)
    # The frames are the same for the same seed; the series is a new one each time it is taken.
    dataset = replace(simulation.dataset, hint=hint, collected=datetime.now(UTC))
    progress.stage(f"writing {plan.scenario.name}", plan.scenario.n_images)
    frames = _counted(simulation, progress)
    return write_dataset(dataset, simulation.mask, frames, plan.directory, plan.options)


def _counted(simulation: Simulation, progress: Progress) -> Iterator[Frame]:
    for number, frame in enumerate(simulation.frames, start=1):
        progress.advance(number)
        progress.check()
        yield frame


def simulate_command(wanted: Wanted) -> int:
    """Carry out the command; returns the exit code."""
    console = Console(stderr=True)

    def run(switch: Switch) -> int:
        plan = Plan(
            scenario_of(wanted), wanted.directory, options_of(wanted), wanted.cores or available_cores()
        )
        with ConsoleProgress(console) as progress:
            master = write_simulation(plan, FanOut((progress, switch)))
        sys.stdout.write(f"{master}\n")
        return int(Exit.RESULT)

    return guarded(console, run)


def options_of(wanted: Wanted) -> WriteOptions:
    """How the files are written: with P11's habits, unless a fault says otherwise."""
    return WriteOptions(
        layout=wanted.layout,
        images_per_file=wanted.images_per_file,
        rate=wanted.rate,
        info=InfoFile.AFTER,
        patch=FileFault.UNPATCHED not in wanted.fault and wanted.layout is not FileLayout.NXMX,
        faults=faults_of(wanted.fault, wanted.frames, wanted.images_per_file),
    )
