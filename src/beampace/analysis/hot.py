"""Hot pixels: pixels that fire by themselves in most frames.

They are found once, on a fixed sample of frames, before the frames are looked at; so the answer for a frame
depends neither on the order in which frames are looked at nor on how many threads do it. While a dataset is
still being written, frames looked at before the sample is complete are looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from beampace.analysis.frame import HIGHEST, Analyser
from beampace.analysis.setup import Setup

SAMPLE = 20
LEAST_SAMPLE = 5
"""With fewer frames nothing is said: a test shot seen twice is no evidence."""
WIDEST_STEP = 5
"""Frames between two of the sample at most: the sample is complete early in a long scan."""
MOST_FRAMES = 0.5
"""A pixel that fires in more than this fraction of the sample is hot."""
FAR = 5.0
"""Degrees over which no reflection stays on the detector for more than half of the frames."""
ALONE = 0.8
"""Where the sample turns little, a hot pixel must be alone in this fraction of its firings."""

Frame = npt.NDArray[np.unsignedinteger]


def hot_sample(n_frames: int) -> tuple[int, ...]:
    """Numbers of the frames in which hot pixels are looked for: up to 20, at most 5 apart."""
    step = max(1, min(WIDEST_STEP, n_frames // SAMPLE))
    return tuple(range(1, n_frames + 1, step))[:SAMPLE]


def find_hot_pixels(setup: Setup, frames: Iterable[tuple[int, Frame]], width: float) -> Setup:
    """The setup without the pixels that fire in more than half of the given frames.

    Args:
        setup: of the dataset.
        frames: (number, frame) of the readable frames of `hot_sample`, in any order.
        width: degrees the sample turns per frame. Where it turns little between the first frame and the last,
            reflections stay, and only pixels that fire without their neighbours are taken to be hot.

    Raises:
        InputError: as `Analyser.analyse`.
    """
    analyser = Analyser(setup)
    fired = np.zeros(setup.shape, np.uint8)
    alone = np.zeros(setup.shape, np.uint8)
    numbers: list[int] = []
    for number, frame in frames:
        seeds, background = analyser.seeds(frame, number)
        single = seeds[_alone(setup, frame, seeds, background)]
        marked = np.argwhere((frame > HIGHEST[frame.dtype]) & (setup.valid > 0))
        for tally, pixels in ((fired, seeds), (fired, marked), (alone, single), (alone, marked)):
            tally[pixels[:, 0], pixels[:, 1]] += 1
        numbers.append(number)
    n_frames = len(numbers)
    if n_frames < LEAST_SAMPLE:
        return setup
    hot = fired > MOST_FRAMES * n_frames
    if abs(width) * (max(numbers) - min(numbers)) < FAR:
        hot &= alone >= ALONE * fired
    return setup.without(np.argwhere(hot).astype(np.int32)) if hot.any() else setup


def _alone(
    setup: Setup, frame: Frame, seeds: npt.NDArray[np.int32], background: npt.NDArray[np.float32]
) -> npt.NDArray[np.bool_]:
    """Seeds whose eight neighbours together hold no more than the background would give.

    Four standard deviations and one count are allowed: a fainter excess proves no reflection.
    """
    ny, nx = setup.shape
    total, n = np.zeros(len(seeds)), np.zeros(len(seeds))
    for dy, dx in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)):
        y, x = seeds[:, 0] + dy, seeds[:, 1] + dx
        inside = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
        y, x = np.clip(y, 0, ny - 1), np.clip(x, 0, nx - 1)
        counts = frame[y, x].astype(np.float64)
        use = inside & (setup.valid[y, x] > 0) & (counts <= HIGHEST[frame.dtype])
        total, n = total + counts * use, n + use
    expected = n * np.maximum(background, 0)
    return np.asarray(total <= expected + 4 * np.sqrt(expected + 1))
