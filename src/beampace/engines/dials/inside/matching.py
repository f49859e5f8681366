"""The same reflections in two tables, on two choices of axes; pure, with numpy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Array = np.ndarray

AXES = 0.1
"""Departure of the change of basis from whole numbers."""
HIGHEST = 511
"""Largest index that is matched."""
FINE = 100
"""Steps per frame in which centres are compared."""
EARLIEST = -1e4
"""Lowest centre that is told from others, in frames."""


def change_of_basis(old: Sequence[float], new: Sequence[float]) -> Array | None:
    """Whole numbers that make indices of an old orientation matrix those of a new one, or None.

    The same reciprocal lattice vector is A h with either: h_new = A_new^-1 A_old h_old.
    """
    exact = np.linalg.solve(np.reshape(new, (3, 3)), np.reshape(old, (3, 3)))
    whole = np.rint(exact).astype(int)
    same = np.abs(exact - whole).max() <= AXES and abs(round(np.linalg.det(whole))) == 1
    return whole if same else None


def keys(hkl: Array, entering: Array) -> Array:
    """One number for indices and the side of the sphere they come from; -1 beyond `HIGHEST`."""
    h, k, l = (hkl + HIGHEST).T  # noqa: E741 - the field's name
    width = 2 * HIGHEST + 2
    found = ((h * width + k) * width + l) * 2 + entering
    return np.asarray(np.where((np.abs(hkl) <= HIGHEST).all(axis=1), found, -1), np.int64)


def partners(ours: Array, at: Array, theirs: Array, there: Array, near: float) -> tuple[Array, Array]:
    """(positions in ours, in theirs) of the same reflection, each used once.

    Args:
        ours: keys of what is matched.
        at: its centres in frames; of several crossings the nearest is meant.
        theirs: keys of what it is matched with.
        there: centres of that.
        near: frames within which it must lie.
    """
    codes = _codes(theirs, there)
    order = np.argsort(codes)
    found = np.searchsorted(codes[order], _codes(ours, at))
    best = np.full(len(ours), -1)
    distance = np.full(len(ours), near)
    for shift in (-1, 0):
        one = order[np.clip(found + shift, 0, len(order) - 1)] if len(order) else np.zeros(0, int)
        away = np.where(theirs[one] == ours, np.abs(there[one] - at), np.inf)
        nearer = away < distance
        best[nearer], distance[nearer] = one[nearer], away[nearer]
    mine = np.flatnonzero((best >= 0) & (ours >= 0))
    mine = mine[np.argsort(distance[mine], kind="stable")]
    _, once = np.unique(best[mine], return_index=True)
    return mine[once], best[mine[once]]


def twice(key: Array, centre: Array, near: float, worth: Array) -> Array:
    """True for the less worthy of two rows of one reflection within some frames."""
    order = np.lexsort((centre, key))
    same = (np.diff(key[order]) == 0) & (np.diff(centre[order]) < near) & (key[order][1:] >= 0)
    first, second = order[:-1][same], order[1:][same]
    again = np.zeros(len(key), bool)
    again[np.where(worth[first] >= worth[second], second, first)] = True
    return again


def _codes(key: Array, centre: Array) -> Array:
    return np.asarray((key << 31) + np.rint((centre - EARLIEST) * FINE).astype(np.int64))
