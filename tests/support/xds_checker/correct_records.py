"""CORRECT of the checker: records of INTEGRATE.HKL become observations, or are counted out.

Records of one observation that several jobs wrote are added. The same observation recorded in full more
than once means that wedges were joined wrongly, and ends the run. IOBS is taken for what was recorded: what
PEAK says is missing of an observation, up to a quarter, is put in.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.support.xds_checker.correct_input import CheckerStop, Settings
from tests.support.xds_checker.correct_lattice import Integers, Matrix
from tests.support.xds_checker.correct_orbits import Flags, Vector, inverse_squares
from tests.support.xds_checker.hkl_tables import Item, Table

FULL = 99.995
"""PEAK in per cent from which a record is not partial."""
MOST_TOGETHER = 110.0
"""PEAK in per cent that parts of one observation do not exceed together."""
SAME_PLACE = (2.0, 2.0, 1.0)
"""Differences of XCAL, YCAL, ZCAL below which two full records are the same observation."""

_INDICES = [Item.H, Item.K, Item.L]
_WEIGHTED = [Item.XCAL, Item.YCAL, Item.ZCAL, Item.RLP, Item.CORR, Item.ALF0, Item.BET0, Item.ALF1, Item.BET1]
_OBSERVED = [Item.XOBS, Item.YOBS, Item.ZOBS]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records went where."""

    on_file: int
    corrupted: int
    added: int
    incomplete: int
    overloaded: int
    out_of_resolution: int
    accepted: int


def observations(
    rows: Table, settings: Settings, gap: float, axes: Matrix, variance_model: tuple[float, ...]
) -> tuple[Table, Tally]:
    """The accepted records, SIGMA being what counting alone gives.

    Raises:
        CheckerStop: an observation stands there twice, or nothing is left.
    """
    sound = rows[_sound(rows)]
    sound[:, Item.SIGMA] = _counting_sigma(sound, variance_model)
    whole = added_partials(sound, gap)
    complete = _is_complete(whole, settings)
    fits = whole[:, Item.MAXC] <= settings.overload
    resolved = _is_resolved(whole, settings, axes)
    accepted = whole[complete & fits & resolved]
    accepted[:, [Item.IOBS, Item.SIGMA]] *= 100 / accepted[:, [Item.PEAK]]
    if not len(accepted):
        raise CheckerStop("USELESS DATA ON INPUT REFLECTION FILE")
    incomplete, overloaded = int(np.sum(~complete)), int(np.sum(complete & ~fits))
    unresolved = int(np.sum(complete & fits & ~resolved))
    n = (len(rows), len(rows) - len(sound), len(sound) - len(whole))
    return accepted, Tally(*n, incomplete, overloaded, unresolved, len(accepted))


def _sound(rows: Table) -> Flags:
    finite = np.all(np.isfinite(rows), axis=1)
    integral = np.all(rows[:, _INDICES] == np.rint(rows[:, _INDICES]), axis=1)
    return np.asarray(finite & integral & (rows[:, Item.SIGMA] > 0) & np.any(rows[:, _INDICES] != 0, axis=1))


def _counting_sigma(rows: Table, variance_model: tuple[float, ...]) -> Vector:
    """Take back the model a, b that the header says the sigmas of INTEGRATE.HKL contain."""
    variance = rows[:, Item.SIGMA] ** 2
    if len(variance_model) != 2 or variance_model[0] <= 0:
        return np.sqrt(variance)
    a, b = variance_model
    counted = variance / a - b * rows[:, Item.IOBS] ** 2
    return np.sqrt(np.maximum(counted, 0.05 * variance / a))


def added_partials(rows: Table, gap: float) -> Table:
    """The table with partial records of one observation added up.

    Raises:
        CheckerStop: records of full observations stand there more than once.
    """
    if not len(rows):
        return rows
    rows = rows[np.lexsort((rows[:, Item.ZCAL], rows[:, Item.L], rows[:, Item.K], rows[:, Item.H]))]
    _refuse_repeats(rows)
    run = _runs(rows, gap)
    weights = np.maximum(rows[:, Item.PEAK], 1e-6)
    sums = np.bincount(run, weights)
    starts = np.flatnonzero(np.diff(run, prepend=-1))
    added = rows[starts].copy()
    for item in _WEIGHTED:
        added[:, item] = np.bincount(run, weights * rows[:, item]) / sums
    added[:, Item.IOBS] = np.bincount(run, rows[:, Item.IOBS])
    added[:, Item.SIGMA] = np.sqrt(np.bincount(run, rows[:, Item.SIGMA] ** 2))
    added[:, Item.PEAK] = np.minimum(np.bincount(run, rows[:, Item.PEAK]), 100.0)
    added[:, Item.MAXC] = np.maximum.reduceat(rows[:, Item.MAXC], starts)
    added[:, _OBSERVED] = rows[_strongest(rows, run, starts)][:, _OBSERVED]
    return np.asarray(added)


def _runs(rows: Table, gap: float) -> Integers:
    """Numbers of runs of sorted records that are parts of one observation.

    A run whose parts exceed one observation together is no run: its records stay apart.
    """
    part = rows[:, Item.PEAK] < FULL
    follows = np.all(rows[1:, _INDICES] == rows[:-1, _INDICES], axis=1) & part[1:] & part[:-1]
    follows &= np.diff(rows[:, Item.ZCAL]) <= gap
    run = np.concatenate([[0], np.cumsum(~follows)])
    too_much = np.bincount(run, rows[:, Item.PEAK])[run] > MOST_TOGETHER
    follows &= ~too_much[1:]
    return np.concatenate([[0], np.cumsum(~follows)])


def _strongest(rows: Table, run: Integers, starts: Integers) -> Integers:
    """Of each run the record that saw most of the observation."""
    order = np.lexsort((-rows[:, Item.PEAK], run))
    return np.asarray(order[starts])


def _refuse_repeats(rows: Table) -> None:
    near = np.all(rows[1:, _INDICES] == rows[:-1, _INDICES], axis=1)
    for item, limit in zip((Item.XCAL, Item.YCAL, Item.ZCAL), SAME_PLACE, strict=True):
        near &= np.abs(np.diff(rows[:, item])) < limit
    both = rows[1:, Item.PEAK] + rows[:-1, Item.PEAK]
    repeated = np.flatnonzero(near & (both > 150.0))
    if len(repeated):
        h, k, l = rows[repeated[0]][_INDICES].astype(int)  # noqa: E741
        raise CheckerStop(
            f'{len(repeated)} OBSERVATIONS STAND MORE THAN ONCE ON FILE "INTEGRATE.HKL", SUCH AS {h} {k} {l}'
        )


def _is_complete(rows: Table, settings: Settings) -> Flags:
    """Recorded well enough, within DATA_RANGE=, and not within EXCLUDE_DATA_RANGE=."""
    first, last = settings.data_range
    z = rows[:, Item.ZCAL]
    inside = (rows[:, Item.PEAK] >= settings.least_peak) & (z >= first - 1) & (z <= last)
    for low, high in settings.excluded_frames:
        inside &= ~((z > low - 1) & (z <= high))
    return np.asarray(inside)


def _is_resolved(rows: Table, settings: Settings, axes: Matrix) -> Flags:
    d = 1 / np.sqrt(inverse_squares(rows[:, _INDICES].astype(int), axes))
    low, high = settings.resolution
    inside = (d <= low) & (d >= high)
    for one, other in settings.excluded_resolution:
        inside &= ~((d <= max(one, other)) & (d >= min(one, other)))
    return np.asarray(inside)
