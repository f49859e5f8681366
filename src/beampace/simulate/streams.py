"""Random numbers that belong to a frame, not to a worker.

Every frame draws from its own SplitMix64 stream (Steele, Lea & Flood 2014, OOPSLA 49, 453) whose start
is hashed from (seed, frame, purpose). Frames are therefore the same whatever the order or the number of
cores that make them.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_TO_UNIT = 1.0 / 9007199254740992.0  # 2**-53


@njit(cache=True, nogil=True, inline="always")
def mix(z: np.uint64) -> np.uint64:
    """The output function of SplitMix64."""
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@njit(cache=True, nogil=True)
def start(seed: int, frame: int, purpose: int) -> np.uint64:
    """State at which the stream of (seed, frame, purpose) begins."""
    state = mix(np.uint64(seed) + GOLDEN)
    state = mix(state ^ (np.uint64(frame) * GOLDEN + np.uint64(1)))
    return mix(state ^ (np.uint64(purpose) * _MIX_2 + np.uint64(1)))


@njit(cache=True, nogil=True, inline="always")
def unit(state: np.uint64) -> float:
    """The number in (0, 1) that belongs to `state`; add `GOLDEN` to the state for the next."""
    return (np.float64(mix(state) >> _S11) + 0.5) * _TO_UNIT


@njit(cache=True, nogil=True)
def poisson(mean: float, state: np.uint64) -> tuple[int, np.uint64]:
    """A Poisson number and the next state.

    Inversion below 10; above, Hörmann's transformed rejection PTRS (1993, Insurance: Mathematics and
    Economics 12, 39). Both are exact.
    """
    if mean <= 0.0:
        return 0, state
    if mean < 10.0:
        count, floor, product = 0, math.exp(-mean), 1.0
        while True:
            state += GOLDEN
            product *= unit(state)
            if product <= floor:
                return count, state
            count += 1
    return _poisson_large(mean, state)


@njit(cache=True, nogil=True)
def _poisson_large(mean: float, state: np.uint64) -> tuple[int, np.uint64]:
    root, log_mean = math.sqrt(mean), math.log(mean)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2.0)
    while True:
        state += GOLDEN
        u = unit(state) - 0.5
        state += GOLDEN
        v = unit(state)
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= v_r:
            return int(k), state
        if k < 0 or (us < 0.013 and v > us):
            continue
        if math.log(v * inverse_alpha / (a / (us * us) + b)) <= k * log_mean - mean - math.lgamma(k + 1.0):
            return int(k), state
