"""What a beamline can do: the bounds within which a data collection is planned."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What the beamline can do.

    Attributes:
        shortest_s, longest_s: exposure of a frame, seconds.
        max_speed: of the spindle, degrees per second.
        max_rate: frames per second.
        transmission: smallest and largest, 0 to 1.
        distance_mm: smallest and largest detector distance.
        spindle_deg: where the spindle may begin and must end; None if it turns freely.
    """

    shortest_s: float = 0.0075
    longest_s: float = 10.0
    max_speed: float = 90.0
    max_rate: float = 133.0
    transmission: tuple[float, float] = (0.0, 1.0)
    distance_mm: tuple[float, float] = (100.0, 1200.0)
    spindle_deg: tuple[float, float] | None = None

    def shortest(self, width: float) -> float:
        """Shortest exposure (seconds) of a frame of a width (degrees)."""
        # The rate of the detector is nominal: 133 Hz and 7.5 ms are the same limit.
        return max(self.shortest_s, width / self.max_speed, round(1 / self.max_rate, 4))
