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
from beampace.simulate.crystal import Reflections
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
        columns = {
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
