"""Merging: from observations to one mean, its error and its spread per unique reflection.

Means are weighted by 1/sigma^2. Everything is a segmented sum over observations sorted by unique
index, then by value, so the result does not depend on the order of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beampace.results.reflections import Flags, Keys, absent, inverse_d, representatives, unpack
from beampace.results.unmerged import Observations, Values

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """Unique reflections, Friedel mates merged; every array has one entry per reflection.

    Attributes:
        keys: packed representative index.
        s: 1/d in 1/angstrom.
        count: observations.
        total: sum of the intensities.
        mean: weighted mean intensity; `sigma`: sqrt(1/sum(1/sigma^2)).
        deviation: sum of |I - mean|.
        error: estimated variance of `mean` from the spread, s^2/n; NaN below two observations.
        difference: <I+> - <I->; `difference_error`: its variance from the spread; both NaN unless the
            reflection is acentric and each mate was observed at least twice.
        member: unique reflection each observation belongs to, in the order of the input; -1 if absent.
    """

    keys: Keys
    s: Values
    count: Counts
    total: Values
    mean: Values
    sigma: Values
    deviation: Values
    error: Values
    difference: Values
    difference_error: Values
    member: Counts


def summed(label: Counts, values: Values, n: int) -> Values:
    """Sum of the values of each label 0..n-1."""
    return np.asarray(np.bincount(label, weights=values, minlength=n), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Segments:
    """Sums over runs of sorted observations, one run per label."""

    label: Counts
    n: int

    def sum(self, values: Values) -> Values:
        return summed(self.label, values, self.n)

    def count(self) -> Counts:
        return np.bincount(self.label, minlength=self.n)


def merge(observed: Observations) -> Merged:
    """Merge observations; those that are systematically absent are left out."""
    keep = ~absent(observed.hkl, observed.group)
    chosen = observed.select(keep)
    unique = representatives(chosen.hkl, chosen.group)
    order = np.lexsort((chosen.sigma, chosen.intensity, ~unique.plus, unique.keys))
    keys, label = np.unique(unique.keys[order], return_inverse=True)
    intensity, sigma = chosen.intensity[order], chosen.sigma[order]
    segments = _Segments(label, len(keys))
    mean, error = means(segments, intensity, sigma)
    centric = segments.sum(unique.centric[order].astype(np.float64)) > 0
    difference, difference_error = _differences(label, unique.plus[order], centric, intensity, sigma)
    member = np.full(len(observed), -1, dtype=np.int64)
    member[np.flatnonzero(keep)[order]] = label
    return Merged(
        keys=keys,
        s=inverse_d(unpack(keys), observed.cell),
        count=segments.count(),
        total=segments.sum(intensity),
        mean=mean,
        sigma=1 / np.sqrt(segments.sum(1 / sigma**2)),
        deviation=segments.sum(np.abs(intensity - mean[label])),
        error=error,
        difference=difference,
        difference_error=difference_error,
        member=member,
    )


def means(segments: _Segments, intensity: Values, sigma: Values) -> tuple[Values, Values]:
    """Weighted mean per segment and the variance of it estimated from the spread.

    The weighted form of Assmann, Brehm & Diederichs (2016), J. Appl. Cryst. 49, 1021:
    s^2 = n/(n-1) sum w (I - <I>)^2 / sum w; the mean has the variance s^2/n.
    """
    weight = 1 / sigma**2
    n = segments.count()
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = segments.sum(weight * intensity) / segments.sum(weight)
        square = segments.sum(weight * (intensity - mean[segments.label]) ** 2) / segments.sum(weight)
        error = np.where(n > 1, square / (n - 1), np.nan)
    return mean, error


def _differences(
    label: Counts, plus: Flags, centric: Flags, intensity: Values, sigma: Values
) -> tuple[Values, Values]:
    n = len(centric)
    halves = _Segments(2 * label + ~plus, 2 * n)
    mean, error = means(halves, intensity, sigma)
    twice = (halves.count().reshape(n, 2) >= 2).all(axis=1) & ~centric
    pairs, errors = mean.reshape(n, 2), error.reshape(n, 2)
    difference = np.where(twice, pairs[:, 0] - pairs[:, 1], np.nan)
    return difference, np.where(twice, errors.sum(axis=1), np.nan)
