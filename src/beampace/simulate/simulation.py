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
from beampace.simulate.bench import build_bench
from beampace.simulate.defects import place_defects
from beampace.simulate.frames import Frame, FrameMaker
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
from beampace.simulate.truth import Truth, build_truth


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
    empty = gaps(scenario)
    bad = place_defects(empty, scenario.defects, scenario.seed)
    mask = empty.copy()
    mask.reshape(-1)[np.concatenate([bad.no_data, bad.zero])] = True
    truth = build_truth(scenario, true, header)
    expected = expected_background(true.detector, true.beam, scenario.background, mask)
    maker = FrameMaker(truth, build_bench(truth), noise_tables(expected), bad)
    return Simulation(scenario, header, true, mask, truth, maker, cores)


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
        transmission=scenario.transmission,
    )
