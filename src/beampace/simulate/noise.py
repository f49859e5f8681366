"""Poisson noise of a background that is known per pixel: exact, and fast enough for whole frames.

The mean of each pixel is rounded down to one of a few hundred levels. A level draws its counts from an alias
table (Walker 1977, ACM Trans. Math. Softw. 3, 253) with one 32-bit random number; what rounding took
away is added as a sparse Poisson process thinned to the remainder (sums of Poisson numbers are Poisson), so
no pixel is biased.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.simulate.streams import GOLDEN, mix, poisson, start, unit

LARGEST_TABLE_MEAN = 110.0
"""Means above this are drawn as sums of equal parts, so that an alias column fits into eight bits."""
_LEVELS = 512
_PURPOSE_FILL, _PURPOSE_REST = 1, 2
_S32, _LOW32 = np.uint64(32), np.uint64(0xFFFFFFFF)
_LOW24, _LOW8, _S8 = np.uint64(0xFFFFFF), np.uint64(0xFF), np.uint64(8)


@dataclass(frozen=True, slots=True)
class NoiseTables:
    """What is needed to draw frames of one background.

    Attributes:
        level: level of each pixel, (slow, fast).
        rest: mean minus the level's mean, per pixel, counts, float32.
        alias: (levels, slots) packed entries: threshold (24 bits) above, alias slot (8 bits) below.
        offset: smallest count of each level.
        repeats: draws to be added up per pixel.
        largest_rest: maximum of `rest`.
    """

    level: npt.NDArray[np.uint16]
    rest: npt.NDArray[np.float32]
    alias: npt.NDArray[np.uint32]
    offset: npt.NDArray[np.uint32]
    repeats: int
    largest_rest: float


def noise_tables(mean: npt.NDArray[np.floating]) -> NoiseTables:
    """Prepare the tables for an expected background.

    Args:
        mean: expected counts per pixel, (slow, fast), finite and not negative.

    Raises:
        ValueError: a mean is negative or not finite.
    """
    if not np.isfinite(mean).all() or mean.min() < 0:
        raise ValueError("expected counts must be finite and not negative")
    repeats = max(1, math.ceil(float(mean.max()) / LARGEST_TABLE_MEAN))
    means = _level_means(mean)
    level = (np.searchsorted(means, mean, side="right") - 1).astype(np.uint16)
    rest = np.maximum(mean - means[level], 0.0).astype(np.float32)
    alias, offset = _alias_tables(means / repeats)
    return NoiseTables(level, rest, alias, offset, repeats, float(rest.max()))


def draw_noise(tables: NoiseTables, seed: int, number: int, frame: npt.NDArray[np.unsignedinteger]) -> None:
    """Fill `frame` (slow, fast) with the noise of frame `number` (its old content is lost)."""
    bits = int(tables.alias.shape[1]).bit_length() - 1
    _fill(
        tables.level.ravel(),
        tables.alias,
        tables.offset,
        bits,
        tables.repeats,
        seed,
        number,
        frame.reshape(-1),
    )
    _add_rest(tables.rest.ravel(), tables.largest_rest, seed, number, frame.reshape(-1))


def _level_means(mean: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Means of the levels: 0, then a geometric series over the range that occurs."""
    highest = float(mean.max())
    if highest == 0:
        return np.zeros(1)
    positive = mean[mean > 0]
    lowest = max(float(positive.min()), highest * 1e-4)
    series = np.geomspace(lowest, highest, _LEVELS)
    series[0], series[-1] = lowest, highest  # geomspace may end a rounding error above the range
    return np.asarray(np.concatenate([[0.0], series]), dtype=np.float64)


