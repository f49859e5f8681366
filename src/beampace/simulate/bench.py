"""What all frames of a dataset have in common, as arrays for the kernels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.core.dataset import Dataset
from beampace.simulate.crystal import orthogonalisation_b
from beampace.simulate.diffraction import Apparatus, Floats
from beampace.simulate.scenario import Scenario
from beampace.simulate.sensor import attenuation
from beampace.simulate.truth import Truth

_FAINTEST = 1e-3
"""Reflections with fewer photons than this, per unit of Lorentz factor, are not followed."""


@dataclass(frozen=True)
class Bench:
    """The reflections, the crystal's orientations and the apparatus.

    Attributes:
        hkl: (n, 3) reflections worth following.
        intensity: (n,) photons of each, per unit of Lorentz factor, polarisation and efficiency.
        a_matrices: (lattices, 3, 3) matrices U B at spindle zero, 1/angstrom.
        apparatus: beam, spindle and detector.
    """

    hkl: npt.NDArray[np.int32]
    intensity: Floats
    a_matrices: Floats
    apparatus: Apparatus


def build_bench(truth: Truth) -> Bench:
    """Gather the arrays from the truth."""
    hkl, intensity = _followed(truth)
    crystal = truth.scenario.crystal
    b = orthogonalisation_b(crystal.unit_cell) if crystal else np.eye(3)
    matrices = np.array([np.array(u) @ b for u in truth.orientations]).reshape(-1, 3, 3)
    return Bench(hkl, intensity, matrices, apparatus(truth.scenario, truth.dataset))


def apparatus(scenario: Scenario, dataset: Dataset) -> Apparatus:
    """Beam, spindle and detector as they truly are."""
    detector, beam = dataset.detector, dataset.beam
    mosaic, divergence = math.radians(scenario.mosaicity), math.radians(scenario.divergence)
    mu = attenuation(detector.sensor_material, beam.wavelength)
    pixel, size = detector.pixel_size, detector.image_size
    panel = (detector.origin, detector.fast, detector.slow, detector.normal, (*pixel, 0.0), (*size, 0.0))
    spot = scenario.spot
    sigma = math.hypot(spot.sigma, divergence * detector.distance)
    arc = spot.arc * mosaic * detector.distance
    return Apparatus(
        m=np.array(dataset.goniometer.lab_axis),
        s0=np.array(beam.direction) / beam.wavelength,
        spread=np.array([mosaic, divergence, scenario.bandwidth]),
        panel=np.array(panel, dtype=np.float64),
        optics=np.array(
            [*beam.polarization_normal, beam.polarization_fraction, mu, detector.sensor_thickness]
        ),
        shape=np.array([sigma, spot.ellipticity, spot.tail, spot.tail_width, arc]),
    )


def _followed(truth: Truth) -> tuple[npt.NDArray[np.int32], Floats]:
    table = truth.reflections
    if table is None:
        return np.empty((0, 3), np.int32), np.empty(0)
    intensity = table.f_squared * truth.scale
    keep = intensity > _FAINTEST
    return np.ascontiguousarray(table.hkl[keep]), np.ascontiguousarray(intensity[keep])
