"""The background: air, water and ice, as expected counts per pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.core.geometry import Beam, Detector
from beampace.simulate.ice import ICE_RINGS

_ICE_WIDTH = 0.0012  # sigma of a ring in 1/d, 1/angstrom


@dataclass(frozen=True, slots=True)
class Background:
    """What scatters besides the crystal.

    Attributes:
        level: mean expected counts per live pixel and frame, without the ice.
        water: height of the water ring relative to the level under it.
        air: height of the air scatter near the beam relative to the level.
        ice: height of the strongest ice ring relative to the mean level; 0 for none.
        grains: mean number of sharp spots per frame that coarse ice leaves on the rings.
        grain_photons: mean photons of such a spot.
    """

    level: float = 0.3
    water: float = 1.5
    air: float = 2.0
    ice: float = 0.0
    grains: float = 0.0
    grain_photons: float = 150.0


def expected_background(
    detector: Detector, beam: Beam, background: Background, mask: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Expected counts per pixel, (slow, fast), whose mean over live pixels is `level` (ice comes on top)."""
    if background.level <= 0:
        return np.zeros(mask.shape, np.float32)
    inverse_d, falloff = _per_pixel(detector, beam)
    smooth = _smooth_profile(inverse_d, background) * falloff
    scale = background.level / float(smooth[~mask].mean())
    expected = smooth * scale
    if background.ice > 0:
        expected += background.level * background.ice * _ice_profile(inverse_d) * falloff
    return np.asarray(expected, dtype=np.float32)


def _per_pixel(detector: Detector, beam: Beam) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """1/d in 1/angstrom, and solid angle times polarisation relative to the forward direction."""
    nx, ny = detector.image_size
    x = (np.arange(nx, dtype=np.float32) + 0.5) * detector.pixel_size[0]
    y = (np.arange(ny, dtype=np.float32)[:, None] + 0.5) * detector.pixel_size[1]
    position = [detector.origin[k] + detector.fast[k] * x + detector.slow[k] * y for k in range(3)]
    length = np.sqrt(sum(p * p for p in position))
    along = sum(p * b for p, b in zip(position, beam.direction, strict=True)) / length
    across = sum(p * n for p, n in zip(position, beam.polarization_normal, strict=True)) / length
    towards = sum(p * n for p, n in zip(position, detector.normal, strict=True)) / length
    inverse_d = np.sqrt(np.maximum(2 - 2 * along, 0)) / beam.wavelength
    p = beam.polarization_fraction
    polarisation = (1 - 2 * p) * (1 - across * across) + p * (1 + along * along)
    return inverse_d.astype(np.float32), (towards**3 * polarisation).astype(np.float32)


def _smooth_profile(inverse_d: npt.NDArray[np.float32], background: Background) -> npt.NDArray[np.float32]:
    water = background.water * np.exp(-0.5 * ((inverse_d - 1 / 3.2) / 0.06) ** 2)
    air = background.air * np.exp(-inverse_d / 0.08)
    return np.asarray(0.6 + water + air + 0.4 * np.exp(-((inverse_d / 0.6) ** 2)))


def _ice_profile(inverse_d: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    profile = np.zeros_like(inverse_d)
    for d, height in ICE_RINGS:
        profile += height * np.exp(-0.5 * ((inverse_d - 1 / d) / _ICE_WIDTH) ** 2)
    return profile
