"""The look kernel: one frame to spots, in one pass over memory.

The frame is worked on in strips of `TILE` rows and `STRIP` tiles, which stay in the processor's cache:

1. Background per tile of `TILE` x `TILE` pixels: the mean of the valid pixels, taken again after counts
   beyond the one-sided Poisson limit are dropped, and a third time where that made a difference. Symmetric
   clipping would be biased below one count per pixel.
2. Seeds: valid pixels at or above the count whose Poisson tail probability at the tile's background is below
   the seed probability.

Seeds then grow over neighbouring pixels at or above the (lower) growth threshold, and each group is measured
against a background of its own: the mean of the valid pixels around it that belong to no group and are not
strong.

Centroid: signal-weighted mean of pixel centres (corner convention: the first pixel's centre is 0.5). Variance
of the centroid: sigma**2 / sum(w) + 1/12, as DIALS has it (image/centroid/centroid_points.h); the 1/12 keeps
a few strong spots from dominating a refinement.

Rows are summed column by column into 32-bit accumulators because only that form becomes vector instructions.
Nothing is allocated per frame: the caller owns the workspace.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from beampace.analysis.poisson import LEVELS_PER_OCTAVE, LOWEST

TILE = 32
STRIP = 32
"""Tiles worked on together: 32 rows of so many tiles stay in the processor's second-level cache."""
MARGIN = 4
"""Pixels around a group in which its background is measured."""
STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""Neighbours share an edge, as in DIALS: sharing a corner would join reflections that only touch."""
FEWEST = 20
"""Pixels needed to measure a background around a group; with fewer, the tile's is taken."""

X, Y, SUM, BACKGROUND, PIXELS, PEAK, VAR_X, VAR_Y, OVERLOADED, COUNTED = range(10)
X0, X1, Y0, Y1, PEAK_X, PEAK_Y, COLUMNS = range(10, 17)
"""Columns of a spot. The box is half open; the peak is the index of the highest pixel."""

SEED, GROW, CLIP, COUNT, TABLES = range(5)
"""Rows of the threshold tables."""
TOTALS = 5


@njit(cache=True, nogil=True)
def _level(background, n_levels):  # type: ignore[no-untyped-def]
    """Index of a background level in the threshold tables, rounded up."""
    if background <= LOWEST:
        return 0
    index = int(np.ceil(np.log2(background / LOWEST) * LEVELS_PER_OCTAVE))
    return min(index, n_levels - 1)


@njit(cache=True, nogil=True)
def _sum_band(frame, valid, y0, y1, x0, limit, sums, counts):  # type: ignore[no-untyped-def]
    """Per column from `x0` on: sum and number of the valid pixels at or below the column's limit.

    Rows are cut out one by one: only a slice of a single row is known to be contiguous when this is compiled.
    """
    nx = limit.shape[0]
    for x in range(nx):
        sums[x] = 0
        counts[x] = 0
    for y in range(y0, y1):
        row, usable = frame[y][x0 : x0 + nx], valid[y][x0 : x0 + nx]
        for x in range(nx):
            use = np.uint32(1) if row[x] <= limit[x] else np.uint32(0)
            use = use & np.uint32(usable[x])
            sums[x] = sums[x] + np.uint32(row[x] * use)
            counts[x] = counts[x] + use


@njit(cache=True, nogil=True)
def _any_strong(row, usable, threshold, highest):  # type: ignore[no-untyped-def]
    """Whether a row has a valid pixel at or above its column's threshold, and its largest valid count."""
    found, top = np.uint32(0), np.uint32(0)
    for x in range(row.shape[0]):
        count = np.uint32(row[x])
        use = np.uint32(usable[x]) & (np.uint32(1) if count <= highest else np.uint32(0))
        kept = np.uint32(count * use)
        top = kept if kept > top else top
        found |= use & (np.uint32(1) if count >= threshold[x] else np.uint32(0))
    return found != 0, top


