"""CORRECT of the checker: the statistics of the data by resolution shell.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from dataclasses import dataclass

import gemmi
import numpy as np

from tests.support.xds_checker.correct_anomalous import Anomalous, anomalous_differences
from tests.support.xds_checker.correct_lattice import Integers
from tests.support.xds_checker.correct_merging import Merged, Observed, merge
from tests.support.xds_checker.correct_orbits import Flags, Vector

SHELLS = 9
LEAST_SIGNAL = -3.0
NONE = -0.999
"""Fraction that stands for an R-factor of nothing; it prints as -99.9%."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; R-factors and correlations are fractions."""

    limit: float | None
    observed: int
    unique: int
    possible: int
    r_observed: float
    r_expected: float
    compared: int
    signal: float
    r_meas: float
    cc_half: float
    is_cc_significant: bool
    anomalous_correlation: float
    is_anomalous_significant: bool
    anomalous_signal: float
    n_anomalous: int

    @property
    def completeness(self) -> float:
        """Unique over possible reflections."""
        return self.unique / self.possible if self.possible else 0.0


@dataclass(frozen=True, slots=True)
class Shells:
    """Resolution shells: edges in 1/d^2, ascending, and the possible reflections of each."""

    edges: Vector
    possible: Integers

    def of(self, inverse_square: Vector) -> Integers:
        """Shell of reflections."""
        place = np.searchsorted(self.edges[1:-1], inverse_square, side="left")
        return np.asarray(place)


def shells_of(
    data: Observed, cell: tuple[float, ...], group: gemmi.SpaceGroup, low: float, given: tuple[float, ...],
    *, friedel: bool,
) -> Shells:  # fmt: skip
    """Nine shells of equal steps of 1/d^2, or the user's; possible reflections from the low limit on."""
    ends = float(np.min(data.inverse_square)), float(np.max(data.inverse_square))
    edges = np.linspace(ends[0], max(ends[1], ends[0] * (1 + 1e-9)), SHELLS + 1)
    if given:
        limits = [1 / d**2 for d in given if ends[0] < 1 / d**2 < ends[1]]
        edges = np.array([ends[0], *limits, ends[1]])
    unit_cell = gemmi.UnitCell(*cell)
    hkl = gemmi.make_miller_array(unit_cell, group, ends[1] ** -0.5 * (1 - 1e-7), low)
    weight = np.ones(len(hkl), dtype=int)
    if not friedel:
        weight += ~group.operations().centric_flag_array(hkl)
    shells = Shells(edges, np.zeros(0, dtype=int))
    place = shells.of(unit_cell.calculate_1_d2_array(hkl))
    return Shells(edges, np.bincount(place, weight, len(edges) - 1).astype(int))


def table(data: Observed, shells: Shells, *, friedel: bool) -> list[Row]:
    """A row for every shell, and the last for all."""
    merged = merge(data, data.orbits.merged_key(friedel=friedel))
    signal = merged.intensity >= LEAST_SIGNAL * merged.sigma
    data = data.subset(signal[merged.group])
    merged = merge(data, data.orbits.merged_key(friedel=friedel))
    anomalous = anomalous_differences(data)
    place, unique_place = shells.of(data.inverse_square), shells.of(merged.inverse_square)
    rows = []
    for shell, possible in enumerate(shells.possible):
        limit = float(shells.edges[shell + 1] ** -0.5)
        of_shell = anomalous.subset(shells.of(anomalous.inverse_square) == shell)
        rows.append(_row(limit, int(possible), data, merged, place == shell, unique_place == shell, of_shell))
    everything = np.ones(len(data.z), dtype=bool), np.ones(len(merged.keys), dtype=bool)
    return [*rows, _row(None, int(np.sum(shells.possible)), data, merged, *everything, anomalous)]


def _row(
    limit: float | None, possible: int, data: Observed, merged: Merged, of: Flags, unique: Flags,
    anomalous: Anomalous,
) -> Row:  # fmt: skip
    r_observed, r_expected, r_meas, compared = _r_factors(data, merged, of)
    cc = _cc_half(data, merged, of, unique)
    n = int(np.sum(unique & (merged.count > 1)))
    mean = float(np.mean((merged.intensity / merged.sigma)[unique])) if compared else 0.0
    corr = anomalous.correlation
    return Row(
        limit, int(np.sum(of)), int(np.sum(unique)), possible, r_observed, r_expected, compared, mean, r_meas,
        cc, is_significant(cc, n), corr, is_significant(corr, anomalous.count),
        anomalous.signal, anomalous.count,
    )  # fmt: skip


def _r_factors(data: Observed, merged: Merged, of: Flags) -> tuple[float, float, float, int]:
    """Observed and expected R-factor, Rmeas, and the number of observations compared."""
    n = merged.count[merged.group]
    several = of & (n > 1)
    total = float(np.sum(data.intensity[several]))
    if total <= 0:
        return NONE, NONE, NONE, int(np.sum(several))
    apart = np.abs(data.intensity - merged.intensity[merged.group])[several]
    n = n[several]
    expected = np.sqrt(2 / np.pi * (n - 1) / n) * data.sigma[several]
    r_meas = float(np.sum(np.sqrt(n / (n - 1)) * apart)) / total
    return float(np.sum(apart)) / total, float(np.sum(expected)) / total, r_meas, len(n)


def _cc_half(data: Observed, merged: Merged, of: Flags, unique: Flags) -> float:
    """CC(1/2) by the sigma-tau method of Assmann et al. (2016), with weights."""
    several = unique & (merged.count > 1)
    if np.sum(several) < 2:
        return 0.0
    weight = 1 / data.sigma**2
    square = weight * (data.intensity - merged.intensity[merged.group]) ** 2
    n = np.maximum(merged.count, 2)
    within = np.bincount(merged.group, square, len(n)) * merged.sigma**2 / (n - 1)
    noise = float(np.mean(within[several])) * 2
    between = float(np.var(merged.intensity[several], ddof=1))
    return (between - noise / 2) / (between + noise / 2) if between + noise > 0 else 0.0


def is_significant(correlation: float, n: int) -> bool:
    """At the 0.1 % level, by Fisher's transformation."""
    return n > 4 and correlation > np.tanh(3.09 / np.sqrt(n - 3))
