"""How intensity falls off with resolution, as the test images show it.

The model is Wilson's: an average reflection, recorded in full, has I = k f exp(-B s**2 / 2) photons with
s = 1/d, f the exposure relative to the test. The Lorentz factor and the scattering factors' fall are in B.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

USUAL_LORENTZ = 1.72
"""By how much longer than at zeta = 1 a usual reflection reflects, as far as I/sigma goes.

Where background rules, I/sigma of a reflection goes with 1/zeta over the root of 1/zeta. Reflections cross
the sphere in proportion to zeta, which is the sine of an evenly spread angle: their mean of zeta**-1/2 is
1.198, that of 1/zeta pi/2, and (pi/2 / 1.198)**2 is 1.72.
"""


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
        """Rotation during which background is collected with a usual reflection.

        A Gaussian of e.s.d. sigma fitted on an even background is as uncertain as the sum over
        2 sqrt(pi) sigma.
        """
        return 2 * math.sqrt(math.pi) * self.mosaicity_deg * USUAL_LORENTZ

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
