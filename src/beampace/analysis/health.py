"""The health of a rotation scan: where the crystal dies, slips or leaves the beam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from beampace.analysis.continuity import continuity
from beampace.analysis.frame import FrameAnalysis
from beampace.analysis.judge import FrameVerdict, judge_dataset

LEAST_FRAMES = 20
LEAST_SPOTS = 3.0
"""Good spots a frame must usually have for anything to be said."""
BLANK_FRACTION = 0.1
"""Below this fraction of the best there is no crystal in the beam (dials.util.detect_blanks: 0.1)."""
DYING_FRACTION = 0.2
"""A crystal that has faded steadily to this fraction of its best and stays there has died."""
STEADY = -0.8
"""Rank correlation of the signal with the frame number from which fading is steady."""
GRADUAL = 0.25
"""A fall that takes more than this fraction of the scan is gradual: dose, not position."""
SLIP_RATIO = 0.4
SLIP_SIGMA = 6.0
LEAST_CONTINUITY = 0.2
"""Where fewer spots than this go on, frames are too wide to see a jump."""
FULL = 0.3
"""A frame beside a jump has at least this fraction of the usual number of spots."""

Floats = npt.NDArray[np.float64]


class Ending(StrEnum):
    """Why the useful range is what it is."""

    WHOLE = "whole"
    DIED = "died"
    SLIPPED = "slipped"
    LEFT_BEAM = "left_beam"
    NO_BEAM = "no_beam"
    NO_DIFFRACTION = "no_diffraction"


@dataclass(frozen=True, slots=True)
class UsefulRange:
    """The frames worth processing.

    Attributes:
        first: first useful frame.
        last: last useful frame, included.
        ending: why in one word.
        reason: why in a sentence.
    """

    first: int
    last: int
    ending: Ending
    reason: str


def useful_range(analyses: Sequence[FrameAnalysis]) -> UsefulRange:
    """Find the longest stretch of frames of one crystal that stays as it is.

    Three things end a stretch: the spots vanish (below `BLANK_FRACTION` of the best, as a running median);
    they have faded steadily below `DYING_FRACTION`, in number and in intensity; the crystal jumps, so that
    far fewer spots go on from one frame to the next than usually do. Going up and down, as crystals of uneven
    shape do, ends nothing.

    Args:
        analyses: of a rotation scan, in any order, at least one.

    Raises:
        ValueError: no analysis.
    """
    if not analyses:
        raise ValueError("no frame was analysed")
    ordered = sorted(analyses, key=lambda analysis: analysis.number)
    spots = _smooth(np.array([float(analysis.n_spots_good) for analysis in ordered]))
    whole = (0, len(ordered))
    if float(np.quantile(spots, 0.9)) < LEAST_SPOTS:
        return _answer(ordered, whole, Ending.NO_DIFFRACTION, "There are hardly any spots in any frame.")
    if len(ordered) < LEAST_FRAMES:
        return _answer(ordered, whole, Ending.WHOLE, "The scan is too short to judge.")
    lit = _longest(spots >= BLANK_FRACTION * np.quantile(spots, 0.9))
    alive = _alive(ordered, spots, lit)
    slips = [jump for jump in _jumps(ordered) if alive[0] < jump < alive[1]]
    if slips:
        part = _largest_part(alive, slips)
        words = ", ".join(str(ordered[jump].number) for jump in slips)
        return _answer(ordered, part, Ending.SLIPPED, f"The crystal slipped at frame {words}.")
    return _named(ordered, spots, lit, alive)


def _named(
    ordered: list[FrameAnalysis], spots: Floats, lit: tuple[int, int], alive: tuple[int, int]
) -> UsefulRange:
    first, last = alive
    if alive == (0, len(ordered)):
        return _answer(ordered, alive, Ending.WHOLE, "The crystal diffracts in the whole scan.")
    outside = [*range(first), *range(last, len(ordered))]
    verdicts = judge_dataset(ordered)
    dark = sum(verdicts[index] is FrameVerdict.NO_BEAM for index in outside)
    span = f"frames {ordered[first].number} to {ordered[last - 1].number}"
    if dark > 0.5 * len(outside):
        return _answer(ordered, alive, Ending.NO_BEAM, f"There was beam in {span} only.")
    if alive != lit or (last < len(ordered) and _fall(spots, last) > GRADUAL * len(ordered)):
        words = (
            f"The crystal died: from frame {ordered[min(last, len(ordered) - 1)].number} on little is left."
        )
        return _answer(ordered, alive, Ending.DIED, words)
    return _answer(ordered, alive, Ending.LEFT_BEAM, f"The crystal was in the beam in {span} only.")


def _answer(ordered: list[FrameAnalysis], part: tuple[int, int], ending: Ending, reason: str) -> UsefulRange:
    return UsefulRange(ordered[part[0]].number, ordered[part[1] - 1].number, ending, reason)


def _alive(ordered: list[FrameAnalysis], spots: Floats, lit: tuple[int, int]) -> tuple[int, int]:
    """The lit stretch without an end in which the crystal has all but died."""
    first, last = lit
    intensity = _smooth(np.array([analysis.intensity for analysis in ordered]))
    part_spots, part_intensity = spots[first:last], intensity[first:last]
    if _rank_trend(part_spots) > STEADY or _rank_trend(part_intensity) > STEADY:
        return lit
    weak = part_spots < DYING_FRACTION * np.quantile(part_spots, 0.9)
    weak &= part_intensity < DYING_FRACTION * np.quantile(part_intensity, 0.9)
    alive = np.flatnonzero(~weak)
    return (first, first + int(alive[-1]) + 1) if alive.size else lit


def _jumps(ordered: list[FrameAnalysis]) -> list[int]:
    """Indices of frames before which the crystal jumped.

    The share of good spots that go on is compared with the median of its surroundings; a jump lies below
    `SLIP_RATIO` of it and `SLIP_SIGMA` binomial standard deviations away. Both frames must have about as many
    spots as usual: where the crystal is out of the beam, nothing goes on either.
    """
    going, all_spots = continuity(ordered)
    n_spots = np.array([analysis.n_spots_good for analysis in ordered])
    share = going / np.maximum(all_spots, 1)
    usual = _surroundings(share, all_spots > 0, max(5, len(ordered) // 20))
    full = np.minimum(n_spots[:-1], n_spots[1:]) >= np.maximum(LEAST_SPOTS, FULL * np.median(n_spots))
    sigma = np.sqrt(np.maximum(usual * (1 - usual), 0.05) * np.maximum(all_spots, 1))
    fewer = (share < SLIP_RATIO * usual) & (going < usual * all_spots - SLIP_SIGMA * sigma)
    return [int(index) + 1 for index in np.flatnonzero(full & fewer & (usual >= LEAST_CONTINUITY))]


def _surroundings(values: Floats, use: npt.NDArray[np.bool_], half: int) -> Floats:
    """Median of the usable values within `half` of each, itself left out; 0 without any."""
    medians = np.zeros(values.size)
    for index in range(values.size):
        around = np.arange(max(0, index - half), min(values.size, index + half + 1))
        around = around[(around != index) & use[around]]
        medians[index] = np.median(values[around]) if around.size else 0.0
    return medians


def _fall(spots: Floats, end: int) -> int:
    """Frames the signal took to fall from 80 % of the best to its end."""
    high = np.flatnonzero(spots[:end] >= 0.8 * np.quantile(spots[:end], 0.9))
    return end - int(high[-1]) if high.size else end


def _smooth(values: Floats) -> Floats:
    """Running median over a fortieth of the scan, at least five frames."""
    half = max(2, values.size // 80)
    padded = np.pad(values, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return np.asarray(np.median(windows, axis=1), dtype=np.float64)


def _rank_trend(values: Floats) -> float:
    """Spearman's rank correlation with the position."""
    if values.size < LEAST_FRAMES or np.ptp(values) == 0:
        return 0.0
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return float(np.corrcoef(ranks, np.arange(values.size))[0, 1])


def _longest(flags: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """The longest run of set flags as (begin, end)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    begins, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - begins))
    return int(begins[longest]), int(ends[longest])


def _largest_part(part: tuple[int, int], cuts: list[int]) -> tuple[int, int]:
    edges = [part[0], *cuts, part[1]]
    parts = [(edges[index], edges[index + 1]) for index in range(len(edges) - 1)]
    return max(parts, key=lambda one: one[1] - one[0])
