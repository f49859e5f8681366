"""What happens to the crystal during a scan: it drifts, slips, dies or leaves the beam."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.core.geometry import Vec3, rotation


@dataclass(frozen=True, slots=True)
class Fate:
    """Departures from the ideal crystal, over the whole scan.

    Attributes:
        drift: degrees by which the crystal has turned against the spindle at the end, evenly.
        slip: degrees by which it turns at once when frame `slip_frame` begins.
        slip_frame: number from 1; 0 for never.
        axis: about which it drifts and slips, laboratory frame at spindle zero.
        intensity_left: share of the diffracted intensity left after the last frame (exponential decay).
        b_growth: growth of B in square angstrom over the scan (linear).
        leaves: first and last frame between which the crystal moves out of the beam, or (0, 0).
        returns: whether it comes back after as many frames again.
        wobble: relative amplitude with which the illuminated volume goes up and down once per turn.
    """

    drift: float = 0.0
    slip: float = 0.0
    slip_frame: int = 0
    axis: Vec3 = (0.36, 0.48, 0.8)
    intensity_left: float = 1.0
    b_growth: float = 0.0
    leaves: tuple[int, int] = (0, 0)
    returns: bool = False
    wobble: float = 0.0

    def tilt(self, number: int, n_frames: int) -> float:
        """Degrees by which the crystal is turned about `axis` in the middle of a frame."""
        drifted = self.drift * (number - 0.5) / n_frames
        return drifted + (self.slip if self.slip_frame and number >= self.slip_frame else 0.0)

    def turn(self, number: int, n_frames: int) -> npt.NDArray[np.float64]:
        """The rotation of `tilt`, 3 x 3."""
        return np.array(rotation(self.axis, self.tilt(number, n_frames)))

    def volume(self, number: int, angle: float) -> float:
        """Share of the crystal in the beam at a frame; `angle` is the spindle in degrees."""
        wobble = 1.0 + self.wobble * math.cos(math.radians(angle))
        first, last = self.leaves
        if not first or number < first:
            return wobble
        gone = min(1.0, (number - first + 1) / (last - first + 1))
        if self.returns and number > last:
            gone = max(0.0, 1.0 - (number - last) / (last - first + 1))
        return wobble * (1.0 - gone)

    def strength(self, number: int, n_frames: int) -> float:
        """Intensity left by radiation in the middle of a frame, apart from the growth of B."""
        return float(self.intensity_left ** ((number - 0.5) / n_frames))

    def extra_b(self, number: int, n_frames: int) -> float:
        """Growth of B until the middle of a frame, square angstrom."""
        return self.b_growth * (number - 0.5) / n_frames
