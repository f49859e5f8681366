"""Ice: where its rings are, and the spots that coarse ice leaves on them."""

from __future__ import annotations

import math

import numpy as np

from beampace.core.geometry import Beam, Detector
from beampace.simulate.diffraction import N_COLUMNS, Floats

ICE_RINGS: tuple[tuple[float, float], ...] = (
    (3.897, 1.0),
    (3.669, 0.9),
    (3.441, 1.2),
    (2.671, 0.35),
    (2.249, 0.5),
    (2.072, 0.4),
    (1.948, 0.25),
    (1.918, 0.3),
    (1.883, 0.15),
    (1.721, 0.12),
    (1.524, 0.1),
    (1.473, 0.08),
    (1.444, 0.08),
    (1.372, 0.08),
)
"""Hexagonal ice: (d in angstrom, relative height)."""


def grain_spots(
    detector: Detector, beam: Beam, mean_number: float, mean_photons: float, rng: np.random.Generator
) -> Floats:
    """Sharp spots at random places of the rings, a table with the columns of `diffraction`.

    Args:
        detector: where they fall.
        beam: its wavelength sets the rings' radii; the beam runs along -Z.
        mean_number: spots per frame.
        mean_photons: of one spot; the distribution is exponential.
        rng: the frame's own generator.
    """
    rings = [ring for ring in ICE_RINGS if ring[0] > beam.wavelength / 2]
    heights = np.array([height for _, height in rings])
    chosen = rng.choice(len(rings), rng.poisson(mean_number), p=heights / heights.sum())
    rows = [_grain(detector, beam, rings[ring][0], mean_photons, rng) for ring in chosen]
    return np.array([row for row in rows if row is not None]).reshape(-1, N_COLUMNS)


def _grain(
    detector: Detector, beam: Beam, d: float, mean_photons: float, rng: np.random.Generator
) -> tuple[float, ...] | None:
    theta = math.asin(beam.wavelength / (2 * d))
    flat, psi, photons = math.sin(2 * theta), rng.uniform(0, 2 * math.pi), rng.exponential(mean_photons)
    x, y, z = flat * math.cos(psi), flat * math.sin(psi), -math.cos(2 * theta)
    hit = detector.pixel((x, y, z))
    if hit is None:
        return None
    along = [
        sum(a * b for a, b in zip((x, y, z), axis, strict=True)) for axis in (detector.fast, detector.slow)
    ]
    across = math.hypot(*along) or 1.0
    normal = abs(sum(a * b for a, b in zip((x, y, z), detector.normal, strict=True)))
    radial = (along[0] / across, along[1] / across)
    return (*hit, photons, *along, normal, *radial, 2 * math.sin(theta), psi, -1.0)
