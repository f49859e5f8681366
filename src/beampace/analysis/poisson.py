"""Poisson tail thresholds as a table over the background level."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVELS_PER_OCTAVE = 16
LOWEST = 2.0**-12
OCTAVES = 28


@dataclass(frozen=True, slots=True)
class ThresholdTable:
    """Smallest count c with P(C >= c | b) < probability, for b on a grid of 16 levels per octave.

    Attributes:
        probability: the tail probability.
        counts: threshold per level, shape (levels,); level i is b = 2**(i/16 - 12) counts per pixel.
    """

    probability: float
    counts: npt.NDArray[np.uint32]

    @classmethod
    def make(cls, probability: float) -> ThresholdTable:
        """Tabulate the threshold for every level."""
        levels = LOWEST * 2.0 ** (np.arange(OCTAVES * LEVELS_PER_OCTAVE) / LEVELS_PER_OCTAVE)
        return cls(probability, np.array([tail_threshold(b, probability) for b in levels], dtype=np.uint32))


def tail_threshold(mean: float, probability: float) -> int:
    """Smallest c with P(C >= c) < probability for a Poisson variable of the given mean.

    Above a mean of 500 the normal approximation with continuity correction is used.
    """
    if mean > 500:
        return math.ceil(mean + _normal_quantile(probability) * math.sqrt(mean) + 1)
    term = math.exp(-mean)
    below, count = 0.0, 0
    while 1.0 - below >= probability and count < 2000:
        below += term
        count += 1
        term *= mean / count
    return count


def _normal_quantile(tail: float) -> float:
    """The z with P(Z >= z) = tail, by bisection of the complementary error function."""
    low, high = 0.0, 40.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erfc(middle / math.sqrt(2)) / 2 > tail else (low, middle)
    return high
