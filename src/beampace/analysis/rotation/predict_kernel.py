"""The kernels of prediction: which reciprocal points cross the sphere in a range of the scan, and where.

Enumeration. For a pair (h, k) the function f(l) = |s0 + r|**2 - |s0|**2 = r**2 + 2 s0.r of the crystal in the
middle of the range is a parabola in l. Turning by delta changes it by at most
2 |s0| d* (delta + delta**2 / 2), so that only the l with |f| below that bound and d* below the limit can
cross: two short intervals, found by two square roots.

Crossing. A cos(phi) + B sin(phi) = C (Kabsch 2010, Acta Cryst. D66, 133; `rotation-methods`, 5.1) with the
crystal as it stands in the middle, then Newton's steps with the crystal as it stands at phi: its drift is
interpolated, and the derivative holds both the spindle and the drift. A crossing belongs to the range that
contains it after these steps.

Local shape. Spots are as large as the beam, the crystal and the spread of a pixel make them, so their size is
constant on the plane of the detector, not in angle: sigma_d is the angle at the foot of its normal. Along the
radius the spread in depth of absorption is added. `W` takes pixels into standard deviations along e1 = s1 x
s0 as it lies in the plane, and across it towards e2 = s1 x e1 (Kabsch 1988, J. Appl. Cryst. 21, 67).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int32]

X, Y, Z, PHI, ZETA, D_STAR, LORENTZ, POLARISATION, EFFICIENCY, ENTERING = range(10)
W00, W01, W10, W11, REACH_X, REACH_Y, S1_X, S1_Y, S1_Z, OFF_SPHERE, COLUMNS = range(10, 21)
"""Columns of a table of predictions.

X, Y: px; Z: frames; PHI: rad, as far as the scan has turned; ZETA: not negative; D_STAR: 1/angstrom;
LORENTZ: 1/(zeta sin 2theta); EFFICIENCY: share of the photons that the sensor stops; ENTERING: 1 or 0;
W: px to standard deviations of the spot; REACH: px of one standard deviation along x and along y; S1:
direction of the ray, 1/angstrom; OFF_SPHERE: ||s1|**2 - |s0|**2|, 1/angstrom**2.
"""

SLOWEST = 0.05
"""Least zeta for which a drift is followed in full."""
NEWTON_STEPS = 6
CLOSE = 1e-13
"""|f| in 1/angstrom**2 at which the steps end: 1e-12 rad of a usual reflection."""


class Apparatus(NamedTuple):
    """What the kernels know of the experiment.

    Attributes:
        m: spindle in the laboratory, unit vector.
        s0: incident wave vector, 1/angstrom.
        panel: (5, 3): origin, fast, slow, normal in mm; (pixel fast, pixel slow, 0) in mm.
        size: (fast, slow) pixels.
        optics: normal of the polarisation (3), its fraction, attenuation in 1/mm, thickness in mm.
        turn: setting times fixed rotation, (3, 3).
        a_matrix: columns a*, b*, c*, 1/angstrom, (3, 3).
        knots: of the drift, frames, (n,); drift: axis times angle at each, rad, (n, 3).
        scan: spindle at z = 0 and width of a frame, rad.
        sigma: sigma_d and sigma_m, rad.
    """

    m: Floats
    s0: Floats
    panel: Floats
    size: Floats
    optics: Floats
    turn: Floats
    a_matrix: Floats
    knots: Floats
    drift: Floats
    scan: Floats
    sigma: Floats


@njit(cache=True, nogil=True)
def _dot(u: Floats, v: Floats) -> float:
    return float(u[0] * v[0] + u[1] * v[1] + u[2] * v[2])


@njit(cache=True, nogil=True)
def _cross(u: Floats, v: Floats, out: Floats) -> None:
    """Vector product, into `out`."""
    out[0] = u[1] * v[2] - u[2] * v[1]
    out[1] = u[2] * v[0] - u[0] * v[2]
    out[2] = u[0] * v[1] - u[1] * v[0]


@njit(cache=True, nogil=True)
def _turned(r: Floats, m: Floats, angle: float, out: Floats) -> None:
    """Rodrigues' rotation of r about the unit vector m, into `out`."""
    c, s = math.cos(angle), math.sin(angle)
    along = _dot(m, r) * (1.0 - c)
    x = r[0] * c + (m[1] * r[2] - m[2] * r[1]) * s + m[0] * along
    y = r[1] * c + (m[2] * r[0] - m[0] * r[2]) * s + m[1] * along
    out[2] = r[2] * c + (m[0] * r[1] - m[1] * r[0]) * s + m[2] * along
    out[0], out[1] = x, y


