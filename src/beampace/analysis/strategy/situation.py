"""What a strategy starts from: the crystal, the beamline and what is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.analysis.strategy import widths
from beampace.analysis.strategy.exposure import BeamDose
from beampace.analysis.strategy.falloff import AsTested, Falloff
from beampace.core.geometry import Beam, Detector, Goniometer
from beampace.core.limits import Limits


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the data shall be.

    Attributes:
        completeness: 0 to 1, of unique reflections, or of Friedel pairs for the anomalous plan.
        multiplicity: least multiplicity; None to leave it open.
        i_over_sigma: mean of the merged data at `d_min`.
        d_min: resolution, angstrom; None for what the crystal gives.
        anomalous: whether an anomalous signal is to be measured.
        longest_s: time a collection may take, seconds.
        spots_apart: spot sizes between neighbours for which the detector is moved back.
    """

    completeness: float = 0.99
    multiplicity: float | None = None
    i_over_sigma: float = 2.0
    d_min: float | None = None
    anomalous: bool = False
    longest_s: float = 600.0
    spots_apart: float = widths.SPOT_SIZES_APART


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """Crystal, beamline and wishes.

    Attributes:
        a_matrix: 3x3, columns a*, b*, c* in 1/angstrom before the goniometer, in the group's setting.
        space_group: the guess.
        goniometer, beam, detector: as they were for the test images.
        tested: how those were taken.
        falloff: from them; None if there were too few spots.
        spot_size_px: diameter of a spot on the detector, pixels.
        limits: of the beamline.
        flux: photons per second at full transmission; None if not known.
        beam_size_um: width and height, micrometre.
        wanted: what the data shall be.
        mask: shape (slow, fast), True where a pixel is not trusted.
    """

    a_matrix: npt.NDArray[np.float64]
    space_group: gemmi.SpaceGroup
    goniometer: Goniometer
    beam: Beam
    detector: Detector
    tested: AsTested
    falloff: Falloff | None
    spot_size_px: float
    limits: Limits = field(default_factory=Limits)
    flux: float | None = None
    beam_size_um: tuple[float, float] = (50.0, 50.0)
    wanted: Wanted = field(default_factory=Wanted)
    mask: npt.NDArray[np.bool_] | None = None

    @property
    def beam_dose(self) -> BeamDose:
        """Flux and size of the beam."""
        return BeamDose(self.flux, self.beam_size_um[0] * self.beam_size_um[1], self.beam.wavelength)
