"""The truth about a synthetic dataset, kept beside it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from beampace.core.dataset import Dataset
from beampace.core.geometry import Mat3
from beampace.simulate.crystal import Reflections, reflections
from beampace.simulate.scenario import Scenario


@dataclass(frozen=True)
class Truth:
    """What a perfect program would find.

    Attributes:
        scenario: what was asked for.
        dataset: the geometry as it truly is; `header`: as the header says.
        orientations: U of each lattice at spindle zero.
        reflections: structure factors, or None without a crystal.
        volume: (lattices, frames) share of each lattice in the beam, its weight included.
        strength: per frame, intensity left by radiation.
        extra_b: per frame, growth of B, square angstrom.
        tilt: per frame, degrees by which the crystal is turned against the first orientation.
        scale: photons per square electron, per unit of Lorentz factor, polarisation and efficiency.
        events: what happened, as sentences.
    """

    scenario: Scenario
    dataset: Dataset
    header: Dataset
    orientations: tuple[Mat3, ...]
    reflections: Reflections | None
    volume: npt.NDArray[np.float64]
    strength: npt.NDArray[np.float64]
    extra_b: npt.NDArray[np.float64]
    tilt: npt.NDArray[np.float64]
    scale: float
    events: tuple[str, ...]

    def summary(self) -> dict[str, Any]:
        """What goes into the JSON file."""
        return {
            "scenario": dataclasses.asdict(self.scenario),
            "space_group": self._group(),
            "true": _geometry(self.dataset),
            "header": _geometry(self.header),
            "orientations": self.orientations,
            "scale": self.scale,
            "events": self.events,
        }

    def write(self, prefix: Path) -> tuple[Path, Path]:
        """Write `<prefix>_truth.json` and `<prefix>_truth.npz`; returns their paths.

        Raises:
            OSError: they cannot be written.
        """
        text, arrays = (prefix.with_name(f"{prefix.name}_truth.{kind}") for kind in ("json", "npz"))
        text.write_text(json.dumps(self.summary(), indent=1, default=str) + "\n")
        columns: dict[str, npt.NDArray[Any]] = {
            "volume": self.volume,
            "strength": self.strength,
            "extra_b": self.extra_b,
            "tilt": self.tilt,
        }
        if self.reflections is not None:
            columns |= {"hkl": self.reflections.hkl, "f_squared": self.reflections.f_squared}
        np.savez_compressed(arrays, allow_pickle=False, **columns)
        return text, arrays

    def _group(self) -> str | None:
        return self.scenario.crystal.group.hm if self.scenario.crystal else None


def _geometry(dataset: Dataset) -> dict[str, Any]:
    detector, beam = dataset.detector, dataset.beam
    return {
        "beam_centre_px": detector.pixel(beam.direction),
        "distance_mm": detector.distance,
        "wavelength": beam.wavelength,
        "axis": dataset.goniometer.lab_axis,
        "start_deg": dataset.scan.starts[0] if dataset.scan.starts else None,
        "width_deg": dataset.scan.width,
        "n_frames": dataset.scan.n_frames,
    }


def build_truth(scenario: Scenario, true: Dataset, header: Dataset) -> Truth:
    """What is true of a scenario; `true` and `header` are its two records."""
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