@njit(cache=True, nogil=True)
def _drifted(v: Floats, z: float, apparatus: Apparatus, w: Floats, slope: Floats, out: Floats) -> None:
    """The vector turned by the drift at z, into `out`; the drift's axis and slope into the others."""
    knots, drift = apparatus.knots, apparatus.drift
    n = knots.shape[0]
    slope[:] = 0.0
    w[:] = 0.0
    if n > 0:
        right = np.searchsorted(knots, z)
        if right == 0:
            w[:] = drift[0]
        elif right == n:
            w[:] = drift[n - 1]
        else:
            step = knots[right] - knots[right - 1]
            share = (z - knots[right - 1]) / step
            for i in range(3):
                slope[i] = (drift[right, i] - drift[right - 1, i]) / step
                w[i] = drift[right - 1, i] + share * step * slope[i]
    angle = math.sqrt(_dot(w, w))
    if angle == 0.0:
        out[:] = v
        return
    for i in range(3):
        w[i] /= angle
    _turned(v, w, angle, out)


@njit(cache=True, nogil=True)
def _into(matrix: Floats, v: Floats, out: Floats) -> None:
    for i in range(3):
        out[i] = matrix[i, 0] * v[0] + matrix[i, 1] * v[1] + matrix[i, 2] * v[2]


@njit(cache=True, nogil=True)
def place_at(v: Floats, z: float, apparatus: Apparatus, r: Floats, rate: Floats, work: Floats) -> None:
    """Where a vector of the crystal is in the laboratory at z, and its change per rad of the spindle.

    Args:
        v: A h, 1/angstrom.
        z: place in the scan, frames.
        apparatus: the experiment.
        r: output, 1/angstrom, (3,).
        rate: output, 1/angstrom per rad, (3,).
        work: workspace, (4, 3).
    """
    w, slope, drifted, change = work[0], work[1], work[2], work[3]
    _drifted(v, z, apparatus, w, slope, drifted)
    m, width = apparatus.m, apparatus.scan[1]
    change[0] = (slope[1] * drifted[2] - slope[2] * drifted[1]) / width
    change[1] = (slope[2] * drifted[0] - slope[0] * drifted[2]) / width
    change[2] = (slope[0] * drifted[1] - slope[1] * drifted[0]) / width
    phi = apparatus.scan[0] + z * width
    _into(apparatus.turn, drifted, r)
    _turned(r, m, phi, r)
    _into(apparatus.turn, change, rate)
    _turned(rate, m, phi, rate)
    rate[0] += m[1] * r[2] - m[2] * r[1]
    rate[1] += m[2] * r[0] - m[0] * r[2]
    rate[2] += m[0] * r[1] - m[1] * r[0]


@njit(cache=True, nogil=True)
def _roots(a: float, b: float, c: float) -> tuple[float, float]:
    """Where a x**2 + b x + c (a > 0) is zero, or an empty interval."""
    rest = b * b - 4.0 * a * c
    if rest < 0.0:
        return 1.0, -1.0
    root = math.sqrt(rest)
    return (-b - root) / (2.0 * a), (-b + root) / (2.0 * a)


@njit(cache=True, nogil=True)
def near_sphere(matrix: Floats, s0: Floats, limit: float, bound: float, most: Index) -> Index:
    """Indices of the reciprocal points close to the sphere, 000 left out.

    Args:
        matrix: columns a*, b*, c* in the laboratory, 1/angstrom.
        s0: incident wave vector, 1/angstrom.
        limit: largest d*, 1/angstrom.
        bound: largest |r**2 + 2 s0.r|, 1/angstrom**2.
        most: largest |h| and |k|, (3,).

    Returns:
        (n, 3) int32.
    """
    found = np.empty((4096, 3), np.int32)
    count = 0
    base, column = np.empty(3), np.ascontiguousarray(matrix[:, 2])
    square = _dot(column, column)
    for h in range(-most[0], most[0] + 1):
        for k in range(-most[1], most[1] + 1):
            for i in range(3):
                base[i] = matrix[i, 0] * h + matrix[i, 1] * k
            low, high = _roots(square, 2.0 * _dot(base, column), _dot(base, base) - limit * limit)
            slope = 2.0 * (_dot(base, column) + _dot(s0, column))
            level = _dot(base, base) + 2.0 * _dot(s0, base)
            outer = _roots(square, slope, level - bound)
            inner = _roots(square, slope, level + bound)
            begin, end = math.ceil(max(low, outer[0])), math.floor(min(high, outer[1]))
            while count + max(0, end - begin + 1) > found.shape[0]:
                larger = np.empty((2 * found.shape[0], 3), np.int32)
                larger[:count] = found[:count]
                found = larger
            line = begin
            while line <= end:
                if inner[0] < line < inner[1]:
                    line = math.ceil(inner[1])
                    continue
                if h != 0 or k != 0 or line != 0:
                    found[count, 0], found[count, 1], found[count, 2] = h, k, line
                    count += 1
                line += 1
    return found[:count].copy()


