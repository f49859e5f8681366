"""The detector of a scenario: its place in the laboratory, truly and according to the header."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beampace.core.geometry import Beam, Detector, scaled
from beampace.simulate.scenario import Scenario

_MODULE, _GAP = (1028, 512), (12, 38)
_MODULES = {"1M": (1, 2), "4M": (2, 4), "9M": (3, 6), "16M": (4, 8)}


def _layout(name: str) -> tuple[int, int]:
    return _MODULES[name.split()[-1].upper()]


def gaps(name: str) -> npt.NDArray[np.bool_]:
    """True where there is no pixel, (slow, fast)."""
    across, down = _layout(name)
    x, y = (
        (np.arange(n * m + (n - 1) * g) % (m + g)) >= m
        for n, m, g in zip((across, down), _MODULE, _GAP, strict=True)
    )
    return np.asarray(x[None, :] | y[:, None])


def true_detector(scenario: Scenario) -> Detector:
    """The detector where it really stands."""
    height, width = gaps(scenario.detector).shape
    bx, by = scenario.beam_centre or (width / 2 + 3.3, height / 2 - 4.7)
    return _detector(scenario, (width, height), (bx, by), scenario.distance)


def header_detector(scenario: Scenario) -> Detector:
    """The detector where the header says it stands."""
    true = true_detector(scenario)
    bx, by = true.pixel((0.0, 0.0, -1.0)) or (0.0, 0.0)
    dx, dy = scenario.header.beam_shift
    return _detector(
        scenario, true.image_size, (bx + dx, by + dy), scenario.distance * scenario.header.distance_factor
    )


def true_beam(scenario: Scenario) -> Beam:
    """The beam as it is."""
    return Beam(scenario.wavelength, polarization_fraction=scenario.polarization_fraction)


def header_beam(scenario: Scenario) -> Beam:
    """The beam according to the header."""
    return Beam(
        scenario.wavelength * scenario.header.wavelength_factor,
        polarization_fraction=scenario.polarization_fraction,
    )


def header_axis(scenario: Scenario) -> tuple[float, float, float]:
    """The spindle according to the header."""
    return scaled(scenario.axis, -1.0) if scenario.header.axis_flipped else scenario.axis


def _detector(
    scenario: Scenario, size: tuple[int, int], centre: tuple[float, float], distance: float
) -> Detector:
    pixel = 0.075
    return Detector(
        serial="E-32-0000",
        description=f"Dectris {scenario.detector}",
        image_size=size,
        pixel_size=(pixel, pixel),
        origin=(-centre[0] * pixel, centre[1] * pixel, -distance),
        fast=(1.0, 0.0, 0.0),
        slow=(0.0, -1.0, 0.0),
        sensor_thickness=0.45,
        sensor_material="Si",
        saturation=60000 if scenario.bit_depth == 16 else 1000000,
        bit_depth=scenario.bit_depth,
    )
