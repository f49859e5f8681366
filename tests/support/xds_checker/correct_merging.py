"""CORRECT of the checker: observations, and what they are merged to.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.support.xds_checker.correct_lattice import Integers
from tests.support.xds_checker.correct_orbits import Flags, Orbits, Vector, unique_indices


@dataclass(frozen=True, slots=True)
class Observed:
    """Observations that statistics are made of: indices are those of the new cell.

    Attributes:
        inverse_square: 1/d^2.
    """

    hkl: Integers
    orbits: Orbits
    intensity: Vector
    sigma: Vector
    z: Vector
    inverse_square: Vector

    def subset(self, flags: Flags) -> Observed:
        """Some of them."""
        orbits = Orbits(self.orbits.key[flags], self.orbits.plus[flags], self.orbits.centric[flags])
        return Observed(
            self.hkl[flags], orbits, self.intensity[flags], self.sigma[flags], self.z[flags],
            self.inverse_square[flags],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Merged:
    """Observations merged with weights 1/sigma^2.

    Attributes:
        keys, count, intensity, sigma, inverse_square: of every unique reflection.
        group: of every observation, its place among them.
    """

    keys: Integers
    count: Integers
    intensity: Vector
    sigma: Vector
    inverse_square: Vector
    group: Integers


def merge(data: Observed, keys: Integers) -> Merged:
    """Merge what has the same key."""
    unique, first, group, count = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    weight = 1 / data.sigma**2
    total = np.bincount(group, weight)
    mean = np.bincount(group, weight * data.intensity) / total
    return Merged(unique, count, mean, 1 / np.sqrt(total), data.inverse_square[first], group)


@dataclass(frozen=True, slots=True)
class Axial:
    """A unique reflection on an axis of the reciprocal lattice, or one expected to be absent."""

    hkl: tuple[int, int, int]
    d: float
    intensity: float
    sigma: float
    count: int
    is_absent: bool


def axials(data: Observed, absent: Flags) -> list[Axial]:
    """Those of the table of screw axes."""
    merged = merge(data, data.orbits.key)
    hkl = unique_indices(merged.keys)
    is_absent = np.bincount(merged.group, absent, len(merged.keys)) > 0
    listed = np.flatnonzero((np.sum(hkl != 0, axis=1) == 1) | is_absent)
    return [_axial(merged, place, hkl[place], is_absent=bool(is_absent[place])) for place in listed]


def _axial(merged: Merged, place: int, hkl: Integers, *, is_absent: bool) -> Axial:
    h, k, index = (int(value) for value in hkl)
    d, intensity = float(merged.inverse_square[place] ** -0.5), float(merged.intensity[place])
    return Axial((h, k, index), d, intensity, float(merged.sigma[place]), int(merged.count[place]), is_absent)
