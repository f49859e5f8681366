"""What all plans share: resolution, detector distance, events; and the oscillation width of each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.analysis.strategy import widths
from beampace.analysis.strategy.events import Events, find_events
from beampace.analysis.strategy.exposure import dose_budget, wanted_factor
from beampace.analysis.strategy.falloff import Falloff
from beampace.analysis.strategy.situation import Situation
from beampace.core.geometry import Detector

FINEST = 0.9
"""No resolution beyond this is aimed at unless it is asked for, angstrom."""
BEYOND = 0.5
"""Angstrom beyond the resolution of the test images that may be aimed at, as Diamond's strategies have it."""
SCAN_STEP = 0.05
COARSEST = 10.0
USUAL_RANGE = 180.0


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """Resolution and detector that all plans of a situation share.

    Attributes:
        aimed_d: resolution to which completeness is counted, angstrom.
        exposed_d: resolution for which exposures are made, angstrom: finer than `aimed_d` where the detector
            cannot see all that the crystal gives, as the data are not to be weaker for that.
        resolution: what the nearest edge of the detector sees, angstrom.
        detector: where it shall be.
        falloff: with the background at that distance.
        axes: rows, primitive axes of the lattice (angstrom), longest last.
        words: why it is not as wanted.
    """

    aimed_d: float
    exposed_d: float
    resolution: float
    detector: Detector
    falloff: Falloff | None
    axes: npt.NDArray[np.float64]
    words: tuple[str, ...]


def settle(situation: Situation) -> Setting:
    """Resolution and detector distance.

    Raises:
        ValueError: the beam misses the detector.
    """
    detector, beam = situation.detector, situation.beam
    axes = widths.primitive_axes(situation.a_matrix, situation.space_group)
    aimed = situation.wanted.d_min or reachable_resolution(situation)
    distance, words = _distance(situation, aimed, float(np.linalg.norm(axes[-1])))
    there = widths.moved(detector, beam, distance)
    resolution = widths.resolution_for(detector, beam, distance)
    falloff = situation.falloff and situation.falloff.at_distance(distance)
    crowded = widths.crowding(there, beam, float(np.linalg.norm(axes[-1])), situation.spot_size_px)
    said = tuple(filter(None, (*words, crowded)))
    return Setting(max(aimed, resolution), aimed, resolution, there, falloff, axes, said)


def _distance(situation: Situation, aimed: float, axis: float) -> tuple[float, list[str]]:
    """Distance (mm) for a resolution, unless spots would be too close or the detector cannot go there."""
    detector, beam = situation.detector, situation.beam
    low, high = situation.limits.distance_mm
    spot, sizes = situation.spot_size_px, situation.wanted.spots_apart
    apart = min(widths.separation_distance(detector, beam, axis, spot, sizes), high)
    distance = max(_nearest(situation, aimed), apart)
    if widths.resolution_for(detector, beam, distance) <= aimed * (1 + 1e-6):
        return distance, []
    seen = widths.resolution_for(detector, beam, distance)
    why = "the detector comes no nearer"
    if distance > low:
        why = f"spots along an axis of {axis:.0f} A need {distance:.0f} mm"
    return distance, [f"the edge of the detector sees {seen:.2f} A, not {aimed:.2f} A: {why}"]


def reachable_resolution(situation: Situation) -> float:
    """Finest resolution (angstrom) at which the wanted I/sigma is affordable in 180 degrees.

    That is within the dose budget; where the flux is not known, at the exposure of the test. It is not finer
    than `BEYOND` past the shells the falloff was fitted to, as an extrapolation is not trusted further.
    Without a falloff it is what the detector sees where it is.
    """
    falloff, beam = situation.falloff, situation.beam
    if falloff is None:
        return widths.resolution_for(situation.detector, beam, situation.detector.distance)
    finest = max(FINEST, falloff.d_limit - BEYOND, beam.wavelength / 2 + 0.01)
    width = widths.fine_width(situation.tested.mosaicity_deg)
    best = COARSEST
    for d in np.arange(COARSEST, finest - 1e-9, -SCAN_STEP):
        there = falloff.at_distance(_nearest(situation, float(d)))
        wanted = situation.wanted.i_over_sigma
        factor = wanted_factor(there, float(d), wanted, width, _usual_multiplicity(situation))
        if factor > _affordable_factor(situation, float(d)):
            break
        best = float(d)
    return round(best, 3)


def _usual_multiplicity(situation: Situation) -> float:
    """In half a turn every point crosses once, and a unique reflection is two points for each rotation."""
    rotations = len(situation.space_group.operations().sym_ops)
    # The mates of a Friedel pair are merged apart.
    return float(rotations if situation.wanted.anomalous else 2 * rotations)


def _nearest(situation: Situation, d: float) -> float:
    """Distance (mm) for a resolution, within the limits."""
    low, high = situation.limits.distance_mm
    try:
        return min(max(widths.distance_for(situation.detector, situation.beam, d), low), high)
    except ValueError:
        return low


def _affordable_factor(situation: Situation, d: float) -> float:
    rate = situation.beam_dose.rate
    if rate is None:
        return 1.0
    return dose_budget(d) * 1e6 / (rate * USUAL_RANGE * situation.tested.density)


def both_events(situation: Situation, setting: Setting) -> tuple[Events, Events | None]:
    """Events in the space group, and in P1 (on primitive axes) if the group is higher."""
    group, rest = situation.space_group, (situation.goniometer, situation.beam, setting.detector)
    own = find_events(situation.a_matrix, group, *rest, setting.aimed_d, situation.mask)
    if len(group.operations().sym_ops) == 1:
        return own, None
    primitive = np.linalg.inv(setting.axes)
    lowest = find_events(primitive, gemmi.SpaceGroup("P 1"), *rest, setting.aimed_d, situation.mask)
    return own, lowest


def oscillation(situation: Situation, setting: Setting, start: float, span: float) -> tuple[float, str]:
    """Oscillation width (degrees) for a range of the spindle, and words if reflections overlap."""
    along = widths.length_along_beam(setting.axes, situation.goniometer, situation.beam, start, span)
    limit = widths.overlap_width(setting.aimed_d, max(along, 1.0), situation.tested.mosaicity_deg)
    return widths.oscillation_width(situation.tested.mosaicity_deg, limit)


def frames_for(span: float, width: float, room: float = math.inf) -> int:
    """Whole frames for a range (degrees), rounded up unless there is no room (degrees) for that."""
    wanted = math.ceil(span / width - 1e-6)
    return max(1, wanted if wanted * width <= room + 1e-6 else math.floor(room / width + 1e-6))
