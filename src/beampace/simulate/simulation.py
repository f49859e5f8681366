"""From a scenario to a dataset: its records, its frames and its truth."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

import numpy as np
import numpy.typing as npt

from beampace.core.dataset import Dataset
from beampace.core.geometry import Beam, Detector, Goniometer
from beampace.simulate.background import expected_background
from beampace.simulate.crystal import Reflections, reflections
from beampace.simulate.defects import BadPixels, place_defects
from beampace.simulate.frames import Frame, FrameMaker, build_bench
from beampace.simulate.noise import noise_tables
from beampace.simulate.panel import (
    gaps,
    header_axis,
    header_beam,
    header_detector,
    true_beam,
    true_detector,
)
from beampace.simulate.scenario import Scenario
from beampace.simulate.truth import Truth


@dataclass(frozen=True)
class Simulation:
    """A synthetic dataset whose frames are made when they are asked for.

    Attributes:
        scenario: what was asked for.
        dataset: the record as the header has it.
        true_dataset: the record as it truly is.
        mask: True for gaps and dead pixels, (slow, fast).
        truth: what a perfect program would find.
        maker: makes single frames.
        cores: threads that make frames ahead of the reader.
    """

    scenario: Scenario
    dataset: Dataset
    true_dataset: Dataset
    mask: npt.NDArray[np.bool_]
    truth: Truth
    maker: FrameMaker
    cores: int = 1

    def frame(self, number: int) -> Frame:
        """Frame `number`, from 1: (slow, fast) counts.

        Raises:
            IndexError: there is no such frame.
        """
        if not 1 <= number <= self.scenario.n_images:
            raise IndexError(f"frame {number} is not within 1:{self.scenario.n_images}")
        return self.maker.frame(number)

    @property
    def frames(self) -> Iterator[Frame]:
        """All frames in their order, each made as it is taken."""
        return self.part(1, self.scenario.n_images)

    def part(self, first: int, last: int) -> Iterator[Frame]:
        """Frames `first` to `last`, both included; no more than two per core are in memory."""
        numbers = iter(range(first, last + 1))
        if self.cores <= 1:
            yield from (self.frame(number) for number in numbers)
            return
        with ThreadPoolExecutor(self.cores) as pool:
            waiting: deque[Future[Frame]] = deque()
            for number in numbers:
                waiting.append(pool.submit(self.frame, number))
                if len(waiting) > self.cores:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def simulate_scan(scenario: Scenario, cores: int = 1) -> Simulation:
    """Prepare a synthetic dataset.

    Args:
        scenario: what to simulate.
        cores: threads that make frames ahead; frames are the same for any number.

    Raises:
        InputError: the space group is unknown or the cell does not agree with it.
    """
    true = _dataset(scenario, true_detector(scenario), true_beam(scenario), scenario.axis)
    header = _dataset(scenario, header_detector(scenario), header_beam(scenario), header_axis(scenario))
    empty = gaps(scenario.detector)
    bad = place_defects(empty, scenario.defects, scenario.seed)
    mask = empty.copy()
    mask.reshape(-1)[np.concatenate([bad.no_data, bad.zero])] = True
    truth = _truth(scenario, true, header)
    maker = _maker(scenario, true, truth, mask, bad)
    return Simulation(scenario, header, true, mask, truth, maker, cores)


def _maker(
    scenario: Scenario, true: Dataset, truth: Truth, mask: npt.NDArray[np.bool_], bad: BadPixels
) -> FrameMaker:
    expected = expected_background(true.detector, true.beam, scenario.background, mask)
    tables = noise_tables(expected)
    return FrameMaker(scenario, true, truth, build_bench(scenario, true, truth), tables, bad)


def _dataset(scenario: Scenario, detector: Detector, beam: Beam, axis: tuple[float, float, float]) -> Dataset:
    return Dataset(
        id=f"{detector.serial}-{scenario.seed}",
        name=scenario.name,
        master=PurePath(f"{scenario.name}_master.h5"),
        kind=scenario.kind,
        kind_reason="simulated",
        detector=detector,
        beam=beam,
        goniometer=Goniometer(axis=axis),
        scan=scenario.scan,
        n_announced=scenario.n_images,
        collected=datetime(2026, 11, 22, 12, tzinfo=UTC),
    )


def _truth(scenario: Scenario, true: Dataset, header: Dataset) -> Truth:
    count, fate = scenario.n_images, scenario.fate
    numbers = range(1, count + 1)
    table = _reflections(scenario, true)
    lattices = scenario.lattices if table is not None else ()
    return Truth(
        scenario=scenario,
        dataset=true,
        header=header,
        orientations=tuple(lattice.u for lattice in lattices),
        reflections=table,
        volume=_volumes(scenario, len(lattices)),
        strength=np.array([fate.strength(number, count) for number in numbers]),
        extra_b=np.array([fate.extra_b(number, count) for number in numbers]),
        tilt=np.array([fate.tilt(number, count) for number in numbers]),
        scale=_scale(scenario, table, true.beam.wavelength),
        events=_events(scenario),
    )


def _reflections(scenario: Scenario, true: Dataset) -> Reflections | None:
    if scenario.crystal is None:
        return None
    limit = max(true.detector.best_resolution(true.beam), scenario.d_min)
    return reflections(scenario.crystal, round(limit, 4))


def _volumes(scenario: Scenario, n_lattices: int) -> npt.NDArray[np.float64]:
    """Share of each lattice in the beam per frame, (lattices, frames)."""
    total = sum(lattice.weight for lattice in scenario.lattices) or 1.0
    volumes = np.empty((n_lattices, scenario.n_images))
    for index in range(n_lattices):
        volumes[index] = _illumination(scenario, index) * scenario.lattices[index].weight / total
    return volumes


def _illumination(scenario: Scenario, lattice: int) -> npt.NDArray[np.float64]:
    if scenario.grid is None:
        starts = scenario.scan.starts
        return np.array([scenario.fate.volume(n + 1, angle) for n, angle in enumerate(starts)])
    cells = [scenario.grid.cell(number) for number in range(1, scenario.grid.n_cells + 1)]
    volumes = scenario.grid.volumes(lattice) * len(scenario.lattices)
    return np.array([volumes[row, column] for column, row in cells])


def _scale(scenario: Scenario, table: Reflections | None, wavelength: float) -> float:
    """Photons per |F|^2 such that a usual spot between 3 and 5 angstrom has `photons`.

    The usual Lorentz factor is taken as 1/sin(2 theta) at 4 angstrom.
    """
    if table is None or scenario.crystal is None:
        return 0.0
    cell = scenario.crystal.cell
    inverse_d2 = cell.calculate_1_d2_array(table.hkl)
    usual = (inverse_d2 > 1 / 25) & (inverse_d2 < 1 / 9)
    mean = float(table.f_squared[usual].mean() if usual.any() else table.f_squared.mean())
    sin_theta = wavelength / 8
    return scenario.photons / mean * 2 * sin_theta * float(np.sqrt(1 - sin_theta**2))


def _events(scenario: Scenario) -> tuple[str, ...]:
    fate, said = scenario.fate, []
    if scenario.crystal is None:
        said.append("There is no crystal.")
    if fate.slip_frame:
        said.append(f"The crystal slips by {fate.slip} degrees before frame {fate.slip_frame}.")
    if fate.drift:
        said.append(f"The crystal drifts by {fate.drift} degrees during the scan.")
    if fate.intensity_left < 1 or fate.b_growth:
        said.append(f"The crystal dies: {fate.intensity_left:.0%} left, B grows by {fate.b_growth} A^2.")
    if fate.leaves[0]:
        said.append(f"The crystal leaves the beam between frames {fate.leaves[0]} and {fate.leaves[1]}.")
    if len(scenario.lattices) > 1 and scenario.crystal is not None:
        said.append(f"There are {len(scenario.lattices)} lattices.")
    return tuple(said)
