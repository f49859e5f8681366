"""Whether the crystal slipped: its orientation, block by block of frames, and sudden steps in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SPOTS_PER_BLOCK = 25
MIN_BLOCKS, MAX_BLOCKS = 6, 40
NEIGHBOURS = 4

LEAST_SLIP_DEG = 0.3
"""Smaller steps are within what scan-varying refinement and the spot width take up."""

SUDDEN = 0.7
"""Share of the change that must happen within two blocks: a drift changes evenly."""

OVER_NOISE = 5.0
LONG_DEG, LEAST_PART = 20.0, 0.25
"""Below such a sweep, and with a shorter part, a lattice of a wrong geometry can fit a part as well."""

WELL, BADLY = 0.8, 0.45
"""Shares of explained spots before and after a slip that is too large for one lattice."""


@dataclass(frozen=True, slots=True)
class Slip:
    """A sudden change of orientation.

    Attributes:
        frame: first frame after it, numbered from 1.
        degrees: its size; None when it is too large for the spots after it to be explained.
    """

    frame: int
    degrees: float | None

    def __str__(self) -> str:
        size = "" if self.degrees is None else f" by {self.degrees:.1f} degrees"
        return f"It turned{size} at about frame {self.frame}."


def find_slip(
    q: Floats, predicted: Floats, explained: NDArray[np.bool_], z: Floats, degrees: float
) -> Slip | None:
    """The largest slip, or None.

    Args:
        q: scattering vectors (n, 3) of all spots, crystal frame, 1/angstrom.
        predicted: lattice points (n, 3) they are indexed as; rows not `explained` are not read.
        explained: which spots the lattice explains (n,).
        z: where on the frames (n,); frame k covers k-1 to k.
        degrees: rotation that the frames cover.
    """
    lost = _share_step(explained, z) if degrees >= LONG_DEG else None
    if lost is not None:
        return lost
    order = np.flatnonzero(explained)[np.argsort(z[explained], kind="stable")]
    n_blocks = min(MAX_BLOCKS, len(order) // SPOTS_PER_BLOCK)
    if n_blocks < MIN_BLOCKS:
        return None
    blocks = np.array_split(order, n_blocks)
    turns = np.array([tilt(q[block], predicted[block]) for block in blocks])
    at = _step(turns)
    if at is None:
        return None
    before, after = _sides(turns, at)
    near = np.concatenate(blocks[max(0, at - 2) : at + 2])
    frame = _frame_of_change(q[near], predicted[near], z[near], (before, after))
    return Slip(frame, math.degrees(float(np.linalg.norm(after - before))))


def tilt(q: Floats, predicted: Floats) -> Floats:
    """Small rotation vector w (3,), radian, with q = p + w x p in least squares; outliers are left out."""
    used = np.ones(len(q), dtype=np.bool_)
    turn = np.zeros(3)
    for _ in range(3):
        # w x p = -p x w: the cross-product matrices of -p, stacked.
        columns, away = _cross_matrices(-predicted[used]), (q - predicted)[used].ravel()
        turn = np.asarray(np.linalg.lstsq(columns, away, rcond=None)[0], dtype=np.float64)
        misfit = np.linalg.norm(q - predicted - np.cross(turn, predicted), axis=1)
        used = misfit <= 4 * max(float(np.median(misfit)), 1e-9)
    return np.asarray(turn)


def _cross_matrices(p: Floats) -> Floats:
    x, y, z = p.T
    zero = np.zeros(len(p))
    rows = np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]])
    return np.asarray(rows.transpose(2, 0, 1).reshape(-1, 3))


def _sides(turns: Floats, at: int) -> tuple[Floats, Floats]:
    """Median orientation of the blocks before and from block `at`; the two next to it may be mixed."""
    before = turns[max(0, at - NEIGHBOURS) : max(1, at - 1)]
    after = turns[min(at + 1, len(turns) - 1) : at + 1 + NEIGHBOURS]
    return np.median(before, axis=0), np.median(after, axis=0)


def _step(turns: Floats) -> int | None:
    """The block at which the orientation changes most, when it does so suddenly."""
    inner = range(2, len(turns) - 1)
    sizes = [float(np.linalg.norm(np.subtract(*_sides(turns, at)))) for at in inner]
    if not sizes:
        return None
    sudden = [float(np.linalg.norm(turns[at + 1] - turns[at - 1])) for at in inner]
    at = int(np.argmax(np.minimum(sizes, sudden)))
    size = sizes[at]
    steps = np.linalg.norm(np.diff(turns, axis=0), axis=1)
    noise = float(np.median(steps))
    if size < math.radians(LEAST_SLIP_DEG) or size < OVER_NOISE * noise or sudden[at] < SUDDEN * size:
        return None
    return inner[at]


def _frame_of_change(q: Floats, predicted: Floats, z: Floats, turns: tuple[Floats, Floats]) -> int:
    """First frame that the second orientation fits better, from single spots."""
    costs = [np.linalg.norm(q - predicted - np.cross(turn, predicted), axis=1) for turn in turns]
    gain = costs[0] - costs[1]
    limit = 3 * float(np.median(np.abs(gain))) + 1e-12
    order = np.argsort(z)
    total = np.concatenate([[0.0], np.cumsum(np.clip(gain[order], -limit, limit))])
    first_after = int(np.argmin(total[:-1]))
    return int(np.floor(z[order][first_after])) + 1


def _share_step(explained: NDArray[np.bool_], z: Floats) -> Slip | None:
    """A frame at which the explained share of the spots falls from most to few, or rises so, and stays."""
    order = np.argsort(z, kind="stable")
    n_blocks = min(MAX_BLOCKS, len(order) // SPOTS_PER_BLOCK)
    if n_blocks < MIN_BLOCKS:
        return None
    shares = np.array([float(np.mean(explained[block])) for block in np.array_split(order, n_blocks)])
    good, bad = shares >= WELL, shares <= BADLY
    least = max(2, int(LEAST_PART * n_blocks))
    for at in range(least, n_blocks - least):
        sides = (slice(None, at), slice(at + 1, None))
        for one, other in (sides, sides[::-1]):
            # The block at the change may be mixed.
            if np.mean(good[one]) >= 0.9 and np.mean(bad[other]) >= 0.9:
                return Slip(_share_frame(explained[order], z[order], rising=one is sides[1]), None)
    return None


def _share_frame(explained: NDArray[np.bool_], z: Floats, *, rising: bool) -> int:
    """First frame after the change of the explained share: where the running sum turns."""
    middle = (WELL + BADLY) / 2
    gain = np.where(explained, 1.0, 0.0) - middle
    total = np.concatenate([[0.0], np.cumsum(gain)])[:-1]
    at = int(np.argmin(total)) if rising else int(np.argmax(total))
    return int(np.floor(z[at])) + 1