def _alias_tables(means: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    first = np.array([_first_count(mean) for mean in means], dtype=np.uint32)
    last = [_last_count(mean) for mean in means]
    needed = max(end - int(begin) + 1 for begin, end in zip(first, last, strict=True))
    slots = max(16, 1 << (needed - 1).bit_length())
    packed = np.empty((len(means), slots), dtype=np.uint32)
    for row, (mean, begin) in enumerate(zip(means, first, strict=True)):
        packed[row] = _alias_row(_poisson_weights(mean, int(begin), slots))
    return packed, first


def _first_count(mean: float) -> int:
    """Counts below this have a probability under 1e-13."""
    return max(0, math.floor(mean - 7.5 * math.sqrt(mean)))


def _last_count(mean: float) -> int:
    """Counts above this have a probability under 1e-13."""
    return math.ceil(mean + 7.5 * math.sqrt(mean) + 10)


def _poisson_weights(mean: float, begin: int, slots: int) -> npt.NDArray[np.float64]:
    if mean == 0:
        return np.asarray(np.eye(1, slots)[0], dtype=np.float64)
    counts = range(begin, begin + slots)
    logs = [count * math.log(mean) - mean - math.lgamma(count + 1) for count in counts]
    weights = np.exp(logs)
    normalised: npt.NDArray[np.float64] = weights / weights.sum()
    return normalised


def _alias_row(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.uint32]:
    """Vose's construction of an alias table, packed as threshold << 8 | alias."""
    slots = len(weights)
    share = weights * slots
    small = [slot for slot in range(slots) if share[slot] < 1]
    large = [slot for slot in range(slots) if share[slot] >= 1]
    threshold, alias = np.ones(slots), np.arange(slots)
    while small and large:
        less, more = small.pop(), large[-1]
        threshold[less], alias[less] = share[less], more
        share[more] -= 1.0 - share[less]
        if share[more] < 1:
            small.append(large.pop())
    fixed = np.minimum(np.round(threshold * 2**24), 2**24 - 1).astype(np.uint32)
    # A full column has its own slot as alias, so the threshold that is one step short does no harm.
    return (fixed << np.uint32(8)) | alias.astype(np.uint32)


@njit(cache=True, nogil=True)
def _fill(
    level: npt.NDArray[np.uint16],
    alias: npt.NDArray[np.uint32],
    offset: npt.NDArray[np.uint32],
    bits: int,
    repeats: int,
    seed: int,
    number: int,
    out: npt.NDArray[np.unsignedinteger],
) -> None:
    """One draw per pixel and repeat: two pixels share a 64-bit random number."""
    state = start(seed, number, _PURPOSE_FILL)
    shift = np.uint64(32 - bits)
    # The slot takes the top bits; the 24 bits below it decide between slot and alias.
    fine = np.uint64(8 - bits)
    n = level.size
    for turn in range(repeats):
        for pair in range((n + 1) // 2):
            state += GOLDEN
            random = mix(state)
            for half in range(2):
                pixel = 2 * pair + half
                if pixel >= n:
                    break
                word = random & _LOW32 if half == 0 else random >> _S32
                lev = level[pixel]
                slot = word >> shift
                entry = np.uint64(alias[lev, slot])
                kept = ((word >> fine) & _LOW24) < (entry >> _S8)
                count = np.uint32(slot if kept else entry & _LOW8) + offset[lev]
                if turn == 0:
                    out[pixel] = count
                else:
                    out[pixel] += count


@njit(cache=True, nogil=True)
def _add_rest(
    rest: npt.NDArray[np.float32],
    largest: float,
    seed: int,
    number: int,
    out: npt.NDArray[np.unsignedinteger],
) -> None:
    """Thinning: a uniform Poisson process at the largest remainder, kept in proportion to each pixel's."""
    if largest <= 0.0:
        return
    state = start(seed, number, _PURPOSE_REST)
    total, state = poisson(largest * rest.size, state)
    for _ in range(total):
        state += GOLDEN
        pixel = int(unit(state) * rest.size)
        state += GOLDEN
        if unit(state) * largest < rest[pixel]:
            out[pixel] += 1
