"""Kernels of the lattice search: Fourier sums of projections, and their maxima refined.

For a lattice vector v every q.v is a whole number, so f(v) = sum cos(2 pi q.v) is the number of spots
(Steller, Bolotovsky & Rossmann 1997, J. Appl. Cryst. 30, 1036). Newton's step to the maximum is
-H**-1 g with g = -2 pi sum q sin, H = -4 pi**2 sum q q' cos. When all q are displaced by one vector, as a
wrong beam centre displaces them within a few degrees, only the phase of the sum changes: the phase is then a
fourth unknown, taken out of each step (Schur complement).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

TURN = 2.0 * math.pi
DEAD = 256
"""Places that led nowhere and are remembered."""


@njit(cache=True, nogil=True)
def histograms(q: Singles, directions: Singles, width: float, out: Singles) -> None:
    """Counts of q.t in bins of `width` centred on its multiples, negative ones from the end.

    Args:
        q: (n, 3), 1/angstrom.
        directions: unit vectors t, (m, 3).
        width: of a bin, 1/angstrom.
        out: (m, bins), zeroed here; more bins than twice the largest |q| over `width`.
    """
    bins, per = out.shape[1], np.float32(1.0 / width)
    for row in range(directions.shape[0]):
        counts = out[row]
        counts[:] = 0.0
        x, y, z = directions[row, 0] * per, directions[row, 1] * per, directions[row, 2] * per
        for spot in range(q.shape[0]):
            place = math.floor(q[spot, 0] * x + q[spot, 1] * y + q[spot, 2] * z + np.float32(0.5))
            counts[place if place >= 0 else place + bins] += np.float32(1.0)


@njit(cache=True, nogil=True)
def maxima(sums: Singles, low: int, threshold: float, out: Floats) -> int:
    """Local maxima above a threshold along the rows.

    Args:
        sums: (m, lengths).
        low: first column looked at, at least 1.
        threshold: least value.
        out: (k, 3) filled with row, column and value; the rest is left out when it is full.

    Returns:
        How many there are in `out`.
    """
    count = 0
    for row in range(sums.shape[0]):
        for column in range(low, sums.shape[1] - 1):
            value = sums[row, column]
            if value < threshold or value < sums[row, column - 1] or value <= sums[row, column + 1]:
                continue
            if count == out.shape[0]:
                return count
            out[count, 0], out[count, 1], out[count, 2] = row, column, value
            count += 1
    return count


@njit(cache=True, nogil=True)
def phase_and_sum(q: Floats, v: Floats) -> tuple[float, float]:
    """Phase (turns) and modulus of mean exp(2 pi i q.v)."""
    c = s = 0.0
    for spot in range(q.shape[0]):
        angle = TURN * (q[spot, 0] * v[0] + q[spot, 1] * v[1] + q[spot, 2] * v[2])
        c += math.cos(angle)
        s += math.sin(angle)
    return math.atan2(s, c) / TURN, math.hypot(c, s) / q.shape[0]


@njit(cache=True, nogil=True)
def _slopes(q: Floats, v: Floats, shift: float, gradient: Floats, hessian: Floats) -> None:
    """-g/(2 pi) and -H/(4 pi**2) at v; a phase that is not zero is taken to be free."""
    cross, total, free = np.zeros(3), 0.0, shift != 0.0
    gradient[:], hessian[:, :] = 0.0, 0.0
    for spot in range(q.shape[0]):
        angle = TURN * (q[spot, 0] * v[0] + q[spot, 1] * v[1] + q[spot, 2] * v[2] - shift)
        c, s = math.cos(angle), math.sin(angle)
        total += c
        for i in range(3):
            gradient[i] -= q[spot, i] * s
            cross[i] += q[spot, i] * c
            for j in range(i + 1):
                hessian[i, j] += q[spot, i] * q[spot, j] * c
    for i in range(3):
        for j in range(i + 1):
            if free:
                hessian[i, j] -= cross[i] * cross[j] / max(total, 1e-9)
            hessian[j, i] = hessian[i, j]


@njit(cache=True, nogil=True)
def climb(q: Floats, start: Floats, free: bool, reach: float, steps: int) -> tuple[Floats, float]:  # noqa: FBT001 - a kernel
    """The maximum of f next to a vector.

    Args:
        q: (n, 3), 1/angstrom.
        start: angstrom, (3,).
        free: whether the phase is free.
        reach: farthest it may go, angstrom.
        steps: of Newton at most.

    Returns:
        (vector, f over the number of spots); -1 where there is no maximum within reach.
    """
    v, gradient, hessian = start.copy(), np.empty(3), np.empty((3, 3))
    for _ in range(steps):
        _slopes(q, v, phase_and_sum(q, v)[0] if free else 0.0, gradient, hessian)
        minor = hessian[0, 0] * hessian[1, 1] - hessian[0, 1] ** 2
        if not (hessian[0, 0] > 0.0 and minor > 0.0 and np.linalg.det(hessian) > 0.0):
            return v, -1.0
        step = np.linalg.solve(hessian, gradient) / TURN
        v += step
        if math.sqrt(((v - start) ** 2).sum()) > reach:
            return v, -1.0
        if math.sqrt((step * step).sum()) < 1e-4 * reach:
            break
    phase, modulus = phase_and_sum(q, v)
    return v, modulus if free else modulus * math.cos(TURN * phase)


@njit(cache=True, nogil=True)
def spanned(v: Floats, kept: Floats, apart: float) -> bool:
    """Whether a vector is a whole combination of one or two of the rows `kept`, within `apart`."""
    for i in range(kept.shape[0]):
        aa, av = (kept[i] * kept[i]).sum(), (kept[i] * v).sum()
        rest = v - kept[i] * np.round(av / aa)
        if (rest * rest).sum() < apart * apart:
            return True
        for j in range(i):
            bb, ab, bv = (kept[j] * kept[j]).sum(), (kept[i] * kept[j]).sum(), (kept[j] * v).sum()
            area = aa * bb - ab * ab
            if area < 0.05 * aa * bb:
                continue
            m, n = np.round((av * bb - bv * ab) / area), np.round((bv * aa - av * ab) / area)
            total = 0.0
            for axis in range(3):
                total += (v[axis] - m * kept[i, axis] - n * kept[j, axis]) ** 2
            if total < apart * apart:
                return True
    return False


@njit(cache=True, nogil=True)
def _among(v: Floats, others: Floats, apart: float) -> bool:
    """Whether a vector or its opposite is within `apart` of a row."""
    for row in range(others.shape[0]):
        near, far = 0.0, 0.0
        for axis in range(3):
            near += (v[axis] - others[row, axis]) ** 2
            far += (v[axis] + others[row, axis]) ** 2
        if min(near, far) < apart * apart:
            return True
    return False


@njit(cache=True, nogil=True)
def distinct(
    q: Floats,
    places: Floats,
    free: bool,  # noqa: FBT001 - a kernel
    apart: float,
    least: float,
    most: int,
) -> tuple[Floats, Floats]:
    """Maxima next to places, without whole combinations of two that came before.

    Args:
        q: (n, 3), 1/angstrom.
        places: vectors in the order in which they are tried, (k, 3).
        free: see `climb`.
        apart: angstrom, closer ones are the same.
        least: f over the number of spots.
        most: vectors.

    Returns:
        (vectors, f).
    """
    kept, values, count = np.empty((most, 3)), np.empty(most), 0
    dead, deaths = np.empty((DEAD, 3)), 0
    for row in range(places.shape[0]):
        seed = places[row]
        if spanned(seed, kept[:count], apart) or _among(seed, dead[: min(deaths, DEAD)], apart):
            continue
        v, f = climb(q, seed, free, 2.0 * apart, 8)
        if f < least or spanned(v, kept[:count], 0.6 * apart):
            dead[deaths % DEAD] = seed
            deaths += 1
            continue
        kept[count], values[count] = v, f
        count += 1
        if count == most:
            break
    return kept[:count].copy(), values[:count].copy()


@njit(cache=True, nogil=True)
def triples(departures: Singles, normals: Floats, least_angle: float, tolerance: float) -> Floats:
    """How many spots each three vectors index.

    Args:
        departures: q.v from the nearest whole number, (vectors, spots).
        normals: the vectors at length one, (vectors, 3).
        least_angle: sine of the smallest angle between two, and of one with the plane of the others.
        tolerance: length of the departure in index units.

    Returns:
        (k, 4): numbers of the three vectors and the count.
    """
    n, spots = departures.shape
    found = np.empty((n * (n - 1) * (n - 2) // 6, 4))
    count, limit = 0, np.float32(tolerance * tolerance)
    for i in range(n):
        for j in range(i + 1, n):
            normal = np.cross(normals[i], normals[j])
            size = math.sqrt((normal * normal).sum())
            if size < least_angle:
                continue
            for k in range(j + 1, n):
                if abs((normal * normals[k]).sum()) < least_angle * size:
                    continue
                hits = 0
                for spot in range(spots):
                    off = departures[i, spot] ** 2 + departures[j, spot] ** 2 + departures[k, spot] ** 2
                    hits += off < limit
                found[count, 0], found[count, 1], found[count, 2], found[count, 3] = i, j, k, hits
                count += 1
    return found[:count].copy()
