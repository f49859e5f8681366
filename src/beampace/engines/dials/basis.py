"""A lattice from the spots of a small wedge, whatever point they take for the origin.

Vectors t of the crystal for which exp(2 pi i q.t) has one phase for all spots are lattice vectors. Its
sum is found as in one-dimensional Fourier indexing (Steller, Bolotovsky & Rossmann 1997, J. Appl. Cryst.
30, 1036), but only its modulus is used: a wrong beam centre adds nearly the same vector to every q of a
small wedge, which turns the phase and leaves the modulus.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHORTEST = 12.0
"""Shortest cell edge looked for, angstrom."""

BINS = 1024
GRID_STEP = 0.014
"""Between trial directions, radian: a third of the width of a peak of a 150 A edge for spots to 5 A."""

PEAKS = 300
STRONG = 0.75
"""A lattice vector's sum is at least this share of the best one's."""

ROUNDS = 6
FITS = 0.3
MIN_ANGLE = math.sin(math.radians(15))


def find_basis(q: Floats, longest: float) -> Floats | None:
    """Shortest three lattice vectors (rows, angstrom) of scattering vectors, or None.

    Args:
        q: scattering vectors (n, 3) in 1/angstrom, crystal frame, all displaced by one vector or by none.
        longest: longest edge to look for, angstrom.
    """
    found = [(vector, modulus(q, vector)) for vector in (_polished(q, t) for t in _peaks(q, longest))]
    found = [(v, m) for v, m in found if SHORTEST <= np.linalg.norm(v) <= 1.1 * longest]
    if not found:
        return None
    best = max(m for _, m in found)
    vectors = sorted((v for v, m in found if m >= STRONG * best), key=lambda v: float(np.linalg.norm(v)))
    return _shortest_three(vectors)


def modulus(q: Floats, vector: Floats) -> float:
    """|mean exp(2 pi i q.t)|: 1 when t is a lattice vector of all spots."""
    return float(np.abs(np.mean(np.exp(2j * np.pi * (q @ vector)))))


def _peaks(q: Floats, longest: float) -> Floats:
    """The trial vectors (m, 3) with the largest Fourier sums, of directions on a half sphere."""
    directions = _half_sphere()
    reach = float(np.max(np.linalg.norm(q, axis=1)))
    # Bins of width w resolve vectors up to 1/(2 w); twice that keeps the longest well below the limit.
    width = max(2.02 * reach / BINS, 1 / (4 * longest))
    n_bins = min(BINS, 1 + int(2.02 * reach / width))
    lengths = np.arange(BINS // 2 + 1) / (BINS * width)
    wanted = np.flatnonzero((lengths >= SHORTEST) & (lengths <= longest))
    tops, places = [], []
    for part in np.array_split(directions, 1 + len(directions) // 2000):
        slot = ((part @ q.T + 1.01 * reach) / width).astype(np.int64)
        flat = slot.clip(0, n_bins - 1) + np.arange(len(part))[:, None] * BINS
        counts = np.bincount(flat.ravel(), minlength=len(part) * BINS).reshape(len(part), BINS)
        power = np.abs(np.fft.rfft(counts, axis=1)[:, wanted])
        at = np.argmax(power, axis=1)
        tops.append(power[np.arange(len(part)), at])
        places.append(part * lengths[wanted[at]][:, None])
    order = np.argsort(-np.concatenate(tops))[:PEAKS]
    return np.concatenate(places)[order]


def _half_sphere() -> Floats:
    """Directions about `GRID_STEP` apart (golden spiral)."""
    n = int(2 * math.pi / GRID_STEP**2)
    z = (np.arange(n) + 0.5) / n
    turn = np.arange(n) * math.pi * (3 - math.sqrt(5))
    around = np.sqrt(1 - z * z)
    return np.stack([around * np.cos(turn), around * np.sin(turn), z], axis=1)


def _polished(q: Floats, vector: Floats) -> Floats:
    """The vector after a few rounds of least squares of q.t + phase on the nearest whole numbers."""
    columns = np.column_stack([q, np.ones(len(q))])
    for _ in range(ROUNDS):
        along = q @ vector
        phase = float(np.angle(np.mean(np.exp(2j * np.pi * along)))) / (2 * np.pi)
        order = np.round(along - phase)
        near = np.abs(along - phase - order) < FITS
        if near.sum() < 6:
            return vector
        solution = np.linalg.lstsq(columns[near], order[near], rcond=None)[0]
        vector = np.asarray(solution[:3], dtype=np.float64)
    return vector


def _shortest_three(vectors: list[Floats]) -> Floats | None:
    """The successive minima of the list, which in three dimensions are a primitive basis."""
    unlike = _distinct(vectors)
    for a, b, c in itertools.islice(itertools.combinations(unlike, 3), 2000):
        ab = np.cross(a, b)
        if np.linalg.norm(ab) < MIN_ANGLE * np.linalg.norm(a) * np.linalg.norm(b):
            continue
        if abs(ab @ c) >= MIN_ANGLE * np.linalg.norm(ab) * np.linalg.norm(c):
            return np.array([a, b, c])
    return None


def _distinct(vectors: list[Floats]) -> list[Floats]:
    kept: list[Floats] = []
    for vector in vectors:
        size = 0.03 * float(np.linalg.norm(vector))
        if all(min(np.linalg.norm(vector - k), np.linalg.norm(vector + k)) > size for k in kept):
            kept.append(vector)
    return kept
