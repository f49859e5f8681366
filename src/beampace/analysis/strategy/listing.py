"""Unique reflections of a sphere in reciprocal space, or a random share of them; compiled.

The representative of a unique reflection is the largest (h, k, l), in the order of a dictionary, among its
equivalents and their Friedel mates; it is I+. Equivalents are h' = h R; a reflection with h R = h is absent
unless h.t is whole, one with h R = -h is centric (International Tables A, 2.1.3).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

ABSENT, MATE, ACENTRIC, CENTRIC = range(4)


def list_unique(
    matrix: Floats, most: float, rotations: Ints, shifts: Ints, centrings: Ints, share: float, seed: int
) -> tuple[Ints, Flags]:
    """Indices of a random `share` of the unique reflections with 1/d**2 <= `most`, and which are centric."""
    limits = (np.linalg.norm(np.linalg.inv(matrix), axis=1) * math.sqrt(most)).astype(np.int64)
    metric = matrix.T @ matrix
    # Each point of the box may be asked for at random, so room is kept for more than expected.
    room = int(share * np.prod(2 * limits + 1)) // 2 + 10_000
    found = np.empty((room, 4), np.int32)
    count = _list(metric, most, limits, (rotations, shifts, centrings), share, seed, found)
    return np.ascontiguousarray(found[:count, :3]), found[:count, 3] == CENTRIC


@njit(cache=True, nogil=True)
def _kind(h: int, k: int, l: int, operations: tuple[Ints, Ints, Ints]) -> int:  # noqa: E741
    """Absent, a mate of the representative, or the representative itself: acentric or centric."""
    rotations, shifts, centrings = operations
    kind = ACENTRIC
    for i in range(len(rotations)):
        r = rotations[i]
        x = h * r[0, 0] + k * r[1, 0] + l * r[2, 0]
        y = h * r[0, 1] + k * r[1, 1] + l * r[2, 1]
        z = h * r[0, 2] + k * r[1, 2] + l * r[2, 2]
        if x < 0 or (x == 0 and (y < 0 or (y == 0 and z < 0))):
            if x == -h and y == -k and z == -l:
                kind = CENTRIC
            x, y, z = -x, -y, -z
        elif x == h and y == k and z == l and (h * shifts[i, 0] + k * shifts[i, 1] + l * shifts[i, 2]) % 24:
            return ABSENT
        if x > h or (x == h and (y > k or (y == k and z > l))):
            return MATE
    for i in range(len(centrings)):
        if (h * centrings[i, 0] + k * centrings[i, 1] + l * centrings[i, 2]) % 24:
            return ABSENT
    return kind


@njit(cache=True, nogil=True)
def _list(
    metric: Floats,
    most: float,
    limits: npt.NDArray[np.int64],
    operations: tuple[Ints, Ints, Ints],
    share: float,
    seed: int,
    found: Ints,
) -> int:
    """Fill `found` with h, k, l and kind of each representative; returns how many."""
    np.random.seed(seed)  # numba's own generator
    count = 0
    thinned = share < 1.0
    scale = 1.0 / math.log1p(-share) if thinned else 0.0
    # Points are passed over by geometric steps: as good as a throw for each one, and much quicker.
    skip = int(math.log(1.0 - np.random.random()) * scale) if thinned else 0
    for h in range(limits[0] + 1):
        for k in range(-limits[1] if h else 0, limits[1] + 1):
            flat = metric[0, 0] * h * h + metric[1, 1] * k * k + 2 * metric[0, 1] * h * k
            slope = 2 * (metric[0, 2] * h + metric[1, 2] * k)
            root = slope * slope - 4 * metric[2, 2] * (flat - most)
            if root < 0:
                continue
            middle, half = -slope / (2 * metric[2, 2]), math.sqrt(root) / (2 * metric[2, 2])
            first = math.ceil(middle - half)
            if h == 0 and k == 0:
                first = 1
            l = first + skip  # noqa: E741
            last = math.floor(middle + half)
            while l <= last:
                kind = _kind(h, k, l, operations)
                if kind >= ACENTRIC and count < len(found):
                    found[count, 0], found[count, 1], found[count, 2], found[count, 3] = h, k, l, kind
                    count += 1
                l += 1  # noqa: E741
                if thinned:
                    l += int(math.log(1.0 - np.random.random()) * scale)  # noqa: E741
            skip = l - last - 1
    return count