@njit(cache=True, nogil=True)
def _may_cross(r: Floats, apparatus: Apparatus, turn: float, strayed: float) -> bool:
    """Whether a vector can reach the sphere by turning by less than `turn` and drifting by `strayed`, rad.

    With f = r**2 + 2 s0.r: |f| <= |f'| turn + |s0| |r| (turn**2 + 2 strayed).
    """
    m, s0 = apparatus.m, apparatus.s0
    off = _dot(r, r) + 2.0 * _dot(s0, r)
    slope = 2.0 * (
        s0[0] * (m[1] * r[2] - m[2] * r[1])
        + s0[1] * (m[2] * r[0] - m[0] * r[2])
        + s0[2] * (m[0] * r[1] - m[1] * r[0])
    )
    rest = math.sqrt(_dot(s0, s0) * _dot(r, r)) * (turn * turn + 2.0 * strayed)
    return bool(abs(off) <= abs(slope) * turn + rest)


@njit(cache=True, nogil=True)
def _closed_form(r: Floats, apparatus: Apparatus, sign: float) -> tuple[float, float]:
    """How far the spindle must turn from where the vector is r, and half the way between both crossings."""
    m, s0 = apparatus.m, apparatus.s0
    along, onto = _dot(m, r), _dot(m, s0)
    a = 2.0 * (_dot(s0, r) - along * onto)
    b = 2.0 * (
        s0[0] * (m[1] * r[2] - m[2] * r[1])
        + s0[1] * (m[2] * r[0] - m[0] * r[2])
        + s0[2] * (m[0] * r[1] - m[1] * r[0])
    )
    c = -_dot(r, r) - 2.0 * along * onto
    rest = a * a + b * b - c * c
    if rest <= 0.0:
        return math.nan, 0.0
    half = math.atan2(math.sqrt(rest), c)
    phi = math.atan2(b, a) + sign * half
    return phi - 2.0 * math.pi * math.floor(phi / (2.0 * math.pi) + 0.5), half


@njit(cache=True, nogil=True)
def _newton(
    v: Floats, z: float, apparatus: Apparatus, r: Floats, rate: Floats, work: Floats
) -> tuple[float, float]:
    """Where the vector is on the sphere (z in frames), and |f| there; r is left there."""
    s0, width = apparatus.s0, apparatus.scan[1]
    for step in range(NEWTON_STEPS + 1):
        place_at(v, z, apparatus, r, rate, work)
        off = _dot(r, r) + 2.0 * _dot(s0, r)
        slope = 2.0 * (_dot(r, rate) + _dot(s0, rate))
        if abs(off) < CLOSE or step == NEWTON_STEPS or slope == 0.0:
            return z, abs(off)
        z -= max(-0.05, min(0.05, off / slope)) / width
    return z, abs(off)


@njit(cache=True, nogil=True)
def path_moments(attenuation: float, thickness: float) -> tuple[float, float]:
    """Mean and standard deviation of the path after which a photon is stopped, mm (truncated exponential).

    1/mu - L q and 1/mu**2 - L**2 q / (1 - exp(-mu L)) with q = exp(-mu L)/(1 - exp(-mu L)), L the path
    through the sensor; `rotation-methods`, 1.3.
    """
    if thickness <= 0.0:
        return 0.0, 0.0
    if attenuation * thickness < 1e-3:
        return thickness / 2.0, thickness / math.sqrt(12.0)
    gone = math.exp(-attenuation * thickness)
    share = gone / (1.0 - gone)
    variance = 1.0 / attenuation**2 - thickness * thickness * share / (1.0 - gone)
    return 1.0 / attenuation - thickness * share, math.sqrt(max(0.0, variance))


