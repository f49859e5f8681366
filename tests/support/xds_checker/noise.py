"""Noise that depends on what is measured and on nothing else: not on how the work is cut up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]

_GOLDEN, _A, _B = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def keys(seed: int, *columns: npt.ArrayLike) -> Keys:
    """One key a row of columns of integers (splitmix64)."""
    arrays = [np.asarray(column).astype(np.int64).astype(np.uint64) for column in columns]
    state = np.full(arrays[0].shape, np.uint64(seed % 2**63))
    for column in arrays:
        state = _mixed(state ^ (column * _GOLDEN))
    return state


def _mixed(state: Keys) -> Keys:
    with np.errstate(over="ignore"):
        state = state + _GOLDEN
        state = (state ^ (state >> np.uint64(30))) * _A
        state = (state ^ (state >> np.uint64(27))) * _B
        return state ^ (state >> np.uint64(31))


def uniform(given: Keys, salt: int) -> Floats:
    """Numbers between 0 and 1, both excluded."""
    return ((_mixed(given ^ _mixed(np.array([salt], np.uint64))) >> np.uint64(11)) + 0.5) / 2.0**53


def normal(given: Keys, salt: int) -> Floats:
    """Standard normal numbers (Box and Muller)."""
    radius = np.sqrt(-2 * np.log(uniform(given, 2 * salt)))
    return radius * np.cos(2 * np.pi * uniform(given, 2 * salt + 1))
