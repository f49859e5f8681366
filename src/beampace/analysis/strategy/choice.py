"""The smallest range of the spindle that gives what is wanted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.analysis.strategy.windows import SLACK, TURN, Coverage, CoverageGrid

Floats = npt.NDArray[np.float64]

SMALL_GAIN = 0.005
"""Where `GAIN_SPAN` degrees more bring less completeness than this, a range is not made longer for it."""
GAIN_SPAN = 5.0


@dataclass(frozen=True, slots=True)
class Choice:
    """A range that was chosen.

    Attributes:
        coverage: what it gives, start and range included.
        reached: whether it gives what was asked for.
        words: why not; empty when it does.
    """

    coverage: Coverage
    reached: bool
    words: str = ""


def choose_range(
    grid: CoverageGrid, target: float, *, anomalous: bool = False, multiplicity: float | None = None
) -> Choice:
    """The smallest range that reaches a completeness.

    Args:
        grid: from `cover_grid`.
        target: completeness wanted, 0 to 1.
        anomalous: of Friedel pairs besides unique reflections.
        multiplicity: least multiplicity wanted as well.

    Returns:
        The range; where the target cannot be reached (blind region, detector, limits of the spindle), the
        shortest range after which no further 5 degrees bring 0.5 % more.
    """
    values = grid.completeness
    if anomalous:  # centric reflections, which have no mates, are wanted too
        values = np.minimum(values, grid.anomalous_completeness)
    possible = grid.ranges <= grid.longest[:, None] + SLACK
    what = "anomalous completeness" if anomalous else "completeness"
    reached, words = bool((possible & (values >= target - SLACK)).any()), ""
    if not reached:
        start, span = _knee(grid, values)
        knee = grid.at(start, span)
        best, target = float(values[possible].max()), float(values[start, span])
        words = f"{what} cannot exceed {100 * best:.1f} %"
        free = float(grid.longest.min()) >= TURN
        words += "; longer ranges than this hardly add to it" if free else " within the limits of the spindle"
        if multiplicity is None or knee.multiplicity >= multiplicity:
            return Choice(knee, reached=False, words=words)
    enough = possible & (values >= target - SLACK)
    if multiplicity is not None:
        often = enough & (grid.multiplicity >= multiplicity - SLACK)
        if not often.any():
            return _longest(grid, values, possible, words, multiplicity)
        enough = often
    return Choice(grid.at(*_shortest(enough, values)), reached, words)


def _shortest(enough: npt.NDArray[np.bool_], values: Floats) -> tuple[int, int]:
    """Of the shortest ranges that are enough, the one with the highest value."""
    span = int(np.flatnonzero(enough.any(axis=0))[0])
    return int(np.argmax(np.where(enough[:, span], values[:, span], -1.0))), span


def _longest(
    grid: CoverageGrid, values: Floats, possible: npt.NDArray[np.bool_], words: str, multiplicity: float
) -> Choice:
    """As far as the spindle goes, because the multiplicity stays too low."""
    span = int(np.flatnonzero(possible.any(axis=0))[-1])
    start = int(np.argmax(np.where(possible[:, span], values[:, span], -1.0)))
    reach = f"multiplicity {multiplicity:g} needs more than {grid.ranges[span]:g} degrees"
    return Choice(grid.at(start, span), reached=False, words="; ".join(filter(None, (words, reach))))


def _knee(grid: CoverageGrid, values: Floats) -> tuple[int, int]:
    """The start and range after which no further `GAIN_SPAN` degrees bring `SMALL_GAIN`, best value first."""
    step = float(grid.ranges[1] - grid.ranges[0]) if len(grid.ranges) > 1 else GAIN_SPAN
    ahead = max(1, round(GAIN_SPAN / step))
    found = []
    for start in range(len(grid.starts)):
        count = int(np.count_nonzero(grid.ranges <= grid.longest[start] + SLACK))
        curve = values[start, :count]
        later = curve[np.minimum(np.arange(count) + ahead, count - 1)]
        gains = np.flatnonzero(later - curve >= SMALL_GAIN)
        span = min(int(gains[-1]) + 1 if len(gains) else 0, count - 1)
        found.append((round(float(curve[span]) / SMALL_GAIN), -span, start))
    _, span, start = max(found)
    return start, -span
