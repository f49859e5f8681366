"""The scan: where the spindle stood at each frame."""

from __future__ import annotations

from dataclasses import dataclass

STEP_TOLERANCE = 0.02
"""Steps that differ from the oscillation width by more than this fraction are gaps."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Spindle angles of the frames.

    Attributes:
        starts: angle at which each frame begins, degrees, unwrapped (may exceed 360).
        width: oscillation width per frame in degrees; negative turns backwards; 0 is a still.
        exposure_time: counting time per frame in s.
        frame_time: time from one frame to the next in s.
    """

    starts: tuple[float, ...]
    width: float
    exposure_time: float
    frame_time: float

    @classmethod
    def even(cls, start: float, width: float, n_frames: int, exposure_time: float, frame_time: float) -> Scan:
        """A scan without gaps."""
        starts = tuple(start + index * width for index in range(n_frames))
        return cls(starts, width, exposure_time, frame_time)

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.starts)

    @property
    def total(self) -> float:
        """Degrees of rotation that were exposed (sum of the widths, without sign)."""
        return abs(self.width) * self.n_frames

    @property
    def turns(self) -> bool:
        """Whether the spindle turns while a frame is exposed."""
        return self.width != 0

    @property
    def is_continuous(self) -> bool:
        """Whether each frame begins where the one before ended."""
        return len(self.sweeps()) <= 1

    def sweeps(self) -> tuple[tuple[int, int], ...]:
        """Runs of adjoining frames as (first, last), numbered from 1."""
        if not self.starts:
            return ()
        runs, first = [], 1
        for number in range(2, self.n_frames + 1):
            if not self._adjoins(number):
                runs.append((first, number - 1))
                first = number
        return (*runs, (first, self.n_frames))

    def part(self, first: int, last: int) -> Scan:
        """Frames `first` to `last`, both included, numbered from 1.

        Raises:
            ValueError: the range lies outside the scan.
        """
        if not 1 <= first <= last <= self.n_frames:
            raise ValueError(f"frames {first}:{last} are not within 1:{self.n_frames}")
        return Scan(self.starts[first - 1 : last], self.width, self.exposure_time, self.frame_time)

    def _adjoins(self, number: int) -> bool:
        step = self.starts[number - 1] - self.starts[number - 2]
        return abs(step - self.width) <= STEP_TOLERANCE * abs(self.width) + 1e-9
