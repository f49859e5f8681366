"""Kinematic rotation diffraction: which reflections flash on a frame, where, and how strongly.

Conventions: s0 along the beam, |s0| = 1/wavelength; r = R(axis, phi) r0; s1 = s0 + r on the sphere.
The crossing angle solves A cos(phi) + B sin(phi) = C with A = 2 s0.r_perp, B = 2 s0.(m x r0) and
C = -|r0|^2 - 2 (m.r0)(m.s0). Kabsch (2010) Acta Cryst. D66, 133 gives e1, zeta and the Lorentz factor
L = 1/|m.(s1 x s0)| |s0||s1|; Kahn et al. (1982) J. Appl. Cryst. 15, 330 the polarisation.
Angles are in radians here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]

SMALLEST_ZETA = 0.02
"""Reflections that creep through the sphere more slowly than this are left out: the linear rocking fails."""
REACH = 4.0
"""Rocking curves and mosaic tails are followed to this many standard deviations."""


class Apparatus(NamedTuple):
    """Beam, spindle and detector, as the kernels take them.

    Attributes:
        m: unit rotation axis in the laboratory.
        s0: incident wave vector, 1/angstrom.
        spread: standard deviations of mosaic spread (rad), divergence (rad), wavelength (relative).
        panel: (6, 3): origin, fast, slow, normal, (pixel size fast, slow, 0) in mm, (nx, ny, 0).
        optics: (polarisation normal (3), polarised fraction, attenuation in 1/mm, sensor thickness in mm).
        shape: (sigma mm, ellipticity, share of the tail, its width, arc in mm per unit of 2 sin theta).
    """

    m: Floats
    s0: Floats
    spread: Floats
    panel: Floats
    optics: Floats
    shape: Floats


@njit(cache=True, nogil=True)
def crossing(r0: Floats, m: Floats, s0: Floats, sign: float) -> float:
    """Angle at which r0 turned about m meets the sphere, or NaN.

    Args:
        r0: reciprocal vector at phi = 0, 1/angstrom.
        m: unit rotation axis.
        s0: incident wave vector, 1/angstrom.
        sign: +1 for the crossing that enters the sphere at increasing phi, -1 for the one that leaves.
    """
    along, m_s0 = m[0] * r0[0] + m[1] * r0[1] + m[2] * r0[2], m[0] * s0[0] + m[1] * s0[1] + m[2] * s0[2]
    square = r0[0] * r0[0] + r0[1] * r0[1] + r0[2] * r0[2]
    s0_r0 = s0[0] * r0[0] + s0[1] * r0[1] + s0[2] * r0[2]
    a = 2.0 * (s0_r0 - along * m_s0)
    b = 2.0 * (
        s0[0] * (m[1] * r0[2] - m[2] * r0[1])
        + s0[1] * (m[2] * r0[0] - m[0] * r0[2])
        + s0[2] * (m[0] * r0[1] - m[1] * r0[0])
    )
    c = -square - 2.0 * along * m_s0
    rest = a * a + b * b - c * c
    if rest < 0.0:
        return math.nan
    return math.atan2(b, a) + sign * math.atan2(math.sqrt(rest), c)


@njit(cache=True, nogil=True)
def unwrapped(angle: float, near: float) -> float:
    """`angle` moved by full turns to lie within half a turn of `near`."""
    return angle + 2.0 * math.pi * math.floor((near - angle) / (2.0 * math.pi) + 0.5)


@njit(cache=True, nogil=True)
def turned(r: Floats, m: Floats, angle: float, out: Floats) -> None:
    """Rodrigues' rotation of r about the unit vector m, into `out`."""
    c, s = math.cos(angle), math.sin(angle)
    along = (m[0] * r[0] + m[1] * r[1] + m[2] * r[2]) * (1.0 - c)
    out[0] = r[0] * c + (m[1] * r[2] - m[2] * r[1]) * s + m[0] * along
    out[1] = r[1] * c + (m[2] * r[0] - m[0] * r[2]) * s + m[1] * along
    out[2] = r[2] * c + (m[0] * r[1] - m[1] * r[0]) * s + m[2] * along


