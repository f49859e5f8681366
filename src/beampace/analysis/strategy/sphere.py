"""Where the equivalents of unique reflections cross the Ewald sphere and meet the detector; compiled."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

AXIS, BEAM, ORIGIN, FAST, SLOW, PIXEL, SIZE = range(7)
"""Rows of the apparatus."""


def cross_sphere(
    hkl: Ints, centric: Flags, rotations: Ints, matrix: Floats, apparatus: Floats, mask: Flags, slowest: float
) -> tuple[Ints, npt.NDArray[np.int8], Floats]:
    """Unique reflection, sign and spindle angle (degrees) of every crossing that reaches the detector."""
    room = len(hkl) * len(rotations) * 4
    unique, sign, phi = np.empty(room, np.int32), np.empty(room, np.int8), np.empty(room, np.float64)
    frame = _frame(apparatus)
    count = _cross(hkl, centric, rotations, matrix, apparatus, frame, mask, slowest, (unique, sign, phi))
    return unique[:count].copy(), sign[:count].copy(), phi[:count].copy()


def _frame(apparatus: Floats) -> Floats:
    """m1, m2, m3, the normal of the detector, and (s0.m2, s0.m3, distance along the normal)."""
    m2, s0 = apparatus[AXIS], apparatus[BEAM]
    m1 = np.cross(m2, s0)
    if not np.linalg.norm(m1) > 1e-6 * np.linalg.norm(s0):
        raise ValueError("the rotation axis lies along the beam")
    m1 /= np.linalg.norm(m1)
    m3 = np.cross(m1, m2)
    normal = np.cross(apparatus[FAST], apparatus[SLOW])
    return np.array([m1, m2, m3, normal, (s0 @ m2, s0 @ m3, normal @ apparatus[ORIGIN])])


@njit(cache=True, nogil=True)
def _equivalents(h: Ints, rotations: Ints, out: Ints) -> int:
    """Distinct h R in `out`; special reflections have fewer than there are rotations. Returns how many."""
    count, special = 0, False
    for i in range(len(rotations)):
        for j in range(3):
            out[count, j] = h[0] * rotations[i, 0, j] + h[1] * rotations[i, 1, j] + h[2] * rotations[i, 2, j]
        # The first is the identity: unless another gives the same, no two are alike.
        new = True
        if i > 0 and not special:
            special = out[count, 0] == h[0] and out[count, 1] == h[1] and out[count, 2] == h[2]
            new = not special
        count += new
    return _distinct(out, count) if special else count


@njit(cache=True, nogil=True)
def _distinct(rows: Ints, count: int) -> int:
    """Move the distinct ones of the first `count` rows to the front; returns how many."""
    kept = 0
    for i in range(count):
        new = True
        for j in range(kept):
            if rows[i, 0] == rows[j, 0] and rows[i, 1] == rows[j, 1] and rows[i, 2] == rows[j, 2]:
                new = False
                break
        if new:
            rows[kept] = rows[i]
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def _reaches(s1: Floats, apparatus: Floats, frame: Floats, mask: Flags) -> bool:
    """Whether a diffracted beam meets the detector where it can be trusted."""
    normal = frame[3]
    towards = s1[0] * normal[0] + s1[1] * normal[1] + s1[2] * normal[2]
    if towards == 0 or frame[4, 2] / towards <= 0:
        return False
    path = frame[4, 2] / towards
    x, y = 0.0, 0.0
    for j in range(3):
        away = s1[j] * path - apparatus[ORIGIN, j]
        x += away * apparatus[FAST, j]
        y += away * apparatus[SLOW, j]
    # As shares of the detector: the mask may be coarser than the pixels.
    x /= apparatus[PIXEL, 0] * apparatus[SIZE, 0]
    y /= apparatus[PIXEL, 1] * apparatus[SIZE, 1]
    if not (0 <= x < 1 and 0 <= y < 1):
        return False
    return not mask[int(y * mask.shape[0]), int(x * mask.shape[1])]


@njit(cache=True, nogil=True)
def _crossings(
    r0: Floats, apparatus: Floats, frame: Floats, mask: Flags, slowest: float, found: Floats
) -> int:
    """Angles (degrees) in `found` at which a point crosses and reaches the detector; returns how many."""
    s0 = apparatus[BEAM]
    a, along, b, square, brightness = 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(3):
        a += r0[j] * frame[0, j]
        along += r0[j] * frame[1, j]
        b += r0[j] * frame[2, j]
        square += r0[j] * r0[j]
        brightness += s0[j] * s0[j]
    y = (-0.5 * square - along * frame[4, 0]) / frame[4, 1]
    root = a * a + b * b - y * y
    # |s1 x s0| = |s0|**2 sin 2theta, and m2.(s1 x s0) = +- (p.m1)(s0.m3).
    sine2 = square * (1 - square / (4 * brightness)) * brightness
    if root <= 0 or sine2 <= 0 or root * frame[4, 1] ** 2 <= slowest**2 * sine2:
        return 0
    count = 0
    s1 = np.empty(3)
    for branch in (1.0, -1.0):
        x = branch * math.sqrt(root)
        for j in range(3):
            s1[j] = s0[j] + x * frame[0, j] + along * frame[1, j] + y * frame[2, j]
        if _reaches(s1, apparatus, frame, mask):
            found[count] = math.degrees(math.atan2(x * b - y * a, x * a + y * b)) % 360.0 % 360.0
            count += 1
    return count


@njit(cache=True, nogil=True)
def _cross(
    hkl: Ints,
    centric: Flags,
    rotations: Ints,
    matrix: Floats,
    apparatus: Floats,
    frame: Floats,
    mask: Flags,
    slowest: float,
    out: tuple[Ints, npt.NDArray[np.int8], Floats],
) -> int:
    """Fill `out` with unique reflection, sign and angle of each crossing; returns how many."""
    unique, sign, phi = out
    count = 0
    mates = np.empty((len(rotations), 3), np.int32)
    found = np.empty(2)
    r0 = np.empty(3)
    for row in range(len(hkl)):
        for mate in range(_equivalents(hkl[row], rotations, mates)):
            # The Friedel mates of a centric reflection are among its equivalents.
            for friedel in (1, -1):
                if friedel < 0 and centric[row]:
                    continue
                for j in range(3):
                    r0[j] = friedel * (
                        matrix[j, 0] * mates[mate, 0]
                        + matrix[j, 1] * mates[mate, 1]
                        + matrix[j, 2] * mates[mate, 2]
                    )
                for i in range(_crossings(r0, apparatus, frame, mask, slowest, found)):
                    unique[count] = row
                    sign[count] = 0 if centric[row] else friedel
                    phi[count] = found[i]
                    count += 1
    return count
