"""The stock: a handful of scans simulated once, whose stored frames every played dataset shows again."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset, DatasetKind, Hint
from beampace.core.scan import Scan
from beampace.eiger.nxmx import LIBVER
from beampace.simulate.beamtime.acts import Play
from beampace.simulate.beamtime.script import DETAILED_FRAMES, GRID, SHOTS
from beampace.simulate.beamtime.wishes import DETAILED
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.detectors import TINY
from beampace.simulate.grid import Blob, Grid
from beampace.simulate.layouts import FRAMES
from beampace.simulate.scenario import Lattice, Scenario
from beampace.simulate.simulation import simulate_scan

KEPT_FRAMES = 24
"""Frames of a tiny scan that are simulated; a longer one shows them again and again."""

_BASE = Scenario(detector=TINY, distance=40.0, width=0.5, n_frames=KEPT_FRAMES)
_DETAILED = Scenario(
    distance=95.0,
    photons=120.0,
    crystal=CrystalSpec(UnitCell(38.1, 47.3, 56.7, 90, 90, 90), "P212121", b_factor=60, seed=11),
    lattices=(Lattice(seed=3),),
    width=1.0,
    n_frames=DETAILED_FRAMES,
)
_BLANK = "blank "
_GRID = Grid(*GRID, (Blob((1.6, 1.4), (1.2, 0.9, 1.0), turn=30.0),))


def scenario_of(name: str) -> Scenario:
    """The scenario of a stock, by the name that plays use.

    Raises:
        ValueError: there is no such stock.
    """
    if name == DETAILED:
        return _DETAILED
    scenario = {
        DatasetKind.GRID: replace(_BASE, width=0.0, grid=_GRID),
        DatasetKind.SCREENING: replace(_BASE, width=0.1, interval=90.0, n_frames=SHOTS),
        DatasetKind.ROTATION: _BASE,
        DatasetKind.STILLS: replace(_BASE, width=0.0),
    }[DatasetKind(name.removeprefix(_BLANK))]
    return replace(scenario, crystal=None) if name.startswith(_BLANK) else scenario


@dataclass(frozen=True)
class Stock:
    """A scan as it was simulated.

    Attributes:
        dataset: its record.
        mask: True for pixels not to be used, (slow, fast).
        chunks: the frames as a data file stores them.
    """

    dataset: Dataset
    mask: NDArray[np.bool_]
    chunks: tuple[bytes, ...]

    def record(self, play: Play, frame_time_s: float) -> Dataset:
        """The record of a played dataset: another time and name, as many frames as are announced."""
        scan = self.dataset.scan
        starts = scan.starts if len(scan.starts) == play.n_announced else _longer(scan, play.n_announced)
        grid = GRID if play.kind is DatasetKind.GRID else None
        return replace(
            self.dataset,
            name=play.name,
            n_announced=play.n_announced,
            collected=play.collected,
            scan=Scan(starts, scan.width, 0.99 * frame_time_s, frame_time_s),
            hint=Hint(grid=grid),
        )

    def write_file(self, path: Path, first: int, count: int) -> None:
        """Write a data file with frames `first` onwards (from 1), which must not exist.

        Raises:
            OSError: it cannot be written.
        """
        fast, slow = self.dataset.detector.image_size
        with h5py.File(path, "w-", libver=LIBVER) as handle:
            stack = _stack(handle, count, (slow, fast))
            chosen = itertools.islice(itertools.cycle(self.chunks), first - 1, first - 1 + count)
            for index, chunk in enumerate(chosen):
                stack.id.write_direct_chunk((index, 0, 0), chunk)
            stack.attrs["image_nr_low"] = np.int32(first)
            stack.attrs["image_nr_high"] = np.int32(first + count - 1)


def lay_in(name: str, cores: int = 1) -> Stock:
    """Simulate a stock."""
    simulation = simulate_scan(scenario_of(name), cores)
    return Stock(simulation.dataset, simulation.mask, store_frames(name, simulation.frames))


def store_frames(name: str, frames: Iterable[NDArray[Any]]) -> tuple[bytes, ...]:
    """Frames (slow, fast) as a data file stores them, bitshuffled and compressed."""
    chunks: list[bytes] = []
    for frame in frames:
        with h5py.File(f"{name}.h5", "w", driver="core", backing_store=False, libver=LIBVER) as handle:
            stack = _stack(handle, 1, (frame.shape[0], frame.shape[1]))
            stack[0] = frame
            chunks.append(stack.id.read_direct_chunk((0, 0, 0))[1])
    return tuple(chunks)


def _stack(handle: h5py.File, count: int, shape: tuple[int, int]) -> h5py.Dataset:
    entry = handle.create_group("entry")
    entry.attrs["NX_class"] = np.bytes_("NXentry")
    entry.create_group("data").attrs["NX_class"] = np.bytes_("NXdata")
    return handle.create_dataset(
        FRAMES,
        (count, *shape),
        np.uint32,
        maxshape=(None, *shape),
        chunks=(1, *shape),
        **hdf5plugin.Bitshuffle(),
    )


def _longer(scan: Scan, count: int) -> tuple[float, ...]:
    step = scan.width
    return tuple(scan.starts[0] + step * index for index in range(count))
