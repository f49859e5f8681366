"""The depth at which a sensor absorbs: an oblique ray is recorded farther out than it enters (parallax)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beampace.analysis.sensor import attenuation
from beampace.core.geometry import Beam, Detector

Floats = npt.NDArray[np.float64]

THIN = 1e-6
"""Sensors that absorb less than this are taken to have no depth."""


def mean_path(cosine: Floats, mu: float, thickness: float) -> Floats:
    """Mean path in the sensor of the photons that it counts, mm: 1/mu - L e/(1 - e), e = exp(-mu L).

    It is the mean over what is detected; dxtbx's parallax correction leaves out the division by 1 - e.

    Args:
        cosine: of the angle between each ray and the sensor's normal, positive.
        mu: attenuation, 1/mm; 0 for no depth.
        thickness: of the sensor, mm.
    """
    if mu * thickness < THIN:
        return np.zeros_like(cosine)
    length = thickness / np.maximum(cosine, 1e-3)
    return np.asarray(1 / mu - length / np.expm1(mu * length))


def parallax(detector: Detector, beam: Beam, rays: Floats) -> Floats:
    """Pixels (n, 2) by which rays are recorded beyond where they meet the front of the sensor.

    Args:
        detector: its sensor and axes.
        beam: its wavelength.
        rays: unit vectors, (n, 3).
    """
    mu = attenuation(detector.sensor_material, beam.wavelength) or 0.0
    path = mean_path(np.abs(rays @ np.array(detector.normal)), mu, detector.sensor_thickness)
    across = rays @ np.array([detector.fast, detector.slow]).T
    return np.asarray(path[:, None] * across / np.array(detector.pixel_size))
