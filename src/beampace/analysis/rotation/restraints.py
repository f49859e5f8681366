"""What is known before refinement, as further observations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.derivatives import GEOMETRY
from beampace.analysis.rotation.freedom import STRAIN, Freedom, departure
from beampace.analysis.rotation.model import Floats, Model


def shares(model: Model, z: Floats) -> tuple[npt.NDArray[np.int64], Floats, int]:
    """The knot before each spot, the share of the one after it, and how many there are."""
    knots = model.drift.z
    if not len(knots):
        return np.zeros(len(z), np.int64), np.zeros(len(z)), 1
    before = np.clip(np.searchsorted(knots, z, side="right") - 1, 0, max(0, len(knots) - 2))
    step = knots[np.minimum(before + 1, len(knots) - 1)] - knots[before]
    part = np.clip((z - knots[before]) / np.where(step > 0, step, 1.0), 0.0, 1.0)
    return before.astype(np.int64), part, len(knots)


def restrain(model: Model, reference: Model, freedom: Freedom, matrix: Floats, gradient: Floats) -> float:
    """Add what is known beforehand to normal equations.

    Args:
        model: as it is.
        reference: the geometry from which `freedom` counts.
        freedom: e.s.d. of the parameters.
        matrix: normal matrix, added to.
        gradient: right side, added to.

    Returns:
        The sum of squares.
    """
    n_knots = max(1, len(model.drift.z))
    geometry = slice(len(gradient) - GEOMETRY, len(gradient))
    sigmas, away = freedom.sigmas, departure(model, reference)
    weight = np.where(sigmas > 0, 1 / np.maximum(sigmas, 1e-12) ** 2, 0.0)
    matrix[geometry, geometry] += np.diag(weight)
    gradient[geometry] -= weight * away
    fixed = np.flatnonzero(sigmas == 0) + geometry.start
    matrix[fixed], matrix[:, fixed], gradient[fixed] = 0.0, 0.0, 0.0
    matrix[fixed, fixed] = 1.0
    strain = np.arange(3 * n_knots, geometry.start)
    matrix[strain, strain] += 1 / STRAIN**2
    return float(weight @ away**2) + _bends(model, freedom.bend, matrix, gradient)


def _bends(model: Model, bend: float, matrix: Floats, gradient: Floats) -> float:
    """The drift's second differences are small."""
    n_knots = len(model.drift.z)
    if n_knots < 3:
        return 0.0
    second = np.kron(np.diff(np.eye(n_knots), 2, axis=0), np.eye(3)) / bend
    bends = second @ model.drift.vectors.ravel()
    knots = slice(0, 3 * n_knots)
    matrix[knots, knots] += second.T @ second
    gradient[knots] -= second.T @ bends
    return float(bends @ bends)