@njit(cache=True, nogil=True)
def rocking_sigma(spread: Floats, sin_theta: float) -> float:
    """Standard deviation of the rocking curve along e3, rad: mosaic spread, divergence, wavelength spread.

    A relative change of wavelength moves the Bragg angle by tan(theta) times it.
    """
    tangent = sin_theta / math.sqrt(max(1e-12, 1.0 - sin_theta * sin_theta))
    return math.sqrt(spread[0] * spread[0] + spread[1] * spread[1] + (spread[2] * tangent) ** 2)


@njit(cache=True, nogil=True)
def candidates(
    hkl: npt.NDArray[np.int32], apparatus: Apparatus, a_matrix: Floats, low: float, high: float, margin: float
) -> npt.NDArray[np.int32]:
    """Reflections that may flash between two angles.

    Args:
        hkl: (n, 3) indices.
        apparatus: beam, spindle and detector.
        a_matrix: 3x3, columns a*, b*, c* at phi = 0, 1/angstrom.
        low: rad, where the range begins.
        high: rad, where it ends, not below `low`.
        margin: rad by which the crystal may be turned against `a_matrix` in that range.

    Returns:
        (k, 2) int32: row of hkl, and +1 (enters) or -1 (leaves).
    """
    m, s0, spread = apparatus.m, apparatus.s0, apparatus.spread
    found = np.empty((1024, 2), np.int32)
    count = 0
    r0, r = np.empty(3), np.empty(3)
    s = math.sqrt(s0[0] ** 2 + s0[1] ** 2 + s0[2] ** 2)
    middle = 0.5 * (low + high)
    for row in range(hkl.shape[0]):
        _reciprocal(hkl[row], a_matrix, r0)
        for sign in (-1, 1):
            phi = crossing(r0, m, s0, float(sign))
            if math.isnan(phi):
                break
            phi = unwrapped(phi, middle)
            if phi < low - 0.7 or phi > high + 0.7:
                continue
            turned(r0, m, phi, r)
            zeta, _ = _zeta(r, m, s0)
            if zeta < SMALLEST_ZETA * 0.5:
                continue
            length = math.sqrt(r[0] ** 2 + r[1] ** 2 + r[2] ** 2)
            sigma = rocking_sigma(spread, length / (2.0 * s))
            pad = REACH * sigma / zeta + margin / zeta
            if low - pad <= phi <= high + pad:
                if count == found.shape[0]:
                    larger = np.empty((2 * count, 2), np.int32)
                    larger[:count] = found
                    found = larger
                found[count, 0], found[count, 1] = row, sign
                count += 1
    return found[:count].copy()


@njit(cache=True, nogil=True)
def _reciprocal(index: npt.NDArray[np.int32], a_matrix: Floats, out: Floats) -> None:
    for i in range(3):
        out[i] = a_matrix[i, 0] * index[0] + a_matrix[i, 1] * index[1] + a_matrix[i, 2] * index[2]


@njit(cache=True, nogil=True)
def _zeta(r: Floats, m: Floats, s0: Floats) -> tuple[float, float]:
    """(|zeta|, sin 2theta) of a reciprocal vector that lies on the sphere."""
    x, y, z = s0[0] + r[0], s0[1] + r[1], s0[2] + r[2]
    cx, cy, cz = y * s0[2] - z * s0[1], z * s0[0] - x * s0[2], x * s0[1] - y * s0[0]
    length = math.sqrt(cx * cx + cy * cy + cz * cz)
    square = s0[0] ** 2 + s0[1] ** 2 + s0[2] ** 2
    if length == 0.0:
        return 0.0, 0.0
    return abs(m[0] * cx + m[1] * cy + m[2] * cz) / length, length / square


