"""What the beamline can do, as it is configured: the bounds within which a strategy plans."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from beampace.core.limits import Limits

_USUAL = Limits()


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] >= value[1]:
        raise ValueError("the first number is not below the second")
    return value


Range = Annotated[tuple[float, float], AfterValidator(_rising)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Length = Annotated[float, Field(gt=0)]


class Beamline(BaseModel):
    """What the beamline can do, for strategies."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    shortest_s: float = Field(default=_USUAL.shortest_s, gt=0)
    """Shortest exposure of a frame, seconds."""
    longest_s: float = Field(default=_USUAL.longest_s, gt=0)
    """Longest exposure of a frame, seconds."""
    max_speed: float = Field(default=_USUAL.max_speed, gt=0)
    """Highest speed of the spindle, degrees per second."""
    max_rate: float = Field(default=_USUAL.max_rate, gt=0)
    """Highest frame rate of the detector, frames per second."""
    transmission: Annotated[tuple[Fraction, Fraction], AfterValidator(_rising)] = _USUAL.transmission
    """Smallest and largest transmission of the attenuator, from 0 to 1."""
    distance_mm: Annotated[tuple[Length, Length], AfterValidator(_rising)] = _USUAL.distance_mm
    """Smallest and largest distance of the detector, mm."""
    spindle_deg: Range | None = _USUAL.spindle_deg
    """Where the spindle may begin and must end, degrees; by default it turns freely."""
    flux: float | None = Field(default=None, gt=0)
    """Photons per second at full transmission, for the dose; by default not known: then a degree is exposed
    no more than on the test shots."""
    beam_um: tuple[Length, Length] = (50.0, 50.0)
    """Width and height of the beam, micrometre."""

    @property
    def limits(self) -> Limits:
        """The bounds of the plans."""
        return Limits(
            shortest_s=self.shortest_s,
            longest_s=self.longest_s,
            max_speed=self.max_speed,
            max_rate=self.max_rate,
            transmission=self.transmission,
            distance_mm=self.distance_mm,
            spindle_deg=self.spindle_deg,
        )
