"""How intensity falls off with resolution, as the test images show it.

The model is Wilson's: an average reflection, recorded in full, has I = k f exp(-B s**2 / 2) photons with
s = 1/d, f the exposure relative to the test. The Lorentz factor and the scattering factors' fall are in B.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

USUAL_LORENTZ = math.sqrt(2)
"""Median of 1/zeta, by which a reflecting range is longer: zeta is the sine of an evenly spread angle."""


@dataclass(frozen=True, slots=True)
class AsTested:
    """How the test images were taken.

    Attributes:
        exposure_s: per frame, seconds.
        transmission: 0 to 1.
        width_deg: oscillation width.
        mosaicity_deg: e.s.d. of the reflecting range.
        distance_mm: of the detector.
    """

    exposure_s: float
    transmission: float
    width_deg: float
    mosaicity_deg: float
    distance_mm: float

    @property
    def reflecting_deg(self) -> float:
        """Width of a rectangle as high and as large as the Gaussian range of a usual reflection."""
        return math.sqrt(2 * math.pi) * self.mosaicity_deg * USUAL_LORENTZ

    @property
    def recorded(self) -> float:
        """Share of a reflection that one frame records."""
        return min(1.0, self.width_deg / max(self.reflecting_deg, 1e-9))

    @property
    def in_turn(self) -> float:
        """Share of the reflections predicted within half the reflecting range of a frame that it stands for.

        The frame touches those of `width_deg` + `reflecting_deg`; with `recorded` as the share of each that
        it records, they are as good as those of the wider of the two.
        """
        touched = self.width_deg + self.reflecting_deg
        return max(self.width_deg, self.reflecting_deg) / touched

    @property
    def density(self) -> float:
        """Full-beam seconds per degree: what an exposure factor is relative to."""
        return self.exposure_s * self.transmission / self.width_deg


@dataclass(frozen=True, slots=True)
class Falloff:
    """Intensity and background against resolution, at the exposure of the test.

    Attributes:
        scale: photons of an average reflection, recorded in full, at s = 0.
        b_factor: square angstrom.
        background: (1/d**2 in 1/angstrom**2, photons per pixel per second) in ascending order.
        spot_pixels: pixels over which a reflection is summed.
        tested: how the images were taken.
        shells: shells of resolution the line was fitted to; 0 if not fitted.
        d_limit: finest resolution (angstrom) of those shells; further out the line is extrapolated.
    """

    scale: float
    b_factor: float
    background: tuple[tuple[float, float], ...]
    spot_pixels: float
    tested: AsTested
    shells: int = 0
    d_limit: float = 0.0

    def intensity(self, d: float) -> float:
        """Photons of an average reflection recorded in full, at a resolution (angstrom)."""
        return self.scale * math.exp(-self.b_factor / (2 * d * d))

    def background_at(self, d: float) -> float:
        """Photons per pixel per second at a resolution (angstrom)."""
        if not self.background:
            return 0.0
        places, rates = zip(*self.background, strict=True)
        return float(np.interp(1 / d**2, places, rates))

    def at_distance(self, distance: float) -> Falloff:
        """The same with the detector elsewhere (mm): background thins out, spots stay as they are."""
        thinner = (self.tested.distance_mm / distance) ** 2
        return replace(self, background=tuple((s2, rate * thinner) for s2, rate in self.background))
