"""CORRECT of the checker: what is left of the anomalous signal in random halves of the data.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.support.xds_checker.correct_merging import Merged, Observed, merge
from tests.support.xds_checker.correct_orbits import Flags, Vector


@dataclass(frozen=True, slots=True)
class Anomalous:
    """Differences of two random halves of I+ and I-, and of their structure factors."""

    one: Vector
    other: Vector
    in_sigmas: Vector
    inverse_square: Vector

    def subset(self, flags: Flags) -> Anomalous:
        """Some of them."""
        return Anomalous(
            self.one[flags], self.other[flags], self.in_sigmas[flags], self.inverse_square[flags]
        )

    @property
    def count(self) -> int:
        """How many unique reflections have both."""
        return len(self.one)

    @property
    def correlation(self) -> float:
        """Of the differences of the two halves."""
        if self.count < 3 or np.std(self.one) == 0 or np.std(self.other) == 0:
            return 0.0
        return float(np.corrcoef(self.one, self.other)[0, 1])

    @property
    def signal(self) -> float:
        """Mean difference of amplitudes in standard deviations."""
        return float(np.mean(self.in_sigmas)) if self.count else 0.0


def anomalous_differences(data: Observed) -> Anomalous:
    """Of acentric reflections with two or more observations on either side."""
    data = data.subset(~data.orbits.centric)
    sides = merge(data, data.orbits.merged_key(friedel=False))
    fine = sides.count > 1
    _, place, count = np.unique(sides.keys[fine] // 2, return_index=True, return_counts=True)
    plus = np.flatnonzero(fine)[place[count == 2]]
    minus = plus + 1
    one, other = _half_means(data, sides)
    amplitude = np.sqrt(np.maximum(sides.intensity, 1e-9))
    error = sides.sigma / (2 * np.maximum(amplitude, np.sqrt(sides.sigma)))
    signal = np.abs(amplitude[plus] - amplitude[minus]) / np.hypot(error[plus], error[minus])
    return Anomalous(
        one[plus] - one[minus], other[plus] - other[minus], signal, sides.inverse_square[plus]
    )  # fmt: skip


def _half_means(data: Observed, sides: Merged) -> tuple[Vector, Vector]:
    """Means of two random halves of the observations of every side, as equal as can be."""
    order = np.lexsort((np.random.default_rng(1).random(len(data.z)), sides.group))
    starts = np.concatenate([[0], np.cumsum(sides.count)[:-1]])
    parity = np.empty(len(order), dtype=int)
    parity[order] = (np.arange(len(order)) - starts[sides.group[order]]) % 2
    means = []
    for half in (0, 1):
        weight = np.where(parity == half, 1 / data.sigma**2, 0.0)
        total = np.bincount(sides.group, weight, len(sides.keys))
        means.append(
            np.bincount(sides.group, weight * data.intensity, len(sides.keys)) / np.maximum(total, 1e-300)
        )
    return means[0], means[1]
