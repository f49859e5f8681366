"""The model fitted to the spots: where and when each should be, against where and when it was seen.

Least squares of x, y in px and z in frames at the predicted crossing (Waterman et al. 2016, Acta Cryst. D72,
558; Kabsch 2010, Acta Cryst. D66, 125), weighted by the variances of the centroids scaled to the spread that
the residuals show, with what is known of the geometry beforehand as further observations. Steps by
Levenberg & Marquardt; the model is moved after each step and parameters are counted from there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation import derivatives as kernel
from beampace.analysis.rotation import freedom as free
from beampace.analysis.rotation.assign import Index, Mask
from beampace.analysis.rotation.freedom import Freedom
from beampace.analysis.rotation.model import Floats, Model
from beampace.analysis.rotation.normal_kernel import accumulate
from beampace.analysis.rotation.reciprocal import incident, on_surface, spindle, turn_at_zero
from beampace.analysis.rotation.restraints import restrain, shares
from beampace.core.geometry import unit

SPINDLE = 0.02
"""Spots with |m.(s1 x s0)|/|s0|**2 below this cross the sphere too slowly to say when, as in DIALS."""
CUT = 4.0
"""Residuals farther from the median than so many robust standard deviations are left out."""
LEAST_SPREAD = (0.05, 0.05, 0.03)
"""Px, px, frames: below these nothing is called an outlier, nor weighted higher."""
ROUNDS, STEPS = 3, 6
SETTLED = 1e-4
"""Relative fall of the sum of squares below which steps end."""


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """Indexed spots.

    Attributes:
        hkl: (n, 3).
        xyz: px, px, frames, (n, 3).
        variance: of them, (n, 3).
    """

    hkl: Index
    xyz: Floats
    variance: Floats

    def only(self, chosen: Mask) -> Observed:
        """Some of them."""
        return Observed(self.hkl[chosen], self.xyz[chosen], self.variance[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A refined model.

    Attributes:
        model: the model.
        residuals: observed - predicted, px, px, frames, NaN without a crossing, (n, 3).
        used: which spots were not left out.
    """

    model: Model
    residuals: Floats
    used: Mask

    @property
    def rmsd(self) -> tuple[float, float, float]:
        """Px, px, frames of the spots used."""
        if not self.used.any():
            return (np.inf, np.inf, np.inf)
        x, y, z = np.sqrt(np.mean(self.residuals[self.used] ** 2, axis=0))
        return (float(x), float(y), float(z))


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """What stays the same during a refinement."""

    observed: Observed
    freedom: Freedom
    reference: Model
    operators: npt.NDArray[np.int64] | None


@dataclass(frozen=True, slots=True, eq=False)
class _Equations:
    """Residuals and derivatives of a model; strains: the basis of what the cell may do."""

    residuals: Floats
    usable: Mask
    jacobian: Floats
    strains: Floats


def refine(
    model: Model,
    observed: Observed,
    freedom: Freedom,
    *,
    reference: Model | None = None,
    operators: npt.NDArray[np.int64] | None = None,
    rounds: int = ROUNDS,
) -> Fit:
    """Fit a model.

    Args:
        model: where to begin; its drift is refined if it has knots, or gets them by `freedom`.
        observed: indexed spots.
        freedom: what may move.
        reference: the geometry from which `freedom` counts; None for that of `model`.
        operators: rotations of the lattice in the basis a, b, c, which the cell then has exactly, (n, 3, 3).
        rounds: of leaving out what does not fit, and fitting again.
    """
    problem = _Problem(observed, freedom, reference or model, operators)
    if operators is not None:
        model = replace(model, a_matrix=free.symmetrised(model.a_matrix, operators))
    if freedom.knots:
        first, last = float(observed.xyz[:, 2].min()), float(observed.xyz[:, 2].max())
        model = free.with_knots(model, first, last, freedom.knots)
    now = _equations(problem, model)
    for _ in range(rounds):
        weights = _weights(problem, now)
        model, now = _descend(problem, model, now, weights)
    return Fit(free.anchored(model), now.residuals, _weights(problem, now)[:, 0] > 0)


def residuals_of(model: Model, observed: Observed) -> Floats:
    """Observed - predicted, px, px, frames; NaN without a crossing; (n, 3)."""
    return _equations(_Problem(observed, Freedom(), model, None), model).residuals


