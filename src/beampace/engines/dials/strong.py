"""Strong pixels for DIALS by our own look kernel: a fifth of the time of its dispersion threshold.

Only the thresholding is ours. DIALS joins the pixels to spots, over frames and blocks of frames alike, and
filters them as it does those of its own finder, so that a spot at the border of two blocks is one spot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from beampace.analysis import Analyser
from beampace.core.engine import Request
from beampace.engines.frame_search import Finder, FrameSearch

Pixels = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]
"""Places in the flattened frame, and counts."""


@dataclass(frozen=True, slots=True, eq=False)
class StrongPixels:
    """Strong pixels of some frames.

    Attributes:
        sizes: pixels per frame, in the order of the frames.
        places: place of each in its flattened frame; counts: its value.
        shape: of a frame (slow, fast); first: number of the first frame, from 1.
    """

    sizes: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int32]
    shape: tuple[int, int]
    first: int

    def write(self, path: Path) -> None:
        """Write an `.npz` for the process inside DIALS's Python.

        Raises:
            OSError: it cannot be written.
        """
        shape = np.array([*self.shape, self.first])
        np.savez(path, sizes=self.sizes, places=self.places, counts=self.counts, shape=shape)


class PixelSearch:
    """Strong pixels of a scan from its first frame on, as far as it can be read.

    Args:
        request: frames, cores and resolution limit.
    """

    def __init__(self, request: Request) -> None:
        self._first = request.images[0]
        self._search = FrameSearch(request, Finder(_strong_pixels, _none))

    def until(
        self, last: int, on_frame: Callable[[], None], check: Callable[[], None], *, strict: bool = False
    ) -> StrongPixels:
        """The strong pixels of the request's first frame to `last`; see `FrameSearch.until`."""
        found = self._search.until(last, on_frame, check, strict=strict)
        return StrongPixels(
            np.array([len(places) for places, _ in found], np.int64),
            np.concatenate([places for places, _ in found]),
            np.concatenate([counts for _, counts in found]),
            self._search.shape,
            self._first,
        )


def _strong_pixels(analyser: Analyser, frame: npt.NDArray[Any], number: int) -> Pixels:
    return analyser.strong_pixels(frame, number)


def _none(number: int) -> Pixels:  # noqa: ARG001 (a lost frame)
    return np.zeros(0, np.int64), np.zeros(0, np.int32)
