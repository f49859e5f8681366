"""Observations that contradict their equivalents.

Each is compared with the mean of the others in its group: z = (I - g <I>_others)/sqrt(v + g^2/W_others); the
worst of a group is rejected when |z| > 6 and the rest compared again (dials.scale, outlier_rejection.py).
Of two alone it cannot be said which is wrong: both go, beyond a higher limit. An observation without
equivalents goes when it is stronger than Wilson's statistics (1949, Acta Cryst. 2, 318) allow (Read 1999,
Acta Cryst. D55, 1759).
"""

from __future__ import annotations

import math

import gemmi
import numpy as np
from numba import njit

from beampace.analysis.rotation.equivalents import Grouping
from beampace.analysis.rotation.observations import Flags, Floats, Indices

LIMIT = 6.0
PAIR_LIMIT = 9.0
TOO_STRONG = 20.0
"""E^2 that no lone observation may exceed: one in 5e8 does by chance, one centric one in 1e5."""
SHELLS = 20


def find_outliers(grouping: Grouping, intensity: Floats, variance: Floats, g: Floats) -> Flags:
    """Observations at odds with their equivalents, (n,).

    Args:
        grouping: groups of the observations, which are sorted.
        intensity: unscaled, (n,).
        variance: expected of each at the mean of its group, infinite for what must not count, (n,).
        g: factors by which they are divided, (n,).
    """
    found = np.zeros(len(intensity), dtype=np.bool_)
    weight = np.where(np.isfinite(variance), 1 / variance, 0.0)
    _reject(grouping.starts, intensity, weight, g, LIMIT, PAIR_LIMIT, found)
    return found


@njit(cache=True, nogil=True)
def _reject(starts, intensity, weight, g, limit, pair_limit, out):  # type: ignore[no-untyped-def]
    """Mark the outliers of every group, the worst first."""
    for h in range(len(starts) - 1):
        begin, end = starts[h], starts[h + 1]
        while True:
            count, worst, place = _worst(begin, end, intensity, weight, g, out)
            if count < 2 or worst <= (limit if count > 2 else pair_limit):
                break
            out[place] = True
            if count == 2:
                for i in range(begin, end):
                    out[i] = out[i] or weight[i] > 0
                break


@njit(cache=True, nogil=True)
def _worst(begin, end, intensity, weight, g, out):  # type: ignore[no-untyped-def]
    """(how many count, largest |z| of the module's formula, whose it is) of one group."""
    count, top, bottom = 0, 0.0, 0.0
    for i in range(begin, end):
        if not out[i] and weight[i] > 0:
            count += 1
            top += weight[i] * g[i] * intensity[i]
            bottom += weight[i] * g[i] * g[i]
    worst, place = 0.0, begin
    for i in range(begin, end):
        others = bottom - weight[i] * g[i] * g[i]
        if count > 1 and not out[i] and weight[i] > 0 and others > 0:
            mean = (top - weight[i] * g[i] * intensity[i]) / others
            z = abs(intensity[i] - g[i] * mean) / math.sqrt(1 / weight[i] + g[i] * g[i] / others)
            if z > worst:
                worst, place = z, i
    return count, worst, place


def too_strong(mean: Floats, hkl: Indices, d: Floats, group: gemmi.SpaceGroup, lone: Flags) -> Flags:
    """Lone observations beyond all probability.

    Args:
        mean: intensity of each group of equivalents, (groups,).
        hkl: one index of each, (groups, 3).
        d: spacing of each, (groups,).
        group: whose axial reflections are stronger than others.
        lone: whether the group has a single observation.

    Returns:
        Those groups, (groups,).
    """
    expected, operations = _expected(d, mean), group.operations()
    suspect = lone & (mean > TOO_STRONG * expected)
    for h in np.flatnonzero(suspect):
        epsilon = operations.epsilon_factor_without_centering([int(i) for i in hkl[h]])
        suspect[h] = mean[h] > TOO_STRONG * epsilon * expected[h]
    return suspect


def _expected(d: Floats, mean: Floats) -> Floats:
    """Mean intensity at each spacing: shells of equal numbers, interpolated in 1/d^2 on a log scale.

    The strongest hundredth of a shell is left out, so that what is to be judged does not judge; that takes
    5 % off the mean of an exponential distribution, which is put back.
    """
    s = 1 / d**2
    parts = np.array_split(np.lexsort((mean, s)), max(1, min(SHELLS, len(s) // 100)))
    at = [float(np.mean(s[part])) for part in parts]
    level = [float(np.mean(np.sort(mean[part])[: max(1, int(0.99 * len(part)))])) / 0.95 for part in parts]
    least = max(1e-6 * max(level, default=0.0), 1e-12)
    return np.asarray(np.exp(np.interp(s, at, np.log(np.maximum(level, least)))))
