"""One plan of a data collection, made for a range of the spindle that is chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from beampace.analysis.strategy.choice import Choice
from beampace.analysis.strategy.events import Events
from beampace.analysis.strategy.exposure import Exposure, expose, i_over_sigma, wanted_factor
from beampace.analysis.strategy.setting import Setting, frames_for, oscillation
from beampace.analysis.strategy.situation import Situation
from beampace.analysis.strategy.windows import Coverage, CoverageGrid, cover
from beampace.core.geometry import KEV_ANGSTROM

BEST, ANOMALOUS, FASTEST, P1_SAFE = "best", "anomalous", "fastest", "P1-safe"
NOT_EXTRAPOLATED = "too few spots to extrapolate: exposed as the test images"


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to collect, with what a queue entry needs.

    Attributes:
        kind: `best`, `anomalous`, `fastest` or `P1-safe`.
        start_deg, range_deg, width_deg: of the spindle; range is exactly `frames` times width.
        frames: how many.
        exposure_s: per frame, seconds.
        transmission: 0 to 1.
        distance_mm: of the detector.
        resolution: seen by the nearest edge of the detector, angstrom.
        aimed_d: to which completeness is counted and at which I/sigma is given, angstrom.
        energy_kev: of the photons.
        completeness, anomalous_completeness: 0 to 1, in the space group of the situation.
        multiplicity: in that group.
        i_over_sigma: mean of the merged data expected at `aimed_d`; None if no falloff is known.
        i_over_sigma_as_tested: the same at the exposure per degree of the test images.
        total_s: seconds of exposure.
        dose_mgy: MGy; None if the flux is not known.
        words: what is not as wanted.
        reasons: why this plan, and why at this rank.
    """

    kind: str
    start_deg: float
    range_deg: float
    width_deg: float
    frames: int
    exposure_s: float
    transmission: float
    distance_mm: float
    resolution: float
    aimed_d: float
    energy_kev: float
    completeness: float
    anomalous_completeness: float
    multiplicity: float
    i_over_sigma: float | None
    i_over_sigma_as_tested: float | None
    total_s: float
    dose_mgy: float | None
    words: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """Situation, setting, events and coverage together, from which plans are made.

    Attributes:
        situation, setting: what is asked for, and where the detector shall be.
        events, grid: in the space group of the situation.
        lowest: events in P1; None if that is the space group.
    """

    situation: Situation
    setting: Setting
    events: Events
    grid: CoverageGrid
    lowest: Events | None


def make_plan(draft: Draft, kind: str, choice: Choice, why: str) -> Plan:
    """The plan for a range: width, frames, exposure, and what they give."""
    situation, setting = draft.situation, draft.setting
    start, span = choice.coverage.start, choice.coverage.range
    width, overlap = oscillation(situation, setting, start, span)
    spindle = situation.limits.spindle_deg
    frames = frames_for(span, width, spindle[1] - start if spindle else math.inf)
    coverage = cover(draft.events, start, round(frames * width, 6))
    exposure = _exposure(draft, kind, coverage, width, frames)
    said = (*setting.words, choice.words, overlap, *exposure.words, _late(draft, frames, exposure))
    return Plan(
        kind=kind,
        start_deg=start,
        range_deg=coverage.range,
        width_deg=width,
        frames=frames,
        exposure_s=exposure.exposure_s,
        transmission=exposure.transmission,
        distance_mm=setting.detector.distance,
        resolution=setting.resolution,
        aimed_d=setting.aimed_d,
        energy_kev=KEV_ANGSTROM / situation.beam.wavelength,
        completeness=coverage.completeness,
        anomalous_completeness=coverage.anomalous_completeness,
        multiplicity=coverage.multiplicity,
        i_over_sigma=_signal(setting, exposure.factor, width, coverage),
        i_over_sigma_as_tested=_signal(setting, 1.0, width, coverage),
        total_s=frames * exposure.exposure_s,
        dose_mgy=exposure.dose_mgy,
        words=tuple(filter(None, (*said, NOT_EXTRAPOLATED if setting.falloff is None else ""))),
        reasons=(why,),
    )


def _exposure(draft: Draft, kind: str, coverage: Coverage, width: float, frames: int) -> Exposure:
    """Exposure for the wanted I/sigma of the merged data; I+ and I- are merged apart in an anomalous plan."""
    situation, setting = draft.situation, draft.setting
    factor = 1.0
    if setting.falloff is not None:
        merged = max(coverage.multiplicity / (2 if kind == ANOMALOUS else 1), 1.0)
        wanted = situation.wanted.i_over_sigma
        factor = wanted_factor(setting.falloff, setting.exposed_d, wanted, width, merged)
    dose = situation.beam_dose
    return expose(situation.tested, factor, width, frames, situation.limits, dose, setting.aimed_d)


def _signal(setting: Setting, factor: float, width: float, coverage: Coverage) -> float | None:
    if setting.falloff is None:
        return None
    return i_over_sigma(setting.falloff, setting.aimed_d, factor, width, coverage.multiplicity)


def _late(draft: Draft, frames: int, exposure: Exposure) -> str:
    total, most = frames * exposure.exposure_s, draft.situation.wanted.longest_s
    return f"takes {total:.0f} s, more than {most:.0f} s" if total > most else ""
