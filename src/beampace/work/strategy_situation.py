"""What plans are made from: the lattice, the test shots, the wishes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import gemmi
import numpy as np

from beampace.analysis.shots import explained, strongest
from beampace.analysis.strategy import (
    AsTested,
    Falloff,
    Limits,
    Situation,
    SpotTable,
    Wanted,
    fit_falloff,
    reachable_resolution,
)
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.work.strategy_lattice import Chosen
from beampace.work.strategy_shots import Shooting

LEAST_EXPOSURE_S = 1e-6


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the data shall be, and what the beamline can do.

    Attributes:
        wanted: completeness, multiplicity, I/sigma, resolution, anomalous signal.
        limits: of spindle, detector, attenuator and distance.
        transmission: of the test shots, 0 to 1; None if not known, which is then taken as 1.
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
        transmission=wishes.transmission or 1.0,
        width_deg=abs(scan.width),
        mosaicity_deg=chosen.mosaicity,
        distance_mm=shooting.dataset.detector.distance,
    )


def falloff_of(shooting: Shooting, chosen: Chosen, tested: AsTested) -> Falloff | None:
    """Intensity against resolution of the spots the lattice explains."""
    tables = []
    for place in chosen.used:
        fits = explained(shooting.points[place], chosen.lattice.a_matrix)
        spots = strongest(shooting.analyses[place]).only(fits)
        row = (1 / np.sqrt(spots.d_star_sq), spots.intensity, spots.background, spots.pixels)
        tables.append(np.array(row, np.float64))
    d, intensity, background, pixels = np.concatenate(tables, axis=1)
    return fit_falloff(SpotTable(d, intensity, background, pixels), tested)


def _spot_size(shooting: Shooting) -> float:
    """Diameter of a usual spot, pixels."""
    pixels = np.concatenate([one.spots.pixels[one.spots.good] for one in shooting.analyses])
    return float(np.sqrt(np.median(pixels) * 4 / np.pi)) if len(pixels) else 3.0
