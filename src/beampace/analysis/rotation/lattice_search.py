"""Lattices of a set of reciprocal vectors, by one-dimensional Fourier sums along many directions.

Steller, Bolotovsky & Rossmann (1997) J. Appl. Cryst. 30, 1036. A sum over spots to Q (1/angstrom) falls to a
third when a vector of length l misses a direction by 0.57/(l Q): that is the step between directions, so that
their number goes as (l Q)**2. Q is chosen for it.
"""

from __future__ import annotations

import math

import numpy as np

from beampace.analysis.rotation import fourier
from beampace.analysis.rotation.basis import Basis, Vectors, bases
from beampace.analysis.rotation.model import Floats

MOST_SPOTS = 800
"""Spots that are summed, spread evenly over resolution; and the fewest, of lowest resolution, if there are so
many: the direction along the beam is known only from spots to high resolution."""
KNOWN_SPOTS = 300
FEWEST_SPOTS = 150
MISSED = 0.57
HARDEST = 150_000
"""Directions when nothing else helps: an axis of 300 angstrom and spots to 3.5."""
BLOCK = 1024
MOST_MAXIMA = 400_000

SHORTEST = 4.0
"""Shortest vector looked for, angstrom."""
LEAST = 0.18
"""Share of the spots in a sum that is looked at, and in standard deviations of chance."""
LEAST_SIGMA = 4.0
OF_BEST = 0.5
"""A vector's sum is at least this share of the best one's."""
CLOSE, LONGER = 0.07, 1.6
"""Share of the spots that may be closer to another than those of the longest edge, and a margin."""
TOPS, ENOUGH_TOPS = 400, 20
MOST_VECTORS = 36


def search(q: Floats, longest: float, *, free: bool = False, most: int = 20_000) -> list[Basis]:
    """Lattices, the most likely first.

    Args:
        q: reciprocal vectors, 1/angstrom, (n, 3).
        longest: edge to look for, angstrom.
        free: whether all q may be displaced by one vector (a wrong beam centre, within a few degrees).
        most: directions, as long as enough spots lie to the resolution that these resolve.
    """
    return bases(find_vectors(q, longest, free=free, most=most))


def find_vectors(q: Floats, longest: float, *, free: bool = False, most: int = 20_000) -> Vectors:
    """Vectors on which the spots agree; see `search`."""
    used, reach = _summed(q, longest, most)
    n = min(2 * most, HARDEST, max(1000, int(2 * math.pi * (longest * reach / MISSED) ** 2)))
    directions = half_sphere(n)
    width = 1 / (4 * longest)
    bins = _fast_size(max(int(2 * reach / width) + 4, int(16 * longest * reach)))
    threshold = max(LEAST * len(used), LEAST_SIGMA * math.sqrt(len(used) / 2))
    places = _maxima(used, directions, width, bins, (longest, threshold), free=free)
    return _climbed(used, places, reach, free=free)


