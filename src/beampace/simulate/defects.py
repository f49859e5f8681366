"""Pixels that do not do as they should: gaps, dead ones and hot ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.simulate.streams import GOLDEN, poisson, start, unit

_PURPOSE_HOT = 3


@dataclass(frozen=True, slots=True)
class Defects:
    """How many pixels are bad.

    Attributes:
        dead: pixels that never count and are in the mask.
        hot: pixels that fire and are not in the mask.
        hot_counts: mean counts of a hot pixel when it fires.
        hot_share: share of the frames in which it does.
    """

    dead: int = 20
    hot: int = 5
    hot_counts: float = 400.0
    hot_share: float = 0.8


@dataclass(frozen=True, slots=True)
class BadPixels:
    """Where they are, as positions in the flattened frame.

    Attributes:
        no_data: gaps and half of the dead pixels: they read all ones.
        zero: the other dead pixels: they read 0.
        hot: hot pixels.
    """

    no_data: npt.NDArray[np.int64]
    zero: npt.NDArray[np.int64]
    hot: npt.NDArray[np.int64]


def place_defects(gaps: npt.NDArray[np.bool_], defects: Defects, seed: int) -> BadPixels:
    """Choose bad pixels among the live ones; `gaps` is True where there is no pixel, (slow, fast)."""
    rng = np.random.default_rng((seed, 0xDEAD))
    live = np.flatnonzero(~gaps)
    chosen = rng.choice(live, min(defects.dead + defects.hot, live.size), replace=False)
    dead, hot = chosen[: defects.dead], chosen[defects.dead :]
    half = len(dead) // 2
    no_data = np.concatenate([np.flatnonzero(gaps), dead[:half]])
    return BadPixels(np.sort(no_data), np.sort(dead[half:]), np.sort(hot))


def apply_defects(
    frame: npt.NDArray[np.unsignedinteger], bad: BadPixels, defects: Defects, seed: int, number: int
) -> None:
    """Give the bad pixels of frame `number` what they read."""
    flat = frame.reshape(-1)
    _fire(flat, bad.hot, defects.hot_counts, defects.hot_share, seed, number)
    flat[bad.zero] = 0
    flat[bad.no_data] = np.iinfo(frame.dtype).max


@njit(cache=True, nogil=True)
def _fire(
    flat: npt.NDArray[np.unsignedinteger],
    hot: npt.NDArray[np.int64],
    mean: float,
    share: float,
    seed: int,
    number: int,
) -> None:
    state = start(seed, number, _PURPOSE_HOT)
    for pixel in hot:
        state += GOLDEN
        if unit(state) < share:
            count, state = poisson(mean, state)
            flat[pixel] += count