@njit(cache=True, nogil=True)
def _background_band(sums, counts, tile, level, n_levels):  # type: ignore[no-untyped-def]
    """Mean and table level of each tile of a band from its column sums; returns its (counts, pixels)."""
    total, n_valid = np.int64(0), np.int64(0)
    nx = sums.shape[0]
    for tile_x in range(tile.shape[0]):
        band_sum, n = np.int64(0), np.int64(0)
        for x in range(tile_x * TILE, min((tile_x + 1) * TILE, nx)):
            band_sum += sums[x]
            n += counts[x]
        total += band_sum
        n_valid += n
        tile[tile_x] = band_sum / n if n else -1.0
        level[tile_x] = _level(tile[tile_x], n_levels)
    return total, n_valid


@njit(cache=True, nogil=True)
def _set_limits(limit, level, table):  # type: ignore[no-untyped-def]
    """Write the threshold of each tile of a band to its columns."""
    for tile_x in range(level.shape[0]):
        limit[tile_x * TILE : (tile_x + 1) * TILE] = table[level[tile_x]]


@njit(cache=True, nogil=True)
def find_seeds(frame, valid, highest, saturation, tables, tiles, levels, seeds, columns, totals):  # type: ignore[no-untyped-def]
    """Fill `tiles` and `levels` with the background and `seeds` with (y, x) of the strong pixels.

    Args:
        frame: counts, shape (slow, fast), uint16 or uint32.
        valid: 1 where a pixel may be used, shape (slow, fast), uint8.
        highest: largest value that is a count, at most 2**26; above it the value means "no data".
        saturation: largest count that can be trusted.
        tables: thresholds per background level, shape (TABLES, levels), uint32.
        tiles: output, counts per pixel of each tile, shape (rows, columns), float32; -1 without valid pixels.
        levels: output, the tile's level in the tables, shape (rows, columns), int32.
        seeds: output, shape (capacity, 2), int32.
        columns: workspace, shape (4, fast), uint32.
        totals: output, int64: total counts, pixels that are valid and not saturated, counts and pixels of the
            background, largest valid count; shape (TOTALS,).

    Returns:
        Number of seeds; those beyond the capacity are counted, not stored.
    """
    ny, nx = frame.shape
    n_levels = tables.shape[1]
    n_seeds = 0
    before = columns[3]
    totals[:] = 0
    for tile_y in range(tiles.shape[0]):
        y0, y1 = tile_y * TILE, min((tile_y + 1) * TILE, ny)
        for first in range(0, tiles.shape[1], STRIP):
            last = min(first + STRIP, tiles.shape[1])
            x0, x1 = first * TILE, min(last * TILE, nx)
            tile, level = tiles[tile_y][first:last], levels[tile_y][first:last]
            limit, sums, counts = columns[0][: x1 - x0], columns[1][: x1 - x0], columns[2][: x1 - x0]
            limit[:] = min(highest, saturation)
            _sum_band(frame, valid, y0, y1, x0, limit, sums, counts)
            total, n_valid = _background_band(sums, counts, tile, level, n_levels)
            totals[0] += total
            totals[1] += n_valid
            before[: last - first] = level
            _set_limits(limit, level, tables[CLIP])
            _sum_band(frame, valid, y0, y1, x0, limit, sums, counts)
            total, n_valid = _background_band(sums, counts, tile, level, n_levels)
            totals[2] += total
            totals[3] += n_valid
            for index in range(last - first):
                if abs(level[index] - np.int64(before[index])) > 1:
                    # Spots had raised the first mean: clip this tile once more.
                    a, b = index * TILE, min((index + 1) * TILE, x1 - x0)
                    totals[2] -= np.int64(sums[a:b].sum())
                    totals[3] -= np.int64(counts[a:b].sum())
                    limit[a:b] = tables[CLIP][level[index]]
                    _sum_band(frame, valid, y0, y1, x0 + a, limit[a:b], sums[a:b], counts[a:b])
                    total, n_valid = _background_band(
                        sums[a:b], counts[a:b], tile[index : index + 1], level[index : index + 1], n_levels
                    )
                    totals[2] += total
                    totals[3] += n_valid
            _set_limits(limit, level, tables[SEED])
            for y in range(y0, y1):
                row, usable = frame[y][x0:x1], valid[y][x0:x1]
                strong, top = _any_strong(row, usable, limit, highest)
                totals[4] = max(totals[4], np.int64(top))
                if not strong:
                    continue
                for x in range(x1 - x0):
                    if usable[x] and limit[x] <= row[x] <= highest:
                        if n_seeds < seeds.shape[0]:
                            seeds[n_seeds, 0] = y
                            seeds[n_seeds, 1] = x0 + x
                        n_seeds += 1
    return n_seeds


