"""How much of the data a range of the spindle gives: completeness, Friedel pairs, multiplicity.

For every start one sweep over the sorted events notes when a unique reflection, and when the second of its
Friedel pair, is met for the first time; the running sums of that are the curves against the range. All starts
take 0.1 to 0.4 s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis.strategy.events import Events

Floats = npt.NDArray[np.float64]

TURN = 360.0
START_STEP = 5.0
"""Degrees between the starts that are tried."""
RANGE_STEP = 1.0
SLACK = 1e-9
"""For comparisons of sums of steps."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a range of the spindle gives.

    Attributes:
        start: where it begins, degrees.
        range: how far it goes, degrees.
        completeness: share of the unique reflections that are met, 0 to 1.
        anomalous_completeness: share of the acentric ones met as I+ and as I-; 0 if none is acentric.
        multiplicity: observations per unique reflection that is met.
    """

    start: float
    range: float
    completeness: float
    anomalous_completeness: float
    multiplicity: float


@dataclass(frozen=True, slots=True, eq=False)
class CoverageGrid:
    """Coverage against start and range.

    Attributes:
        starts: degrees, (n,); ranges: degrees, (m,), equally spaced.
        completeness, anomalous_completeness, multiplicity: (n, m), as in `Coverage`.
        longest: how far each start can go within the limits of the spindle, degrees, (n,).
    """

    starts: Floats
    ranges: Floats
    completeness: Floats
    anomalous_completeness: Floats
    multiplicity: Floats
    longest: Floats

    def at(self, start: int, span: int) -> Coverage:
        """The coverage at the given places of `starts` and `ranges`."""
        values = (self.completeness, self.anomalous_completeness, self.multiplicity)
        numbers = [float(value[start, span]) for value in values]
        return Coverage(float(self.starts[start]), float(self.ranges[span]), *numbers)


def cover(events: Events, start: float, span: float) -> Coverage:
    """Coverage of [start, start + span) (degrees); a span beyond a turn meets everything again."""
    turns, rest = divmod(span, TURN)
    inside = (events.phi - start) % TURN < rest
    observations = turns * len(events.phi) + int(inside.sum())
    if turns >= 1:
        inside[:] = True
    plus, minus = (_met(events, inside & (events.sign == sign)) for sign in (1, -1))
    met, pairs = int(_met(events, inside).sum()), int((plus & minus).sum())
    return Coverage(
        start, span, _ratio(met, events.n_unique), _ratio(pairs, events.n_pairs), _ratio(observations, met)
    )


def _met(events: Events, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.bincount(events.unique_id[chosen], minlength=events.n_unique) > 0


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else 0.0


def cover_grid(
    events: Events,
    start_step: float = START_STEP,
    range_step: float = RANGE_STEP,
    allowed: tuple[float, float] | None = None,
) -> CoverageGrid:
    """Coverage for every start, and every range up to a turn.

    Args:
        events: from `find_events`.
        start_step: between starts, degrees.
        range_step: between ranges, degrees.
        allowed: where the spindle may begin and must end, degrees; None if it turns freely.

    Raises:
        ValueError: the limits leave no room for a single range.
    """
    starts, longest = _starts(start_step, range_step, allowed)
    count = math.floor(min(TURN, float(longest.max())) / range_step + SLACK)
    fresh = _sweep(
        events.unique_id, events.sign, events.phi, starts % TURN, range_step, count, events.n_unique
    )
    met, pairs, observations = np.cumsum(fresh, axis=2, dtype=np.float64)
    ranges = range_step * np.arange(1.0, count + 1)
    return CoverageGrid(
        starts,
        ranges,
        met / max(events.n_unique, 1),
        pairs / max(events.n_pairs, 1),
        np.asarray(observations / np.maximum(met, 1), np.float64),
        longest,
    )


def _starts(step: float, range_step: float, allowed: tuple[float, float] | None) -> tuple[Floats, Floats]:
    """Starts, and how far each can go."""
    if allowed is None:
        starts = np.arange(0.0, TURN - SLACK, step)
        return starts, np.full(len(starts), TURN)
    low, high = allowed
    starts = np.asarray(low + step * np.arange(math.ceil(min(high - low, TURN) / step - SLACK)), np.float64)
    starts = starts[high - starts >= range_step - SLACK]
    if not len(starts):
        raise ValueError(f"no range of {range_step} degrees fits between {low} and {high}")
    return starts, np.minimum(high - starts, TURN)


@njit(cache=True, nogil=True)
def _sweep(
    unique_id: npt.NDArray[np.int32],
    sign: npt.NDArray[np.int8],
    phi: Floats,
    starts: Floats,
    step: float,
    count: int,
    n_unique: int,
) -> npt.NDArray[np.int32]:
    """Reflections met, pairs completed and observations per step of the range, (3, starts, count)."""
    fresh = np.zeros((3, len(starts), count), np.int32)
    for s in range(len(starts)):
        seen = np.zeros(n_unique, np.uint8)
        first = np.searchsorted(phi, starts[s])
        for n in range(len(phi)):
            i = first + n
            beyond = i >= len(phi)
            if beyond:
                i -= len(phi)
            # Written out because a remainder of floats takes longer than all the rest.
            place = int((phi[i] - starts[s] + (360.0 if beyond else 0.0)) / step)
            if place >= count:
                break
            before = seen[unique_id[i]]
            now = before | (4 if sign[i] == 0 else (1 if sign[i] > 0 else 2))
            seen[unique_id[i]] = now
            fresh[0, s, place] += before == 0
            fresh[1, s, place] += now == 3 and before != 3
            fresh[2, s, place] += 1
    return fresh
