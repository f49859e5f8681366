"""Exposure and transmission for a wanted I/sigma, and the dose they cost.

An average reflection at d, of which k f photons are recorded in full, stands on n pixels of background with
b f photons altogether. sigma**2 = (k + b) f, so that I/sigma = k sqrt(f) / sqrt(k + b) per observation and
sqrt(m) times that after merging m of them: f = wanted**2 (k + b) / (m k**2). f is the exposure relative to
the test in full-beam seconds per degree; the background is collected while a reflection is on the sphere, or
for one frame where the frame is wider.

Dose: rate [Gy/s] = flux lambda**2 / (2000 area), flux in photons per second, lambda in angstrom, area in
square micrometre (the rule of thumb in Holton (2009) J. Synchrotron Rad. 16, 133); budget 10 MGy per angstrom
of resolution (Howells et al. (2009) J. Electron Spectrosc. 170, 4), at most 30 MGy (Owen et al. (2006) PNAS
103, 4912).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from beampace.analysis.strategy.falloff import AsTested, Falloff
from beampace.core.limits import Limits

DOSE_PER_ANGSTROM = 10.0
"""MGy per angstrom of resolution."""
DOSE_LIMIT = 30.0
"""MGy, Garman's limit."""
NO_FLUX = "the dose is not known because the flux is not"
MOST_BLIND = 1.0
"""Factor that is not exceeded where the flux is not known: a dose that nobody knows is not raised."""


@dataclass(frozen=True, slots=True)
class BeamDose:
    """What the beam does to the crystal.

    Attributes:
        flux: photons per second at full transmission; None if not known.
        area_um2: of the beam, square micrometre.
        wavelength: angstrom.
    """

    flux: float | None
    area_um2: float
    wavelength: float

    @property
    def rate(self) -> float | None:
        """Gy/s at full transmission."""
        if self.flux is None or not (self.flux > 0 and self.area_um2 > 0):
            return None
        return self.flux * self.wavelength**2 / (2000 * self.area_um2)

    def dose(self, transmission: float, seconds: float) -> float | None:
        """MGy."""
        return None if self.rate is None else self.rate * transmission * seconds / 1e6


def dose_budget(d_min: float) -> float:
    """MGy that a crystal may take when a resolution (angstrom) is wanted."""
    return min(DOSE_PER_ANGSTROM * d_min, DOSE_LIMIT)


def i_over_sigma(falloff: Falloff, d: float, factor: float, width: float, multiplicity: float = 1.0) -> float:
    """Mean I/sigma expected of a reflection.

    Args:
        falloff: from the test images.
        d: resolution, angstrom.
        factor: exposure in full-beam seconds per degree, relative to the test.
        width: oscillation width, degrees.
        multiplicity: observations that are merged.
    """
    signal, background = _photons(falloff, d, width)
    if signal <= 0 or factor <= 0:
        return 0.0
    return signal * math.sqrt(factor * multiplicity / (signal + background))


def wanted_factor(
    falloff: Falloff, d: float, wanted: float, width: float, multiplicity: float = 1.0
) -> float:
    """The factor that gives a mean I/sigma (`i_over_sigma` the other way round); infinite if nothing does."""
    signal, background = _photons(falloff, d, width)
    # Below a photon in a million observations there is nothing to extrapolate from.
    return wanted**2 * (signal + background) / (multiplicity * signal**2) if signal > 1e-6 else math.inf


def _photons(falloff: Falloff, d: float, width: float) -> tuple[float, float]:
    """Photons of signal and of background in one observation at the exposure of the test."""
    tested = falloff.tested
    seconds = tested.exposure_s / tested.width_deg * max(width, tested.reflecting_deg)
    return falloff.intensity(d), falloff.spot_pixels * falloff.background_at(d) * seconds


@dataclass(frozen=True, slots=True)
class Exposure:
    """How to expose.

    Attributes:
        exposure_s: per frame.
        transmission: 0 to 1.
        factor: full-beam seconds per degree relative to the test.
        dose_mgy: of the whole; None if the flux is not known.
        words: which limits were met; empty if none.
    """

    exposure_s: float
    transmission: float
    factor: float
    dose_mgy: float | None
    words: tuple[str, ...]


def expose(
    tested: AsTested, factor: float, width: float, frames: int, limits: Limits, beam: BeamDose, d_min: float
) -> Exposure:
    """Transmission and exposure for a factor, within the beamline's limits and the dose budget.

    The transmission is raised first, at the shortest exposure; only when the beam is not attenuated any more
    are the frames exposed for longer. A dose beyond the budget lowers the factor; where the flux is not
    known, a degree is exposed no more than on the test images.

    Args:
        tested: what the factor is relative to.
        factor: from `wanted_factor`.
        width: degrees.
        frames: how many.
        limits: of the beamline.
        beam: for the dose.
        d_min: resolution (angstrom) that sets the budget.
    """
    per_frame = tested.density * width
    most, words = _affordable(frames, beam, d_min), []
    if beam.rate is None and factor > MOST_BLIND:
        words.append("exposed as the test images, not more: without the flux no dose is known")
        factor = MOST_BLIND
    beam_seconds = factor * per_frame
    if beam_seconds > most:
        less = "" if math.isinf(beam_seconds) else f" {beam_seconds / most:.1f}-fold"
        words.append(f"the beam is weakened{less} to keep the dose within {dose_budget(d_min):.1f} MGy")
        beam_seconds = most
    exposure, transmission, clamped = _split(beam_seconds, limits.shortest(width), limits)
    dose = beam.dose(transmission, exposure * frames)
    if clamped:
        words.append(clamped)
    if dose is None:
        words.append(NO_FLUX)
    return Exposure(exposure, transmission, exposure * transmission / per_frame, dose, tuple(words))


def _affordable(frames: int, beam: BeamDose, d_min: float) -> float:
    """Full-beam seconds per frame that the budget allows."""
    return math.inf if beam.rate is None else dose_budget(d_min) * 1e6 / (beam.rate * frames)


def _split(beam_seconds: float, shortest: float, limits: Limits) -> tuple[float, float, str]:
    """Exposure, transmission and words for so many full-beam seconds per frame."""
    low, high = limits.transmission
    transmission = beam_seconds / shortest
    if transmission < low:
        return shortest, low, "the shortest exposure with the least transmission is more than is needed"
    if transmission <= high:
        return shortest, transmission, ""
    exposure = beam_seconds / high
    if exposure <= limits.longest_s:
        return exposure, high, ""
    return limits.longest_s, high, "the longest exposure in the full beam is less than is needed"