@njit(cache=True, nogil=True)
def project(r: Floats, apparatus: Apparatus, row: Floats, work: Floats) -> bool:
    """Write all that follows from a vector on the sphere; False when the ray does not reach a pixel."""
    m, s0, panel, optics = apparatus.m, apparatus.s0, apparatus.panel, apparatus.optics
    origin, fast, slow, normal = panel[0], panel[1], panel[2], panel[3]
    s1, ray, e1, e2 = work[0], work[1], work[2], work[3]
    for i in range(3):
        s1[i] = s0[i] + r[i]
    length = math.sqrt(_dot(s1, s1))
    for i in range(3):
        ray[i] = s1[i] / length
    towards, reach = _dot(ray, normal), _dot(origin, normal)
    if towards * reach <= 0.0:
        return False
    path = reach / towards
    slant = optics[5] / abs(towards)
    depth, spread = path_moments(optics[4], slant)
    per_fast, per_slow = 1.0 / panel[4, 0], 1.0 / panel[4, 1]
    run_x, run_y = _dot(ray, fast) * per_fast, _dot(ray, slow) * per_slow
    row[X] = path * run_x - _dot(origin, fast) * per_fast + depth * run_x
    row[Y] = path * run_y - _dot(origin, slow) * per_slow + depth * run_y
    if not (0.0 <= row[X] < apparatus.size[0] and 0.0 <= row[Y] < apparatus.size[1]):
        return False
    _cross(s1, s0, e1)
    sine = math.sqrt(_dot(e1, e1))
    if sine == 0.0:
        return False
    for i in range(3):
        e1[i] /= sine
    _cross(ray, e1, e2)
    row[ZETA] = abs(_dot(m, e1))
    row[ENTERING] = 1.0 if _dot(m, e1) < 0.0 else 0.0
    row[LORENTZ] = length * length / (sine * max(row[ZETA], 1e-12))
    forward = _dot(ray, s0) / length
    across = ray[0] * optics[0] + ray[1] * optics[1] + ray[2] * optics[2]
    p = optics[3]
    row[POLARISATION] = (1.0 - 2.0 * p) * (1.0 - across * across) + p * (1.0 + forward * forward)
    row[EFFICIENCY] = 1.0 - math.exp(-optics[4] * slant) if optics[4] * slant > 0.0 else 1.0
    row[D_STAR] = math.sqrt(_dot(r, r))
    row[S1_X], row[S1_Y], row[S1_Z] = s1[0], s1[1], s1[2]
    along_x, along_y = _dot(e1, fast), _dot(e1, slow)
    flat = math.hypot(along_x, along_y)
    along_x, along_y = along_x / flat, along_y / flat
    side = math.copysign(1.0, _dot(e2, slow) * along_x - _dot(e2, fast) * along_y)
    sigma = apparatus.sigma[0] * abs(reach)
    radial = math.hypot(sigma, spread * (_dot(ray, slow) * along_x - _dot(ray, fast) * along_y))
    row[W00], row[W01] = along_x * panel[4, 0] / sigma, along_y * panel[4, 1] / sigma
    row[W10], row[W11] = -along_y * panel[4, 0] * side / radial, along_x * panel[4, 1] * side / radial
    determinant = abs(row[W00] * row[W11] - row[W01] * row[W10])
    row[REACH_X] = math.hypot(row[W01], row[W11]) / determinant
    row[REACH_Y] = math.hypot(row[W00], row[W10]) / determinant
    return True


@njit(cache=True, nogil=True)
def crossings(
    hkl: Index, apparatus: Apparatus, matrix: Floats, low: float, high: float, strayed: float, n_sigma: float
) -> tuple[Index, Floats]:
    """Those of the given points that cross the sphere at z in [low, high) and reach a pixel.

    Args:
        hkl: (n, 3).
        apparatus: the experiment.
        matrix: A as it lies in the laboratory in the middle of the range, where the closed form is solved.
        low: where the range begins, frames.
        high: where it ends.
        strayed: rad by which the crystal may be turned there against the middle.
        n_sigma: standard deviations of sigma_m to which a reflection extends; one whose two crossings are
            closer than its own profile is wide is left out, it would be counted twice.

    Returns:
        (indices, table of `COLUMNS`).
    """
    kept, table = np.empty((2 * hkl.shape[0], 3), np.int32), np.empty((2 * hkl.shape[0], COLUMNS))
    count, width = 0, apparatus.scan[1]
    v, index, r, rate, start, work = (
        np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty((4, 3)),
    )  # fmt: skip
    middle, margin = 0.5 * (low + high), strayed / (SLOWEST * width)
    for entry in range(hkl.shape[0]):
        for i in range(3):
            index[i] = hkl[entry, i]
        _into(matrix, index, start)
        if not _may_cross(start, apparatus, 0.5 * (high - low) * width, strayed):
            continue
        for branch in range(2):
            turn, half = _closed_form(start, apparatus, 2.0 * branch - 1.0)
            if math.isnan(turn):
                break
            z = middle + turn / width
            if not (low - margin <= z < high + margin):
                continue
            _into(apparatus.a_matrix, index, v)
            z, off = _newton(v, z, apparatus, r, rate, work)
            if not (low <= z < high) or off > 1e-10:
                continue
            row = table[count]
            if not project(r, apparatus, row, work):
                continue
            if half * row[ZETA] < n_sigma * apparatus.sigma[1]:
                continue
            row[Z], row[PHI], row[OFF_SPHERE] = z, apparatus.scan[0] + z * width, off
            kept[count] = hkl[entry]
            count += 1
    return kept[:count].copy(), table[:count].copy()
