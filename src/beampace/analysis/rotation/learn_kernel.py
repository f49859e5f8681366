"""The kernel by which profiles are learned from strong reflections.

Richardson's and Lucy's step, the expectation-maximisation of a Poisson mixture with known background:
table <- table sum(I w c/(I p + b)) / sum(I w), w the weight of a cell in a voxel, p as in `fit_kernel`. It
needs no rebinning, which would broaden the profile, and leaves nothing negative.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis.rotation import predict_kernel as table_of
from beampace.analysis.rotation.fit_kernel import (
    CELLS,
    NODES,
    SMALLEST,
    Floats,
    Index,
    collapse,
    corner_of,
    expected_on,
    frame_shares,
    pixel_area,
)
from beampace.analysis.rotation.sort_kernel import Kept


@njit(cache=True, nogil=True)
def _ratio(count: npt.NDArray[np.float32], p: Floats, b: float, bright: float) -> float:
    """Counts over what is expected, weighted with the profile."""
    ratio = 0.0
    for k in range(count.shape[0]):
        if count[k] >= 0.0:
            ratio += count[k] * p[k] / max(SMALLEST, bright * p[k] + b)
    return ratio


@njit(cache=True, nogil=True)
def _add(plane: npt.NDArray[np.float32], i: int, j: int, f: float, g: float, amount: float) -> None:
    """Share an amount out to the four nodes around a point."""
    plane[j, i] += (1.0 - g) * (1.0 - f) * amount
    plane[j, i + 1] += (1.0 - g) * f * amount
    plane[j + 1, i] += g * (1.0 - f) * amount
    plane[j + 1, i + 1] += g * f * amount


@njit(cache=True, nogil=True)
def _to_cells(
    shares: Floats,
    frames: int,
    planes: npt.NDArray[np.float32],
    factor: npt.NDArray[np.float32],
    out: npt.NDArray[np.float32],
) -> None:
    """Share out what is on the nodes of frames to the cells of u3, times a factor per cell and node."""
    for frame in range(frames):
        plane = planes[frame].reshape(-1)
        for cell in range(CELLS):
            share = np.float32(shares[frame, cell])
            if share > 0.0:
                layer, weight = out[cell].reshape(-1), factor[cell].reshape(-1)
                for k in range(NODES * NODES):
                    layer[k] += share * plane[k] * weight[k]


@njit(cache=True, nogil=True)
def learn(
    kept: Kept,
    table: Floats,
    box: Index,
    background: Floats,
    intensity: Floats,
    chosen: npt.NDArray[np.intp],
    region: Index,
    profiles: npt.NDArray[np.float32],
    per_frame: float,
    cap: float,
    found: npt.NDArray[np.float32],
    asked: npt.NDArray[np.float32],
) -> None:
    """One step of learning, added to `found` and `asked`.

    Args:
        kept: foreground voxels.
        table: predictions.
        box: their boxes.
        background: counts per voxel and voxels that it is worth, (n, 2).
        intensity: of each reflection, improved for the chosen ones.
        chosen: rows to learn from.
        region: whose profile each takes, (n,).
        profiles: (regions, CELLS, NODES, NODES).
        per_frame: standard deviations of sigma_m per frame at zeta = 1.
        cap: counts beyond which a reflection has no more influence.
        found: per region and cell, counts found there, (regions, CELLS, NODES, NODES).
        asked: counts that a table of ones would have had.
    """
    frames, most = 1, 1
    for k in range(chosen.shape[0]):
        frames = max(frames, box[chosen[k], 5] - box[chosen[k], 4])
        most = max(most, kept.start[chosen[k] + 1] - kept.start[chosen[k]])
    shares, planes = np.empty((frames, CELLS)), np.empty((frames, NODES, NODES), np.float32)
    up, down = np.empty_like(planes), np.empty_like(planes)
    ones, scratch = np.ones((CELLS, NODES, NODES), np.float32), np.empty(most)
    for k in range(chosen.shape[0]):
        entry = chosen[k]
        begin, end, row, corner = kept.start[entry], kept.start[entry + 1], table[entry], box[entry]
        p, n_frames, b = scratch[: end - begin], corner[5] - corner[4], background[entry, 0]
        mine = profiles[region[entry]]
        frame_shares(row, per_frame, corner[4], corner[5], shares)
        collapse(mine, shares, n_frames, planes)
        share, _ = expected_on(row, corner, kept, begin, end, planes, p)
        if share <= 0.0:
            continue
        intensity[entry] *= _ratio(kept.counts[begin:end], p, b, intensity[entry]) / share
        bright = intensity[entry]
        influence = min(1.0, cap / max(bright, 1e-9)) * bright * pixel_area(row)
        up[:n_frames] = 0.0
        down[:n_frames] = 0.0
        for v in range(begin, end):
            place = kept.place[v]
            i, j, f, g = corner_of(
                row,
                corner[0] + place[0] + 0.5 - row[table_of.X],
                corner[2] + place[1] + 0.5 - row[table_of.Y],
            )
            if i >= 0 and kept.counts[v] >= 0.0:
                excess = kept.counts[v] / max(SMALLEST, bright * p[v - begin] + b)
                _add(up[place[2]], i, j, f, g, excess * influence)
                _add(down[place[2]], i, j, f, g, influence)
        _to_cells(shares, n_frames, up, mine, found[region[entry]])
        _to_cells(shares, n_frames, down, ones, asked[region[entry]])
