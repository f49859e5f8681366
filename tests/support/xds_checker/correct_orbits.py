"""CORRECT of the checker: which reflections are one and the same, and their redundancy-independent R.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.support.xds_checker.correct_lattice import Integers, Matrix

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

_BASE = 1 << 13
_HALF = _BASE // 2


@dataclass(frozen=True, slots=True)
class Orbits:
    """For every reflection: a number of its orbit, Friedel mates together, and its side of the mates.

    Attributes:
        key: the number; it sorts as the unique indices do.
        plus: it is reached without inversion.
        centric: so are its mates.
    """

    key: Integers
    plus: Flags
    centric: Flags

    def merged_key(self, *, friedel: bool) -> Integers:
        """The number of what is merged: with Friedel's law the orbit, else a side of it."""
        return self.key * 2 + (0 if friedel else (~self.plus).astype(int))


def orbits_of(hkl: Integers, rotations: Integers) -> Orbits:
    """The orbits under matrices that take index columns to equivalent ones."""
    plus = np.full(len(hkl), -1, dtype=np.int64)
    minus = plus.copy()
    for rotation in rotations:
        turned = hkl @ rotation.T
        np.maximum(plus, _code(turned), out=plus)
        np.maximum(minus, _code(-turned), out=minus)
    return Orbits(np.maximum(plus, minus), plus >= minus, plus == minus)


def _code(hkl: Integers) -> Integers:
    return np.asarray(((hkl[:, 0] + _HALF) * _BASE + hkl[:, 1] + _HALF) * _BASE + hkl[:, 2] + _HALF)


def unique_indices(keys: Integers) -> Integers:
    """The unique indices (n, 3) of orbit numbers."""
    return np.stack([keys // (_BASE * _BASE), keys // _BASE % _BASE, keys % _BASE], axis=1) - _HALF


def inverse_squares(hkl: Integers, axes: Matrix) -> Vector:
    """1/d^2 of reflections."""
    vectors = hkl @ np.linalg.inv(axes).T
    return np.asarray(np.sum(vectors * vectors, axis=1))


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well equivalent reflections agree: Rmeas as a fraction, 0 where nothing is compared."""

    unique: int
    r_meas: float
    compared: int


def agreement(keys: Integers, intensity: Vector) -> Agreement:
    """Rmeas of Diederichs and Karplus (1997) of unweighted means."""
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    mean = np.bincount(inverse, intensity) / counts
    n = counts[inverse]
    several = n > 1
    spread = np.sqrt(n[several] / (n[several] - 1)) * np.abs(intensity - mean[inverse])[several]
    total = float(np.sum(intensity[several]))
    r_meas = float(np.sum(spread)) / total if total > 0 else 0.0
    return Agreement(len(counts), r_meas, int(np.sum(several)))
