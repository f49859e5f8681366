"""The detector of a scenario: its place in the laboratory, truly and according to the header."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beampace.core.errors import failure
from beampace.core.geometry import Beam, Detector, Vec3, scaled
from beampace.core.taxonomy import Failure
from beampace.simulate.detectors import CATALOGUE, DetectorModel
from beampace.simulate.scenario import Scenario

_SATURATION = {16: 60000, 32: 1000000}
_SENSOR_MM = 0.45


def model(scenario: Scenario) -> DetectorModel:
    """The detector's sizes.

    Raises:
        InputError: it is not in the catalogue.
    """
    if scenario.detector not in CATALOGUE:
        known = ", ".join(CATALOGUE)
        raise failure(Failure.BAD_REQUEST, f"There is no detector {scenario.detector!r}; there are {known}.")
    return CATALOGUE[scenario.detector]


def gaps(scenario: Scenario) -> npt.NDArray[np.bool_]:
    """True where there is no pixel, (slow, fast)."""
    return model(scenario).gap_mask()


def true_detector(scenario: Scenario) -> Detector:
    """The detector where it really stands."""
    width, height = model(scenario).image_size
    bx, by = scenario.beam_centre or (width / 2 + 3.3, height / 2 - 4.7)
    return _detector(scenario, (bx, by), scenario.distance)


def header_detector(scenario: Scenario) -> Detector:
    """The detector where the header says it stands."""
    true = true_detector(scenario)
    bx, by = true.pixel((0.0, 0.0, -1.0)) or (0.0, 0.0)
    dx, dy = scenario.header.beam_shift
    return _detector(scenario, (bx + dx, by + dy), scenario.distance * scenario.header.distance_factor)


def true_beam(scenario: Scenario) -> Beam:
    """The beam as it is."""
    return Beam(scenario.wavelength, polarization_fraction=scenario.polarization_fraction)


def header_beam(scenario: Scenario) -> Beam:
    """The beam according to the header."""
    return Beam(
        scenario.wavelength * scenario.header.wavelength_factor,
        polarization_fraction=scenario.polarization_fraction,
    )


def header_axis(scenario: Scenario) -> Vec3:
    """The spindle according to the header."""
    return scaled(scenario.axis, -1.0) if scenario.header.axis_flipped else scenario.axis


def _detector(scenario: Scenario, centre: tuple[float, float], distance: float) -> Detector:
    layout = model(scenario)
    pixel = layout.pixel_size
    return Detector(
        serial=f"E-32-{scenario.seed % 10000:04d}",
        description=f"Dectris {layout.name}",
        image_size=layout.image_size,
        pixel_size=(pixel, pixel),
        origin=(-centre[0] * pixel, centre[1] * pixel, -distance),
        fast=(1.0, 0.0, 0.0),
        slow=(0.0, -1.0, 0.0),
        sensor_thickness=_SENSOR_MM,
        sensor_material="Si",
        saturation=_SATURATION[scenario.bit_depth],
        bit_depth=scenario.bit_depth,
    )