# Columns of a table of spots.
X, Y, PHOTONS, S1_FAST, S1_SLOW, S1_NORMAL, RADIAL_FAST, RADIAL_SLOW, TANGENTIAL, PHI, ROW = range(11)
"""x, y: where the ray meets the front of the sensor, pixels. photons: expected. s1_*: direction of the ray.
radial_*: unit vector away from the beam, in the plane. tangential: sine of the mosaic arc's half width
(2 sin theta), per rad of mosaic spread. phi: crossing, rad. row: of hkl."""
N_COLUMNS = 11


@njit(cache=True, nogil=True)
def rotation_spots(
    hkl: npt.NDArray[np.int32],
    intensity: Floats,
    chosen: npt.NDArray[np.int32],
    apparatus: Apparatus,
    a_matrix: Floats,
    low: float,
    high: float,
    extra_b: float,
) -> Floats:
    """Spots of a frame during which the crystal turns from `low` to `high`.

    Args:
        hkl: (n, 3) indices.
        intensity: (n,) photons per unit of Lorentz factor, polarisation and efficiency.
        chosen: from `candidates`.
        apparatus: beam, spindle and detector.
        a_matrix: of this very frame's crystal, at phi = 0.
        low: rad, spindle at one end of the frame.
        high: rad, at the other, above `low`.
        extra_b: square angstrom, dims high angles.

    Returns:
        (k, N_COLUMNS) table.
    """
    m, s0, spread = apparatus.m, apparatus.s0, apparatus.spread
    spots = np.empty((chosen.shape[0], N_COLUMNS))
    count = 0
    r0, r = np.empty(3), np.empty(3)
    s = math.sqrt(s0[0] ** 2 + s0[1] ** 2 + s0[2] ** 2)
    middle = 0.5 * (low + high)
    for entry in range(chosen.shape[0]):
        row = chosen[entry, 0]
        _reciprocal(hkl[row], a_matrix, r0)
        phi = crossing(r0, m, s0, float(chosen[entry, 1]))
        if math.isnan(phi):
            continue
        phi = unwrapped(phi, middle)
        turned(r0, m, phi, r)
        zeta, sin_2theta = _zeta(r, m, s0)
        if zeta < SMALLEST_ZETA:
            continue
        length = math.sqrt(r[0] ** 2 + r[1] ** 2 + r[2] ** 2)
        width = zeta / (math.sqrt(2.0) * rocking_sigma(spread, length / (2.0 * s)))
        part = 0.5 * (math.erf(width * (high - phi)) - math.erf(width * (low - phi)))
        if part < 1e-7:
            continue
        dimming = math.exp(-0.5 * extra_b * length * length)
        photons = intensity[row] * dimming * part / (zeta * sin_2theta)
        if _project(r, apparatus, photons, spots[count]):
            spots[count, PHI], spots[count, ROW] = phi, row
            count += 1
    return spots[:count].copy()