def _equations(problem: _Problem, model: Model) -> _Equations:
    observed = problem.observed
    strains = free.strains(model.a_matrix, problem.operators)
    predicted = np.empty((len(observed.hkl), 4))
    jacobian = np.empty((len(predicted), 3, kernel.ROTATIONS + len(strains) + kernel.GEOMETRY))
    near = spindle(model, observed.xyz[:, 2])
    kernel.derivatives(
        observed.hkl @ model.a_matrix.T,
        np.ascontiguousarray(model.drift.at(observed.xyz[:, 2])),
        near,
        _experiment(model, strains),
        predicted,
        jacobian,
    )
    step = np.radians(model.width)
    jacobian[:, 2] /= step
    away = on_surface(model, observed.xyz[:, :2]) - predicted[:, :2]
    residuals = np.column_stack([away, (near - predicted[:, 2]) / step])
    usable = np.isfinite(residuals).all(axis=1) & (predicted[:, 3] > SPINDLE)
    return _Equations(residuals, usable, jacobian, strains)


def _experiment(model: Model, strains: Floats) -> kernel.Experiment:
    detector = model.detector
    rows = (detector.fast, detector.slow, detector.normal, detector.origin)
    panel = np.array([*rows, free.middle(model), (*detector.pixel_size, 0)])
    return kernel.Experiment(
        turn=turn_at_zero(model),
        m=np.array(unit(model.goniometer.lab_axis)),
        s0=incident(model),
        beam_axes=free.beam_axes(model),
        panel=panel,
        inverse=np.ascontiguousarray(np.linalg.inv(panel[[0, 1, 3]].T)),
        strains=strains,
    )


def _weights(problem: _Problem, now: _Equations) -> Floats:
    """1/variance with the variances of each dimension scaled to the spread; zero for outliers, (n, 3)."""
    good = now.usable.copy()
    if not good.any():
        return np.zeros_like(now.residuals)
    middle, spread = _robust(now.residuals[good])
    good &= (np.abs(np.where(good[:, None], now.residuals, 0) - middle) < CUT * spread).all(axis=1)
    variance = problem.observed.variance
    relative = np.clip(variance / np.median(variance, axis=0), 0.5, 4.0)
    return np.asarray(np.where(good[:, None], 1 / (relative * spread**2), 0.0))


def _robust(values: Floats) -> tuple[Floats, Floats]:
    """Median and standard deviation by the median absolute deviation, of columns."""
    middle = np.median(values, axis=0)
    spread = 1.4826 * np.median(np.abs(values - middle), axis=0)
    return middle, np.maximum(spread, LEAST_SPREAD)


def _descend(problem: _Problem, model: Model, now: _Equations, weights: Floats) -> tuple[Model, _Equations]:
    """Steps of Levenberg & Marquardt with fixed weights; Nielsen's way of damping."""
    damping, growth = 1e-6, 4.0
    matrix, gradient, cost = _normal(problem, model, now, weights)
    for _ in range(STEPS):
        step = _solved(matrix, gradient, damping)
        trial = _stepped(problem, model, now, step)
        after = _equations(problem, trial)
        lost = (weights[:, 0] > 0) & ~np.isfinite(after.residuals).all(axis=1)
        after_normal = _normal(problem, trial, after, weights)
        if lost.any() or not after_normal[2] < cost:
            damping, growth = max(damping, 1e-5) * growth, growth * 2
            if damping > 1e6:
                break
            continue
        settled = cost - after_normal[2] < SETTLED * cost
        model, now, (matrix, gradient, cost) = trial, after, after_normal
        damping, growth = damping / 3, 4.0
        if settled:
            break
    return model, now


def _normal(
    problem: _Problem, model: Model, now: _Equations, weights: Floats
) -> tuple[Floats, Floats, float]:
    """Normal matrix, right side and sum of squares, what is known beforehand included."""
    knot, part, n_knots = shares(model, problem.observed.xyz[:, 2])
    size = 3 * n_knots + now.jacobian.shape[2] - kernel.ROTATIONS
    matrix, gradient = np.empty((size, size)), np.empty(size)
    residuals = np.where(np.isfinite(now.residuals), now.residuals, 0.0)
    cost = accumulate(now.jacobian, residuals, weights, knot, part, n_knots, matrix, gradient)
    return matrix, gradient, cost + restrain(model, problem.reference, problem.freedom, matrix, gradient)


def _solved(matrix: Floats, gradient: Floats, damping: float) -> Floats:
    diagonal = np.maximum(np.diag(matrix), 1e-12)
    scale = 1 / np.sqrt(diagonal)
    scaled = matrix * np.outer(scale, scale) + (damping + 1e-12) * np.eye(len(matrix))
    return np.asarray(np.linalg.solve(scaled, gradient * scale) * scale)


def _stepped(problem: _Problem, model: Model, now: _Equations, step: Floats) -> Model:
    n_knots = max(1, len(model.drift.z))
    rotations = step[: 3 * n_knots].reshape(-1, 3)
    strain = np.tensordot(step[3 * n_knots : len(step) - kernel.GEOMETRY], now.strains, 1)
    geometry = np.where(problem.freedom.sigmas > 0, step[-kernel.GEOMETRY :], 0.0)
    return free.moved(model, rotations, strain, geometry)
