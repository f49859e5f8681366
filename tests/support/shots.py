"""Test shots as P11 leaves them: true angles patched into the master, `info.txt` beside it; their truth."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from beampace.simulate import diffraction
from beampace.simulate.crystal import orthogonalisation_b
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


def true_matrix(made: Simulation) -> npt.NDArray[np.float64]:
    """Columns a*, b*, c* of the first lattice at spindle zero, 1/angstrom."""
    assert made.scenario.crystal is not None
    return np.array(made.truth.orientations[0]) @ orthogonalisation_b(made.scenario.crystal.unit_cell)


def mean_photons(made: Simulation, d_max: float, d_min: float, span: float = 60.0) -> float:
    """True mean photons of a reflection recorded in full between two resolutions, over a range of degrees."""
    bench, (low, high) = made.maker.bench, (0.0, math.radians(span))
    matrix = bench.a_matrices[0]
    chosen = diffraction.candidates(bench.hkl, bench.apparatus, matrix, low, high, 0.0)
    spots = diffraction.rotation_spots(
        bench.hkl, bench.intensity, chosen, bench.apparatus, matrix, low, high, 0.0
    )
    phi, row = spots[:, diffraction.PHI], spots[:, diffraction.ROW].astype(int)
    s2 = ((bench.hkl[row] @ matrix.T) ** 2).sum(axis=1)
    inside = (phi > low) & (phi < high) & (s2 > d_max**-2) & (s2 < d_min**-2)
    return float(spots[inside, diffraction.PHOTONS].mean())
