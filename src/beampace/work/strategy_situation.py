"""What plans are made from: the lattice, the test shots, the wishes."""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, dataclass, field, replace

import gemmi
import numpy as np

from beampace.analysis.predict import Frame
from beampace.analysis.strategy import (
    AsTested,
    Falloff,
    Limits,
    Photometry,
    Situation,
    Wanted,
    fit_falloff,
    joined,
    measure,
    reachable_resolution,
)
from beampace.core.errors import InputError, failure
from beampace.core.taxonomy import Failure
from beampace.work.look_pool import counts_of
from beampace.work.strategy_lattice import Chosen
from beampace.work.strategy_shots import Shooting

LEAST_EXPOSURE_S = 1e-6
USUAL_PIXELS = 9.0
"""Of a spot where there is none to count."""

log = logging.getLogger("beampace.work")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the data shall be, and what the beamline can do.

    Attributes:
        wanted: completeness, multiplicity, I/sigma, resolution, anomalous signal.
        limits: of spindle, detector, attenuator and distance.
        transmission: of the test shots, 0 to 1; None for that of their masters.
        flux: photons per second at full transmission; None if not known.
        beam_um: width and height of the beam, micrometre.
    """

    wanted: Wanted = field(default_factory=Wanted)
    limits: Limits = field(default_factory=Limits)
    transmission: float | None = None
    flux: float | None = None
    beam_um: tuple[float, float] = (50.0, 50.0)

    def told(self) -> dict[str, object]:
        """For the result's parameters."""
        return {
            "wanted": asdict(self.wanted),
            "limits": asdict(self.limits),
            "transmission": self.transmission,
            "flux": self.flux,
            "beam_um": list(self.beam_um),
        }


def situation_of(shooting: Shooting, chosen: Chosen, wishes: Wishes) -> Situation:
    """The situation of a chosen lattice.

    Raises:
        InputError: the file has no exposure time or no rotation.
    """
    dataset, tested = shooting.dataset, as_tested(shooting, chosen, wishes)
    situation = Situation(
        a_matrix=np.array(chosen.setting.a_matrix),
        space_group=gemmi.SpaceGroup(chosen.space_group),
        goniometer=dataset.goniometer,
        beam=dataset.beam,
        detector=dataset.detector,
        tested=tested,
        falloff=falloff_of(shooting, chosen, tested),
        spot_size_px=_spot_size(shooting),
        limits=wishes.limits,
        flux=wishes.flux,
        beam_size_um=wishes.beam_um,
        wanted=wishes.wanted,
        mask=shooting.mask,
    )
    return _as_far_as_seen(situation, shooting, chosen)


def _as_far_as_seen(situation: Situation, shooting: Shooting, chosen: Chosen) -> Situation:
    """Aim at least at what the test shots already show: the falloff of few spots may promise less."""
    seen = [d for place in chosen.used if (d := shooting.analyses[place].d_min)]
    if situation.wanted.d_min is not None or not seen or min(seen) >= reachable_resolution(situation):
        return situation
    return replace(situation, wanted=replace(situation.wanted, d_min=min(seen)))


def transmission_of(shooting: Shooting, wishes: Wishes) -> float | None:
    """Of the test shots: what was asked for goes before the masters; None if nobody says."""
    return wishes.transmission or shooting.transmission


def as_tested(shooting: Shooting, chosen: Chosen, wishes: Wishes) -> AsTested:
    """How the test shots were taken."""
    scan = shooting.dataset.scan
    if scan.exposure_time < LEAST_EXPOSURE_S or not scan.width:
        raise failure(
            Failure.METADATA_INCONSISTENT,
            f"The test shots were exposed {scan.exposure_time:g} s and turned by {scan.width:g} degrees.",
        )
    return AsTested(
        exposure_s=scan.exposure_time,
        transmission=transmission_of(shooting, wishes) or 1.0,
        width_deg=abs(scan.width),
        mosaicity_deg=chosen.mosaicity,
        distance_mm=shooting.dataset.detector.distance,
    )


def falloff_of(shooting: Shooting, chosen: Chosen, tested: AsTested) -> Falloff | None:
    """Intensity against resolution of all reflections of the lattice on the shots it was found on."""
    measured = [_measured(shooting, chosen, place) for place in chosen.used]
    return fit_falloff(joined([one for one in measured if one is not None]), _spot_pixels(shooting), tested)


def _measured(shooting: Shooting, chosen: Chosen, place: int) -> Photometry | None:
    """The reflections of a shot; None if its frame can no longer be read."""
    dataset, shot = shooting.dataset, shooting.shots[place]
    try:
        counts = counts_of(shooting.readers[place].read(shot.frame))
    except InputError as error:
        log.warning("a shot is left out of the falloff: %s", error)
        return None
    matrix = np.array(chosen.lattice.a_matrix)
    frame = Frame(matrix, dataset.goniometer, shot.start, shot.start + shot.width, chosen.mosaicity)
    unusable = np.zeros(counts.shape, np.bool_) if shooting.mask is None else shooting.mask
    return measure(counts, unusable, frame, dataset.detector, dataset.beam, _radius(shooting, chosen))


def _radius(shooting: Shooting, chosen: Chosen) -> float:
    """Of the disc that holds a reflection, pixels: twice a usual spot's, and what predictions are off by."""
    return _spot_size(shooting) + (chosen.lattice.rmsd_px or 0.0)


def _spot_pixels(shooting: Shooting) -> float:
    """Pixels of a usual spot."""
    pixels = np.concatenate([one.spots.pixels[one.spots.good] for one in shooting.analyses])
    return float(np.median(pixels)) if len(pixels) else USUAL_PIXELS


def _spot_size(shooting: Shooting) -> float:
    """Diameter of a usual spot, pixels."""
    return math.sqrt(_spot_pixels(shooting) * 4 / math.pi)
