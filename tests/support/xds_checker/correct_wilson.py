"""CORRECT of the checker: the Wilson plot, and the goodness of errors by resolution.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.support.xds_checker.correct_lattice import Integers
from tests.support.xds_checker.correct_merging import Merged, Observed, merge
from tests.support.xds_checker.correct_orbits import Flags, Vector
from tests.support.xds_checker.correct_statistics import NONE

_MOST_SHELLS, _PER_SHELL = 19, 20
_MOST_ERROR_SHELLS, _PER_ERROR_SHELL = 100, 200


@dataclass(frozen=True, slots=True)
class WilsonShell:
    """A point of the plot: `ss` is (sin(theta)/lambda)^2."""

    count: int
    resolution: float
    ss: float
    mean: float


@dataclass(frozen=True, slots=True)
class Wilson:
    """log<I> = A - 2 B ss."""

    a: float
    b: float
    correlation: float
    shells: list[WilsonShell]


def wilson(merged: Merged) -> Wilson:
    """The line through shells of equal steps of ss."""
    ss = merged.inverse_square / 4
    n = int(np.clip(len(ss) // _PER_SHELL, 1, _MOST_SHELLS))
    edges = np.linspace(ss.min(), ss.max(), n + 1)
    place = np.searchsorted(edges[1:-1], ss)
    shells = [_wilson_shell(ss[place == each], merged.intensity[place == each]) for each in np.unique(place)]
    points = np.array([(each.ss, np.log(each.mean)) for each in shells if each.mean > 0])
    if len(points) < 2:
        return Wilson(0.0, 0.0, 0.0, shells)
    slope, a = np.polyfit(points[:, 0], points[:, 1], 1)
    spread = np.std(points, axis=0)
    correlation = -float(np.corrcoef(points.T)[0, 1]) if np.all(spread > 0) else 0.0
    return Wilson(float(a), float(-slope / 2), correlation, shells)


def _wilson_shell(ss: Vector, intensity: Vector) -> WilsonShell:
    mean = float(np.mean(ss))
    return WilsonShell(len(ss), float((4 * mean) ** -0.5), mean, float(np.mean(intensity)))


@dataclass(frozen=True, slots=True)
class ErrorShell:
    """A line of the table of standard errors; R-factors are fractions."""

    low: float
    high: float
    signal: float
    chi_square: float
    r_observed: float
    r_expected: float
    compared: int
    accepted: int
    rejected: int


def error_shells(data: Observed, rejected: Flags) -> list[ErrorShell]:
    """I/sigma, chi^2 and R-factors of observations by resolution; the last line is of all."""
    good = data.subset(~rejected)
    merged = merge(good, good.orbits.key)
    n = int(np.clip(len(good.z) // _PER_ERROR_SHELL, 1, _MOST_ERROR_SHELLS))
    edges = np.linspace(data.inverse_square.min(), data.inverse_square.max(), n + 1)
    place = np.searchsorted(edges[1:-1], good.inverse_square)
    bad_place = np.searchsorted(edges[1:-1], data.inverse_square[rejected])
    lines = [
        _error_shell(
            tuple(edges[each : each + 2]), good, merged, place == each, int(np.sum(bad_place == each))
        )
        for each in range(n)
    ]
    everything = np.ones(len(place), dtype=bool)
    return [*lines, _error_shell((edges[0], edges[-1]), good, merged, everything, int(np.sum(rejected)))]


def _error_shell(
    ends: tuple[float, ...], data: Observed, merged: Merged, of: Flags, rejected: int
) -> ErrorShell:
    count = merged.count[merged.group]
    several = of & (count > 1)
    apart, n, sigma = _deviations(data, merged, several, count)
    total = float(np.sum(data.intensity[several]))
    chi = float(np.mean(apart**2 / sigma**2 * n / (n - 1))) if len(n) else 0.0
    r = float(np.sum(apart)) / total if total > 0 else NONE
    expected = float(np.sum(np.sqrt(2 / np.pi * (n - 1) / n) * sigma)) / total if total > 0 else NONE
    signal = float(np.mean((data.intensity / data.sigma)[of])) if np.any(of) else 0.0
    limits = ends[0] ** -0.5, ends[1] ** -0.5
    return ErrorShell(*limits, signal, chi, r, expected, len(n), int(np.sum(of)), rejected)


def _deviations(
    data: Observed, merged: Merged, several: Flags, count: Integers
) -> tuple[Vector, Integers, Vector]:
    apart = np.abs(data.intensity - merged.intensity[merged.group])[several]
    return apart, count[several], data.sigma[several]
