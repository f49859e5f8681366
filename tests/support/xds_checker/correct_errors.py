"""CORRECT of the checker: a scale per range of frames, the error model, and the misfits.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.support.xds_checker.correct_lattice import Integers
from tests.support.xds_checker.correct_orbits import Flags, Vector

DEFAULT_A, DEFAULT_B = 4.0, 1.0e-4
FEWEST_PAIRS = 100
MOST_RANGES, PER_RANGE = 72, 50
MISFIT_SIGMAS = 4.0
_SMALLEST_A, _SMALLEST_AB = 0.05, 1.0e-5


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """v(I) = a (v0(I) + b I^2)."""

    a: float
    b: float

    @property
    def isa(self) -> float:
        """The highest I/sigma it allows."""
        return float(1 / np.sqrt(self.a * self.b))

    def variance(self, counting: Vector, intensity: Vector) -> Vector:
        """Of intensities with so much variance from counting."""
        return self.a * (counting + self.b * intensity**2)


@dataclass(frozen=True, slots=True)
class Scales:
    """Reciprocal factors of ranges of frames; one of 1 where there is too little to compare."""

    edges: Vector
    factors: Vector
    used: int

    def at(self, z: Vector) -> Vector:
        """The factor by which an observation is too strong."""
        return np.asarray(self.factors[np.clip(np.searchsorted(self.edges, z) - 1, 0, len(self.factors) - 1)])


def no_scales(z: Vector) -> Scales:
    """Where nothing is scaled."""
    return Scales(np.array([z.min(), z.max()]), np.ones(1), 0)


def frame_scales(key: Integers, z: Vector, intensity: Vector, counting: Vector) -> Scales:
    """Factors by which ranges of frames differ in the intensities of reflections they share."""
    _, group, counts = np.unique(key, return_inverse=True, return_counts=True)
    several = counts[group] > 1
    if np.sum(counts > 1) < FEWEST_PAIRS:
        return no_scales(z)
    n_ranges = int(np.clip(np.sum(several) // (2 * PER_RANGE), 1, MOST_RANGES))
    edges = np.linspace(z.min(), z.max() + 1e-6, n_ranges + 1)
    place = np.clip(np.searchsorted(edges, z) - 1, 0, n_ranges - 1)
    weight = np.where(several, 1 / (counting + (0.03 * intensity) ** 2), 0.0)
    factors = np.ones(n_ranges)
    for _ in range(6):
        now = factors[place]
        mean = _ratio(np.bincount(group, weight * now * intensity), np.bincount(group, weight * now**2))[
            group
        ]
        up = np.bincount(place, weight * mean * intensity, n_ranges)
        factors = _ratio(up, np.bincount(place, weight * mean**2, n_ranges))
        enough = np.bincount(place, several, n_ranges) >= PER_RANGE
        factors = np.where(enough & (factors > 0.01), factors, 1.0)
        factors /= np.mean(factors)
    return Scales(edges, factors, int(np.sum(several)))


def _ratio(up: Vector, down: Vector) -> Vector:
    return np.divide(up, down, out=np.ones_like(up), where=down > 0)


def error_model(key: Integers, intensity: Vector, counting: Vector) -> ErrorModel:
    """a and b that make squared deviations of equivalent reflections what v(I) says, at every intensity."""
    mean, n = _means(key, intensity, counting)
    pairs = n > 1
    if np.sum(pairs) < 2 * FEWEST_PAIRS:
        return ErrorModel(DEFAULT_A, DEFAULT_B)
    squares = ((intensity - mean) ** 2)[pairs] * (n / np.maximum(n - 1, 1))[pairs]
    mean, counting = mean[pairs], counting[pairs]
    model = ErrorModel(DEFAULT_A, 1.0e-3)
    for _ in range(8):
        model = _fitted(squares, mean, counting, squares < 36 * model.variance(counting, mean))
    return model


def _fitted(squares: Vector, mean: Vector, counting: Vector, fine: Flags) -> ErrorModel:
    """Least squares of relative differences, in ranges of I/sigma of like population."""
    order = np.argsort((mean / np.sqrt(counting))[fine])
    ranges = np.array_split(order, int(np.clip(len(order) // 50, 2, 20)))
    d, v, q = (
        np.array([np.mean(values[fine][each]) for each in ranges]) for values in (squares, counting, mean**2)
    )
    design = np.stack([v, q], axis=1) / np.maximum(d, 1e-12)[:, None]
    a, ab = np.linalg.lstsq(design, np.ones(len(d)), rcond=None)[0]
    if ab < _SMALLEST_AB:
        ab = _SMALLEST_AB
        a = _least(design[:, 0], 1 - ab * design[:, 1])
    if a < _SMALLEST_A:
        a = _SMALLEST_A
        ab = max(_SMALLEST_AB, _least(design[:, 1], 1 - a * design[:, 0]))
    return ErrorModel(float(a), float(ab / a))


def _least(column: Vector, wanted: Vector) -> float:
    return float(column @ wanted / (column @ column))


def _means(key: Integers, intensity: Vector, counting: Vector) -> tuple[Vector, Vector]:
    """Mean of the equivalents of every observation, and their number."""
    _, group, counts = np.unique(key, return_inverse=True, return_counts=True)
    weight = 1 / (counting + 1e-3 * intensity**2)
    mean = np.bincount(group, weight * intensity) / np.bincount(group, weight)
    return mean[group], counts[group].astype(float)


def misfits(key: Integers, intensity: Vector, counting: Vector, model: ErrorModel, factor: float) -> Flags:
    """Observations far from the mean of the other equivalents: the worst of three or more, both of two."""
    bad = np.zeros(len(key), dtype=bool)
    for _ in range(6):
        new = _worst(key, intensity, counting, model, MISFIT_SIGMAS * factor, ~bad)
        if not np.any(new):
            break
        bad |= new
    return bad


def _worst(
    key: Integers, intensity: Vector, counting: Vector, model: ErrorModel, limit: float, good: Flags
) -> Flags:
    keys, group = np.unique(key, return_inverse=True)
    n = np.bincount(group[good], minlength=len(keys))
    plain = np.bincount(group[good], intensity[good], len(keys)) / np.maximum(n, 1)
    variance = model.variance(counting, plain[group])
    weight = np.where(good, 1 / variance, 0.0)
    w, wi = np.bincount(group, weight)[group] - weight, np.bincount(group, weight * intensity)[group]
    compared = good & (n[group] > 1)
    others = _ratio(wi - weight * intensity, w)
    z = np.where(compared, np.abs(intensity - others) / np.sqrt(variance + 1 / np.maximum(w, 1e-300)), 0.0)
    largest = np.zeros(len(keys))
    np.maximum.at(largest, group, z)
    return np.asarray((z > limit) & (z >= largest[group] * (1 - 1e-9)))
