"""The normal equations of refinement, with the crystal's rotations shared between knots of its drift."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis.rotation.derivatives import ROTATIONS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def _spread(row: Floats, knot: int, part: float, n_knots: int, where: Ints, value: Floats) -> None:
    """A row's derivatives and their columns: rotations shared between two knots, then all others."""
    for i in range(ROTATIONS):
        where[i], value[i] = 3 * knot + i, row[i] * (1.0 - part)
        where[3 + i], value[3 + i] = 3 * min(knot + 1, n_knots - 1) + i, row[i] * part
    for i in range(ROTATIONS, row.shape[0]):
        where[3 + i], value[3 + i] = 3 * n_knots + i - ROTATIONS, row[i]


@njit(cache=True, nogil=True)
def accumulate(
    jacobian: Floats,
    residuals: Floats,
    weights: Floats,
    knot: Ints,
    part: Floats,
    n_knots: int,
    matrix: Floats,
    gradient: Floats,
) -> float:
    """J'WJ and J'W(observed - predicted), the rotations of a spot shared between two knots.

    Args:
        jacobian: (n, 3, p).
        residuals: observed - predicted, (n, 3).
        weights: (n, 3), zeros for what is left out.
        knot: the one before each spot, (n,).
        part: share of the one after it, (n,).
        n_knots: number of knots.
        matrix: output, (3 n_knots + p - 3, same).
        gradient: output, (3 n_knots + p - 3,).

    Returns:
        The sum of squares.
    """
    columns = jacobian.shape[2] + ROTATIONS
    where, value = np.empty(columns, np.int64), np.empty(columns)
    matrix[:, :], gradient[:], total = 0.0, 0.0, 0.0
    for spot in range(jacobian.shape[0]):
        if weights[spot, 0] == 0.0:
            continue
        for axis in range(3):
            _spread(jacobian[spot, axis], knot[spot], part[spot], n_knots, where, value)
            off, weight = residuals[spot, axis], weights[spot, axis]
            total += weight * off * off
            for i in range(columns):
                scaled = weight * value[i]
                gradient[where[i]] += scaled * off
                for j in range(i + 1):
                    matrix[where[i], where[j]] += scaled * value[j]
    for i in range(matrix.shape[0]):
        for j in range(i):
            matrix[j, i] = matrix[i, j]
    return total
