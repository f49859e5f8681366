"""Observations sorted into groups of symmetry equivalents.

The order within a group depends on what was measured and not on the order of the input, so that sums of
floating-point numbers come out the same whatever way the observations arrive.
"""

from __future__ import annotations

from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis.rotation.observations import Indices, Observations

Counts = npt.NDArray[np.int64]

BITS = 21
LIMIT = 1 << (BITS - 1)
"""Indices must be smaller in size to be packed into one integer."""


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Groups of equivalents as runs of sorted observations.

    Attributes:
        order: the observations in sorted order, (n,).
        starts: where each group begins in that order, and n at the end, (groups + 1,).
        label: group of each sorted observation, (n,).
    """

    order: npt.NDArray[np.intp]
    starts: Counts
    label: Counts

    @property
    def sizes(self) -> Counts:
        """Observations in each group, (groups,)."""
        return np.diff(self.starts)


def group_equivalents(
    observations: Observations, group: gemmi.SpaceGroup, *, friedel: bool = True
) -> Grouping:
    """Sort observations into groups of equivalents.

    Args:
        observations: what was measured.
        group: a space group in the basis of the indices; only its rotations count.
        friedel: whether Friedel mates are equivalents.
    """
    keys = unique_keys(observations.hkl, group, friedel=friedel)
    order = np.lexsort((observations.sigma, observations.intensity, observations.z, keys))
    ordered = keys[order]
    fresh = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    starts = np.append(fresh, len(ordered)).astype(np.int64)
    label = np.repeat(np.arange(len(fresh), dtype=np.int64), np.diff(starts))
    return Grouping(order, starts, label)


def unique_keys(hkl: Indices, group: gemmi.SpaceGroup, *, friedel: bool = True) -> Counts:
    """One integer per set of equivalents: the largest packed index among them, (n,).

    Raises:
        ValueError: an index is too large to be packed.
    """
    if hkl.size and int(np.abs(hkl).max()) * 4 >= LIMIT:
        raise ValueError(f"a Miller index exceeds {LIMIT // 4}")
    parts = sorted({tuple(map(tuple, op.rot)) for op in group.operations().sym_ops})
    rotations = np.array(parts, dtype=np.int64) // gemmi.Op.DEN
    if friedel:
        rotations = np.concatenate([rotations, -rotations])
    return np.asarray(_largest(np.ascontiguousarray(hkl, dtype=np.int32), rotations))


@njit(cache=True, nogil=True)
def _largest(hkl, rotations):  # type: ignore[no-untyped-def]
    """The largest key of h R over the rotations, for every h (a row)."""
    keys = np.empty(len(hkl), np.int64)
    for i in range(len(hkl)):
        best = np.int64(-1)
        for r in rotations:
            key = np.int64(0)
            for j in range(3):
                index = hkl[i, 0] * r[0, j] + hkl[i, 1] * r[1, j] + hkl[i, 2] * r[2, j]
                key = (key << BITS) + index + LIMIT
            best = max(best, key)
        keys[i] = best
    return keys