@njit(cache=True, nogil=True)
def still_spots(
    hkl: npt.NDArray[np.int32], intensity: Floats, apparatus: Apparatus, a_matrix: Floats, extra_b: float
) -> Floats:
    """Spots of a frame during which nothing turns.

    epsilon3 is the exact angle by which r must be tilted about s1 x s0 to meet the sphere. Turning through
    the sphere collects the integral of the rocking curve over phi; standing still for as long as one radian
    would have taken collects its height. `intensity` is therefore in photons per radian's time.
    """
    s0, spread = apparatus.s0, apparatus.spread
    spots = np.empty((256, N_COLUMNS))
    count = 0
    r, e1, on_sphere = np.empty(3), np.empty(3), np.empty(3)
    s = math.sqrt(s0[0] ** 2 + s0[1] ** 2 + s0[2] ** 2)
    for row in range(hkl.shape[0]):
        _reciprocal(hkl[row], a_matrix, r)
        length = math.sqrt(r[0] ** 2 + r[1] ** 2 + r[2] ** 2)
        sin_theta = length / (2.0 * s)
        if sin_theta >= 1.0:
            continue
        cosine = -(r[0] * s0[0] + r[1] * s0[1] + r[2] * s0[2]) / (length * s)
        sigma = rocking_sigma(spread, sin_theta)
        if abs(cosine - sin_theta) > REACH * sigma + 1e-3:
            continue
        tilt = math.acos(max(-1.0, min(1.0, cosine))) - math.acos(sin_theta)
        if abs(tilt) > REACH * sigma:
            continue
        # Turning r about r x (-s0) brings it nearer to -s0.
        e1[0] = r[2] * s0[1] - r[1] * s0[2]
        e1[1] = r[0] * s0[2] - r[2] * s0[0]
        e1[2] = r[1] * s0[0] - r[0] * s0[1]
        norm = math.sqrt(e1[0] ** 2 + e1[1] ** 2 + e1[2] ** 2)
        if norm == 0.0:
            continue
        e1 /= norm
        turned(r, e1, tilt, on_sphere)
        sin_2theta = 2.0 * sin_theta * math.sqrt(1.0 - sin_theta * sin_theta)
        height = math.exp(-0.5 * (tilt / sigma) ** 2) / (sigma * math.sqrt(2.0 * math.pi))
        photons = intensity[row] * math.exp(-0.5 * extra_b * length * length) * height / sin_2theta
        if count == spots.shape[0]:
            larger = np.empty((2 * count, N_COLUMNS))
            larger[:count] = spots
            spots = larger
        if _project(on_sphere, apparatus, photons, spots[count]):
            spots[count, PHI], spots[count, ROW] = tilt, row
            count += 1
    return spots[:count].copy()


@njit(cache=True, nogil=True)
def _project(r: Floats, apparatus: Apparatus, photons: float, spot: Floats) -> bool:
    """Fill a row of the table; False when the ray misses the panel."""
    s0, panel, optics = apparatus.s0, apparatus.panel, apparatus.optics
    s = math.sqrt(s0[0] ** 2 + s0[1] ** 2 + s0[2] ** 2)
    x, y, z = (s0[0] + r[0]) / s, (s0[1] + r[1]) / s, (s0[2] + r[2]) / s
    origin, fast, slow, normal = panel[0], panel[1], panel[2], panel[3]
    towards = x * normal[0] + y * normal[1] + z * normal[2]
    reach = origin[0] * normal[0] + origin[1] * normal[1] + origin[2] * normal[2]
    if towards * reach <= 0.0:
        return False
    path = reach / towards
    hit_x, hit_y, hit_z = x * path - origin[0], y * path - origin[1], z * path - origin[2]
    spot[X] = (hit_x * fast[0] + hit_y * fast[1] + hit_z * fast[2]) / panel[4, 0]
    spot[Y] = (hit_x * slow[0] + hit_y * slow[1] + hit_z * slow[2]) / panel[4, 1]
    if not (-20.0 < spot[X] < panel[5, 0] + 20.0 and -20.0 < spot[Y] < panel[5, 1] + 20.0):
        return False
    spot[S1_FAST] = x * fast[0] + y * fast[1] + z * fast[2]
    spot[S1_SLOW] = x * slow[0] + y * slow[1] + z * slow[2]
    spot[S1_NORMAL] = abs(towards)
    flat = math.sqrt(spot[S1_FAST] ** 2 + spot[S1_SLOW] ** 2) + 1e-12
    spot[RADIAL_FAST], spot[RADIAL_SLOW] = spot[S1_FAST] / flat, spot[S1_SLOW] / flat
    forward = (x * s0[0] + y * s0[1] + z * s0[2]) / s
    across = x * optics[0] + y * optics[1] + z * optics[2]
    p = optics[3]
    polarisation = (1.0 - 2.0 * p) * (1.0 - across * across) + p * (1.0 + forward * forward)
    efficiency = 1.0 - math.exp(-optics[4] * optics[5] / spot[S1_NORMAL])
    spot[PHOTONS] = photons * polarisation * efficiency
    spot[TANGENTIAL] = math.sqrt(r[0] ** 2 + r[1] ** 2 + r[2] ** 2) / s
    return True
