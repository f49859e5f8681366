"""Test shots as P11 leaves them: the true angles patched into the master, `info.txt` beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from beampace.simulate.files import write_dataset
from beampace.simulate.options import InfoFile, WriteOptions
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import Simulation, simulate_scan

PATCHED = WriteOptions(info=InfoFile.AFTER, patch=True, patch_delay=0.0)


def shots_of(scenario: Scenario, count: int = 3, width: float = 0.2) -> Simulation:
    """Test shots of a crystal, 45 degrees apart."""
    return simulate_scan(replace(scenario, width=width, interval=45.0, n_frames=count))


def write_shots(made: Simulation, directory: Path, frames: Iterable[npt.NDArray[Any]] | None = None) -> Path:
    """Write test shots, or others in their place; returns the master."""
    return write_dataset(made.dataset, made.mask, frames or made.frames, directory, PATCHED)