def find_known(q: Floats, lengths: Floats, most: int = 20_000) -> Vectors:
    """Vectors of known lengths, summed directly: few spots are enough."""
    used, reach = _summed(q, float(lengths.max()), most, KNOWN_SPOTS)
    n = min(2 * most, max(1000, int(2 * math.pi * (float(lengths.max()) * reach / MISSED) ** 2)))
    directions = half_sphere(n)
    places = []
    for part in np.array_split(directions, 1 + n // BLOCK):
        projected = (part @ used.T).astype(np.float32)
        for length in lengths:
            sums = np.cos(np.float32(2 * np.pi * length) * projected).mean(axis=1)
            good = sums > LEAST
            places.append(np.column_stack([part[good] * length, sums[good] * len(used)]))
    found = np.concatenate(places)
    return _climbed(used, found[np.argsort(-found[:, 3])][:MOST_MAXIMA], reach, free=False)


def half_sphere(n: int) -> Floats:
    """Evenly spread directions on a half sphere (golden spiral), (n, 3)."""
    z = (np.arange(n) + 0.5) / n
    turn = np.arange(n) * math.pi * (3 - math.sqrt(5))
    around = np.sqrt(1 - z * z)
    return np.stack([around * np.cos(turn), around * np.sin(turn), z], axis=1)


def longest_edge(q: Floats, limit: float) -> float:
    """An edge that is surely as long as the longest of the cell: from the nearest neighbours of the spots.

    Args:
        q: reciprocal vectors, (n, 3).
        limit: angstrom, that the detector can resolve.
    """
    some = q[:: max(1, len(q) // 1500)]
    square = (some * some).sum(axis=1)
    distance = square[:, None] + square - 2 * some @ some.T
    np.fill_diagonal(distance, np.inf)
    nearest = np.sqrt(np.maximum(distance.min(axis=1), 1e-12))
    resolved = nearest[nearest > 1 / limit]
    close = float(np.quantile(resolved, CLOSE)) if len(resolved) else 1 / limit
    return min(limit, max(60.0, LONGER / close))


def _summed(q: Floats, longest: float, most: int, spots: int = MOST_SPOTS) -> tuple[Floats, float]:
    """The spots that are summed, and the resolution to which they go."""
    size = np.linalg.norm(q, axis=1)
    order = np.argsort(size)
    affordable = MISSED * math.sqrt(most / (2 * math.pi)) / longest
    n = min(len(q), max(int(np.searchsorted(size[order], affordable)), FEWEST_SPOTS))
    chosen = order[np.linspace(0, n - 1, min(n, spots)).astype(np.int64)]
    return np.ascontiguousarray(q[chosen]), float(size[chosen[-1]])


def _fast_size(n: int) -> int:
    """The next length of a transform that is quick: 2**k or 3 2**k."""
    power = 1 << max(4, (n - 1).bit_length())
    return 3 * power // 4 if 3 * power // 4 >= n else power


def _maxima(
    q: Floats, directions: Floats, width: float, bins: int, limits: tuple[float, float], *, free: bool
) -> Floats:
    """(k, 4): vectors of the local maxima along the directions and their sums."""
    longest, threshold = limits
    singles = q.astype(np.float32)
    step = 1 / (bins * width)
    low, high = max(1, int(SHORTEST / step)), min(bins // 2, int(1.05 * longest / step) + 2)
    counts = np.empty((BLOCK, bins), np.float32)
    table, found, total = np.empty((50_000, 3)), [np.zeros((0, 4))], 0
    for first in range(0, len(directions), BLOCK):
        part = directions[first : first + BLOCK]
        fourier.histograms(singles, part.astype(np.float32), width, counts[: len(part)])
        sums = np.fft.rfft(counts[: len(part)], axis=1)[:, : high + 1]
        values = np.ascontiguousarray(np.abs(sums) if free else sums.real)
        n = fourier.maxima(values, low, threshold, table)
        rows = table[:n, 0].astype(np.int64)
        found.append(np.column_stack([part[rows] * (table[:n, 1] * step)[:, None], table[:n, 2]]))
        total += n
        if total > MOST_MAXIMA:
            break
    return np.concatenate(found)


def _climbed(q: Floats, places: Floats, reach: float, *, free: bool) -> Vectors:
    """The distinct maxima next to places (vector and sum), shortest first, up to `MOST_VECTORS`."""
    nothing = Vectors(np.zeros((0, 3)), np.zeros(0), np.zeros(0), q)
    if not len(places):
        return nothing
    apart = 0.6 / reach
    places = _highest_of_cells(places, apart)
    best = _best_sum(q, places, apart, free=free)
    if best < LEAST:
        return nothing
    good = places[places[:, 3] > OF_BEST * places[:, 3].max()]
    good = np.ascontiguousarray(good[np.argsort(np.linalg.norm(good[:, :3], axis=1)), :3])
    v, f = fourier.distinct(q, good, free, apart, OF_BEST * best, MOST_VECTORS)
    phases = [fourier.phase_and_sum(q, row)[0] if free else 0.0 for row in v]
    return Vectors(v, f, np.array(phases), q)


def _best_sum(q: Floats, places: Floats, apart: float, *, free: bool) -> float:
    """The largest f of the highest places that are next to a maximum."""
    found: list[float] = []
    for place in places[np.argsort(-places[:, 3])[:TOPS], :3]:
        f = fourier.climb(q, np.ascontiguousarray(place), free, 2 * apart, 8)[1]
        if f > 0:
            found.append(f)
        if len(found) == ENOUGH_TOPS:
            break
    return max(found, default=-1.0)


def _highest_of_cells(places: Floats, size: float) -> Floats:
    """The place with the largest sum in each cube of a size."""
    order = np.argsort(-places[:, 3], kind="stable")
    cells = np.floor(places[order, :3] / size).astype(np.int64) + 2048
    keys = (cells[:, 0] * 4096 + cells[:, 1]) * 4096 + cells[:, 2]
    return np.asarray(places[order][np.unique(keys, return_index=True)[1]])