@njit(cache=True, nogil=True)
def _grow(frame, valid, highest, levels, grow_table, seed_y, seed_x, marks, members):  # type: ignore[no-untyped-def]
    """Collect the group of a seed into `members` (y, x) and mark it; stops where `members` is full."""
    ny, nx = frame.shape
    marks[seed_y, seed_x] = 1
    members[0, 0] = seed_y
    members[0, 1] = seed_x
    size, head = 1, 0
    while head < size:
        y, x = members[head, 0], members[head, 1]
        head += 1
        for step in STEPS:
            yy, xx = y + step[0], x + step[1]
            if yy < 0 or yy >= ny or xx < 0 or xx >= nx or size >= members.shape[0]:
                continue
            value = frame[yy, xx]
            if marks[yy, xx] != 0 or not valid[yy, xx] or value > highest:
                continue
            if value < grow_table[levels[yy // TILE, xx // TILE]]:
                continue
            marks[yy, xx] = 1
            members[size, 0] = yy
            members[size, 1] = xx
            size += 1
    return size


@njit(cache=True, nogil=True)
def _surroundings(frame, valid, ceiling, clip, marks, spot, fallback):  # type: ignore[no-untyped-def]
    """Mean of the unmarked, valid pixels up to `clip` around a box; overloaded pixels in and next to it."""
    ny, nx = frame.shape
    x0, x1, y0, y1 = int(spot[X0]), int(spot[X1]), int(spot[Y0]), int(spot[Y1])
    total, n, overloaded = np.int64(0), 0, 0
    for y in range(max(0, y0 - MARGIN), min(ny, y1 + MARGIN)):
        for x in range(max(0, x0 - MARGIN), min(nx, x1 + MARGIN)):
            if not valid[y, x]:
                continue
            value = frame[y, x]
            if value > ceiling:
                overloaded += int(x0 - 1 <= x <= x1 and y0 - 1 <= y <= y1)
            elif marks[y, x] == 0 and value <= clip:
                total += value
                n += 1
    return (total / n if n >= FEWEST else fallback), overloaded


@njit(cache=True, nogil=True)
def _outline(frame, members, spot):  # type: ignore[no-untyped-def]
    """Write size, box and peak of a group; of equal peaks the first in reading order."""
    peak, peak_y, peak_x = np.int64(-1), 0, 0
    y0, y1, x0, x1 = members[0, 0], members[0, 0], members[0, 1], members[0, 1]
    for index in range(members.shape[0]):
        y, x = members[index, 0], members[index, 1]
        y0, y1, x0, x1 = min(y0, y), max(y1, y), min(x0, x), max(x1, x)
        count = np.int64(frame[y, x])
        if count > peak or (count == peak and (y, x) < (peak_y, peak_x)):
            peak, peak_y, peak_x = count, y, x
    spot[X0], spot[X1], spot[Y0], spot[Y1] = x0, x1 + 1, y0, y1 + 1
    spot[PIXELS], spot[PEAK], spot[PEAK_X], spot[PEAK_Y] = members.shape[0], peak, peak_x, peak_y


@njit(cache=True, nogil=True)
def _centre(frame, members, background, spot):  # type: ignore[no-untyped-def]
    """Write centroid, sum above background and variances; False when nothing is left above the background."""
    signal, sx, sy, sxx, syy = 0.0, 0.0, 0.0, 0.0, 0.0
    left, top = spot[X0], spot[Y0]
    for index in range(members.shape[0]):
        y, x = members[index, 0], members[index, 1]
        weight = frame[y, x] - background
        dx, dy = x + 0.5 - left, y + 0.5 - top
        signal += weight
        sx += weight * dx
        sy += weight * dy
        sxx += weight * dx * dx
        syy += weight * dy * dy
    if signal <= 0:
        return False
    cx, cy = sx / signal, sy / signal
    spot[X], spot[Y], spot[SUM], spot[BACKGROUND] = left + cx, top + cy, signal, background
    spot[VAR_X] = max(0.0, sxx / signal - cx * cx) / signal + 1.0 / 12.0
    spot[VAR_Y] = max(0.0, syy / signal - cy * cy) / signal + 1.0 / 12.0
    return True


@njit(cache=True, nogil=True)
def _measure(frame, valid, ceiling, tables, limits, tiles, levels, marks, members, spot):  # type: ignore[no-untyped-def]
    """Write one group's row; returns whether it is kept."""
    _outline(frame, members, spot)
    middle_y, middle_x = int(spot[Y0] + spot[Y1] - 1) // 2, int(spot[X0] + spot[X1] - 1) // 2
    level = levels[middle_y // TILE, middle_x // TILE]
    tile = tiles[middle_y // TILE, middle_x // TILE]
    if tile < 0:
        tile = 0.0
    background, overloaded = _surroundings(frame, valid, ceiling, tables[CLIP, level], marks, spot, tile)
    if not _centre(frame, members, background, spot):
        return False
    spot[OVERLOADED] = overloaded
    noise = np.sqrt(spot[PIXELS] * background + 1.0)
    local = _level(max(background, tile), tables.shape[1])
    enough = spot[PIXELS] >= limits[0] and spot[PEAK] >= tables[COUNT, local]
    spot[COUNTED] = 1.0 if enough and spot[SUM] > limits[2] * noise else 0.0
    return spot[SUM] > limits[3] * noise


@njit(cache=True, nogil=True)
def find_spots(  # type: ignore[no-untyped-def]
    frame,
    valid,
    highest,
    saturation,
    tables,
    limits,
    tiles,
    levels,
    seeds,
    columns,
    totals,
    marks,
    members,
    starts,
    spots,
):
    """One frame to spots.

    The arguments of `find_seeds` and besides:

    - limits: fewest pixels of a counted spot, most pixels of a spot, least signal of a counted one and of any
      spot in standard deviations of the background (with one count added to its variance).
    - marks: workspace, shape (slow, fast), uint8; zero before and after.
    - members: workspace, shape (capacity, 2), int32; starts: workspace, shape (capacity,), int32.
    - spots: output, shape (capacity, COLUMNS), float64.

    Returns:
        (spots, seeds, groups too large for a spot, groups): the pixels of group g are
        `members[starts[g]:starts[g + 1]]`.
    """
    n_seeds = find_seeds(frame, valid, highest, saturation, tables, tiles, levels, seeds, columns, totals)
    n_groups, used = 0, 0
    for index in range(min(n_seeds, seeds.shape[0])):
        y, x = seeds[index, 0], seeds[index, 1]
        if marks[y, x] or used >= members.shape[0] or n_groups + 1 >= starts.shape[0]:
            continue
        starts[n_groups] = used
        used += _grow(frame, valid, highest, levels, tables[GROW], y, x, marks, members[used:])
        n_groups += 1
    starts[n_groups] = used
    ceiling = min(highest, saturation)
    n_spots, n_large = 0, 0
    for group in range(n_groups):
        pixels = members[starts[group] : starts[group + 1]]
        if pixels.shape[0] > limits[1]:
            n_large += 1
        elif n_spots < spots.shape[0]:
            kept = _measure(
                frame, valid, ceiling, tables, limits, tiles, levels, marks, pixels, spots[n_spots]
            )
            n_spots += int(kept)
    for index in range(used):
        marks[members[index, 0], members[index, 1]] = 0
    return n_spots, n_seeds, n_large, n_groups
