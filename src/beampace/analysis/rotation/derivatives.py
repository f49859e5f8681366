"""Where spots should be, and how that changes with each parameter: the kernel of refinement.

With e = m x r, D = e.s1 and every derivative of r at fixed phi (Waterman et al. 2016, Acta Cryst. D72, 558):

    d(phi) = -(dr.s1 + r.ds0) / D                 from r**2 + 2 s0.r = 0
    d(s1)  = dr + e d(phi) + ds0
    (u, v, w) = d**-1 s1, d = [fast slow origin]; X = u/w, Y = v/w
    dX = (du - X dw)/w, dY = (dv - Y dw)/w with d(u, v, w) = d**-1 (ds1 - dd (u, v, w))

Parameters, in this order: three rotations of the crystal about the axes of its frame (rad; of the drift where
the spot is: through the left Jacobian of the rotation vector), strains of the cell (A becomes exp(T) A), two
rotations of the beam (rad), shifts of the detector along fast, slow and its normal (mm), rotations of the
detector about its normal, fast and slow axes through its middle (rad).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ROTATIONS, GEOMETRY = 3, 8
"""Columns before the strains, and after them."""


@njit(cache=True, nogil=True)
def _cross(u: Floats, v: Floats, out: Floats) -> None:
    out[0] = u[1] * v[2] - u[2] * v[1]
    out[1] = u[2] * v[0] - u[0] * v[2]
    out[2] = u[0] * v[1] - u[1] * v[0]


@njit(cache=True, nogil=True)
def _dot(u: Floats, v: Floats) -> float:
    return float(u[0] * v[0] + u[1] * v[1] + u[2] * v[2])


@njit(cache=True, nogil=True)
def _times(m: Floats, v: Floats, out: Floats) -> None:
    for i in range(3):
        out[i] = m[i, 0] * v[0] + m[i, 1] * v[1] + m[i, 2] * v[2]


@njit(cache=True, nogil=True)
def _product(m: Floats, n: Floats, out: Floats) -> None:
    for i in range(3):
        for j in range(3):
            out[i, j] = m[i, 0] * n[0, j] + m[i, 1] * n[1, j] + m[i, 2] * n[2, j]


@njit(cache=True, nogil=True)
def rotation_matrix(w: Floats, rotation: Floats, jacobian: Floats) -> None:
    """exp([w]x) and its left Jacobian I + (1 - cos)/t**2 [w]x + (t - sin)/t**3 [w]x**2, t = |w|."""
    t = math.sqrt(_dot(w, w))
    small = t < 1e-4
    a = 1.0 - t * t / 6.0 if small else math.sin(t) / t
    b = 0.5 - t * t / 24.0 if small else (1.0 - math.cos(t)) / (t * t)
    c = 1.0 / 6.0 - t * t / 120.0 if small else (t - math.sin(t)) / t**3
    for i in range(3):
        for j in range(3):
            skew = 0.0
            if i != j:
                skew = w[3 - i - j] * (-1.0 if (j - i) % 3 == 1 else 1.0)
            square = w[i] * w[j] - (t * t if i == j else 0.0)
            one = 1.0 if i == j else 0.0
            rotation[i, j] = one + a * skew + b * square
            jacobian[i, j] = one + b * skew + c * square


@njit(cache=True, nogil=True)
def nearest_crossing(q: Floats, m: Floats, s0: Floats, near: float) -> float:
    """Spindle in rad at which q crosses the sphere, the nearer of the two; NaN for none."""
    along, onto, scratch = _dot(m, q), _dot(m, s0), np.empty(3)
    _cross(m, q, scratch)
    a, b = 2.0 * (_dot(s0, q) - along * onto), 2.0 * _dot(scratch, s0)
    c = -_dot(q, q) - 2.0 * along * onto
    rest = a * a + b * b - c * c
    if rest < 0.0:
        return math.nan
    centre, half = math.atan2(b, a), math.atan2(math.sqrt(rest), c)
    one, two = centre - half - near, centre + half - near
    one -= 2.0 * math.pi * math.floor(one / (2.0 * math.pi) + 0.5)
    two -= 2.0 * math.pi * math.floor(two / (2.0 * math.pi) + 0.5)
    return near + (one if abs(one) < abs(two) else two)


class Experiment(NamedTuple):
    """What is the same for all spots.

    Attributes:
        turn: S F, (3, 3).
        m: spindle in the laboratory, unit vector.
        s0: 1/angstrom.
        beam_axes: rows about which the beam turns, (2, 3).
        panel: rows fast, slow, normal, origin (mm), middle (mm), (pixel fast, pixel slow, 0), (6, 3).
        inverse: d**-1, (3, 3).
        strains: symmetric matrices T, (k, 3, 3).
    """

    turn: Floats
    m: Floats
    s0: Floats
    beam_axes: Floats
    panel: Floats
    inverse: Floats
    strains: Floats


@njit(cache=True, nogil=True)
def _where(
    base: Floats, drift: Floats, near: float, experiment: Experiment, small: Floats, square: Floats
) -> float:
    """The crossing, rad, or NaN.

    Args:
        base: A h.
        drift: of the crystal.
        near: observed spindle.
        experiment: the apparatus.
        small: output, rows 0: r0 as drifted, 1: r at the crossing, (3, 3).
        square: output, rotation of the drift, its left Jacobian, R(m, phi), (4, 3, 3).
    """
    rotation_matrix(drift, square[0], square[1])
    _times(square[0], base, small[0])
    _times(experiment.turn, small[0], small[2])
    phi = nearest_crossing(small[2], experiment.m, experiment.s0, near)
    if not math.isnan(phi):
        for i in range(3):
            small[1, i] = experiment.m[i] * phi
        rotation_matrix(small[1], square[2], square[3])
        _times(square[2], small[2], small[1])
    return phi


@njit(cache=True, nogil=True)
def _of_crystal(base: Floats, r0: Floats, experiment: Experiment, square: Floats, out: Floats) -> None:
    """Derivatives of r by rotations and strains, 1/angstrom per unit, into rows of `out`, (3 + k, 3)."""
    rotation, left, full = square[0], square[1], square[3]
    _product(square[2], experiment.turn, full)
    axis, column = np.empty(3), np.empty(3)
    for i in range(ROTATIONS):
        axis[0], axis[1], axis[2] = left[0, i], left[1, i], left[2, i]
        _cross(axis, r0, column)
        _times(full, column, out[i])
    for k in range(experiment.strains.shape[0]):
        _times(experiment.strains[k], base, axis)
        _times(rotation, axis, column)
        _times(full, column, out[ROTATIONS + k])


@njit(cache=True, nogil=True)
def _of_detector(pv: Floats, panel: Floats, out: Floats) -> None:
    """The (dd) (u, v, w) of shifts and rotations of the detector, into rows of `out`, (6, 3)."""
    arm, moved = pv[2] * (panel[3] - panel[4]), np.empty(3)
    for i in range(3):
        out[i] = pv[2] * panel[i]
        moved[i] = pv[0] * panel[0, i] + pv[1] * panel[1, i] + arm[i]
    _cross(panel[2], moved, out[3])
    _cross(panel[0], moved, out[4])
    _cross(panel[1], moved, out[5])


@njit(cache=True, nogil=True)
def _row(
    base: Floats,
    experiment: Experiment,
    small: Floats,
    square: Floats,
    work: Floats,
    predicted: Floats,
    jacobian: Floats,
) -> bool:
    """One spot of which the crossing is known; False when it cannot be seen.

    `work`: dr, ds0 and (dd) (u, v, w), zero where they stay so.
    """
    panel, s0, n, dr, ds0, moved = experiment.panel, experiment.s0, work.shape[1], work[0], work[1], work[2]
    r, e, pv, s1, ds1 = small[1], small[2], small[3], small[4], small[5]
    for i in range(3):
        s1[i] = s0[i] + r[i]
    _cross(experiment.m, r, e)
    d = _dot(e, s1)
    _times(experiment.inverse, s1, pv)
    x, y, scale = pv[0] / pv[2], pv[1] / pv[2], pv[2]
    if scale <= 0.0 or d == 0.0:
        return False
    predicted[0], predicted[1], predicted[3] = x / panel[5, 0], y / panel[5, 1], abs(d) / _dot(s0, s0)
    _of_crystal(base, small[0], experiment, square, dr)
    _of_detector(pv, panel, moved[n - GEOMETRY + 2 :])
    for p in range(n):
        d_phi = -(_dot(dr[p], s1) + _dot(r, ds0[p])) / d
        for i in range(3):
            ds1[i] = dr[p, i] + e[i] * d_phi + ds0[p, i] - moved[p, i]
        _times(experiment.inverse, ds1, pv)
        jacobian[0, p] = (pv[0] - x * pv[2]) / scale / panel[5, 0]
        jacobian[1, p] = (pv[1] - y * pv[2]) / scale / panel[5, 1]
        jacobian[2, p] = d_phi
    return True


@njit(cache=True, nogil=True)
def derivatives(
    base: Floats, drift: Floats, near: Floats, experiment: Experiment, predicted: Floats, jacobian: Floats
) -> None:
    """Positions and their derivatives.

    Args:
        base: A h, 1/angstrom, (n, 3).
        drift: rotation vector of the crystal at each spot, rad, (n, 3).
        near: observed spindle, rad, (n,): the crossing nearest to it is taken.
        experiment: the apparatus.
        predicted: output x, y in px, phi in rad and |m.(s1 x s0)|/|s0|**2, (n, 4); NaN for none.
        jacobian: output, x, y in px and phi in rad per unit of each parameter, (n, 3, 3 + k + 8).
    """
    n = ROTATIONS + experiment.strains.shape[0] + GEOMETRY
    work, small, square = np.zeros((3, n, 3)), np.empty((6, 3)), np.empty((4, 3, 3))
    _cross(experiment.beam_axes[0], experiment.s0, work[1, n - GEOMETRY])
    _cross(experiment.beam_axes[1], experiment.s0, work[1, n - GEOMETRY + 1])
    for spot in range(base.shape[0]):
        phi = _where(base[spot], drift[spot], near[spot], experiment, small, square)
        predicted[spot, 2] = phi
        if math.isnan(phi) or not _row(
            base[spot], experiment, small, square, work, predicted[spot], jacobian[spot]
        ):
            predicted[spot, :] = math.nan
            jacobian[spot, :, :] = 0.0
