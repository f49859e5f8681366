"""Where the spindle stood at each frame, from whichever of the master's statements hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from beampace.core.dataset import Hint
from beampace.core.scan import STEP_TOLERANCE

FLOAT32_NOISE = 5e-5
"""Rounding of float32 angles up to 1000 degrees."""


@dataclass(frozen=True, slots=True)
class Angles:
    """What a master says about one axis, degrees.

    Attributes:
        values, ends: angle at the beginning and end of each frame; () when absent.
        start, average, increment: `omega_start`, `omega_range_average`, `omega_increment`.
    """

    values: tuple[float, ...] = ()
    ends: tuple[float, ...] = ()
    start: float | None = None
    average: float | None = None
    increment: float | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """Frame starts and width that follow, and remarks."""

    starts: tuple[float, ...]
    width: float
    remarks: tuple[str, ...] = ()


def settle_angles(angles: Angles, hint: Hint, n_frames: int, *, screening: bool) -> Settled:
    """Starts and width of `n_frames` frames.

    The width is the end minus the beginning of frames, never the step between them: test shots are
    steps apart. Nothing is rounded to 0.01 degrees; `info.txt` is believed only for a screening
    master that was not patched, whose "width" is the step.

    Raises:
        ValueError: an angle is not finite.
    """
    _check_finite("begins", angles.values)
    _check_finite("ends", angles.ends)
    width, remarks = _width(angles, hint)
    step = width
    if screening and hint.width and abs(width) > 2 * abs(hint.width) + 0.01:
        remarks += (
            f"The master calls the step of {width:g} degrees the frame width; "
            f"{hint.width:g} degrees of info.txt is used.",
        )
        width = hint.width
    starts, more = _starts(angles, hint, n_frames, step)
    return Settled(_evened(_unwrapped(starts, width), width), width, remarks + more)


def _check_finite(what: str, values: tuple[float, ...]) -> None:
    for number, value in enumerate(values, start=1):
        if not math.isfinite(value):
            raise ValueError(f"frame {number} {what} at the angle {value}")


def _width(angles: Angles, hint: Hint) -> tuple[float, tuple[str, ...]]:
    exposed = _from_ends(angles)
    if exposed is not None and angles.average and _agrees(exposed, angles.average):
        return round(angles.average, 8), ()
    for width in (exposed, angles.average, angles.increment, _from_steps(angles)):
        if width:
            return round(width, 8), ()
    if any(width is not None for width in (exposed, angles.average, angles.increment)):
        return 0.0, ()
    if hint.width:
        return hint.width, ("The frame width is known from info.txt only, to 0.01 degrees.",)
    return 0.0, ("The master names no frame width; the spindle is taken to stand still.",)


def _from_ends(angles: Angles) -> float | None:
    if not angles.values or len(angles.values) != len(angles.ends):
        return None
    widths = [end - start for start, end in zip(angles.values, angles.ends, strict=True)]
    middle = median(widths)
    overall = _from_steps(angles)
    return overall if overall is not None and _agrees(middle, overall) else middle


def _from_steps(angles: Angles) -> float | None:
    count = len(angles.values)
    return (angles.values[-1] - angles.values[0]) / (count - 1) if count > 1 else None


def _agrees(one: float, two: float) -> bool:
    return abs(one - two) <= FLOAT32_NOISE + 1e-3 * abs(two)


def _starts(
    angles: Angles, hint: Hint, n_frames: int, step: float
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    if len(angles.values) >= n_frames:
        return angles.values[:n_frames], ()
    remarks: tuple[str, ...] = ()
    if len(angles.values) > 1:
        remarks = (f"The master lists {len(angles.values)} angles for {n_frames} frames.",)
    known = (angles.values[0] if angles.values else None, angles.start, hint.start)
    first = next((value for value in known if value is not None), None)
    if first is None:
        first, remarks = 0.0, (*remarks, "The master names no start angle; it is taken as 0.")
    return tuple(first + index * step for index in range(n_frames)), remarks


def _unwrapped(starts: tuple[float, ...], width: float) -> tuple[float, ...]:
    """Starts without jumps by whole turns."""
    found: list[float] = []
    for start in starts:
        turns = round((found[-1] + width - start) / 360) if found else 0
        found.append(start + 360.0 * turns if turns else start)
    return tuple(found)


def _evened(starts: tuple[float, ...], width: float) -> tuple[float, ...]:
    """The exact series when the starts differ from it by storage noise only."""
    even = tuple(starts[0] + index * width for index in range(len(starts))) if starts else ()
    tolerance = STEP_TOLERANCE * abs(width) + (FLOAT32_NOISE if width else 0.0)
    same = width != 0 and all(abs(a - b) <= tolerance for a, b in zip(starts, even, strict=True))
    return even if same else starts
