"""Spots for IDXREF by our own finder, each frame read once: neither INIT nor COLSPOT is needed for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from beampace.analysis import Analyser, FrameAnalysis, join_spots
from beampace.analysis.spots3d import JoinSettings, Reflections
from beampace.core.engine import Request
from beampace.engines.frame_search import Finder, FrameSearch
from beampace.engines.xds.frame import HALF_PIXEL
from beampace.engines.xds.spot_xds import Spots

MOST = 100_000
"""Strongest spots that are handed over; XDS indexes 3000 of them and refines against all."""


WEAKER = JoinSettings(fewest_pixels=2, least_signal=2.0)


class SpotSearch:
    """Spots of a scan from its first frame on, as far as it can be read.

    Args:
        request: frames, cores and resolution limit.
    """

    def __init__(self, request: Request) -> None:
        self._first = request.images[0]
        self._search: FrameSearch[FrameAnalysis | None] = FrameSearch(request, Finder(_analyse, _nothing))

    def until(
        self, last: int, on_frame: Callable[[], None], check: Callable[[], None], *, strict: bool = False
    ) -> Found:
        """Spots of the request's first frame to `last`; see `FrameSearch.until`."""
        found = self._search.until(last, on_frame, check, strict=strict)
        lost = (number for number, one in enumerate(found, self._first) if one is None)
        return Found(tuple(one for one in found if one is not None), frozenset(lost))


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Frames that were looked at, and numbers of those that could not be read."""

    frames: tuple[FrameAnalysis, ...]
    lost: frozenset[int] = frozenset()

    def reflections(self) -> Reflections:
        """Their spots, joined over frames."""
        return join_spots(self.frames)

    def weaker(self) -> Spots:
        """Also spots of two pixels, and those just above the background."""
        return for_xds(join_spots(self.frames, WEAKER))


def as_xds(found: Reflections) -> Spots:
    """Spots as XDS counts: pixel centres are whole numbers from 1, the first frame begins at 0."""
    x, y, z = found.xyz.T
    return Spots(x + HALF_PIXEL, y + HALF_PIXEL, z.copy(), found.intensity)


def for_xds(found: Reflections) -> Spots:
    """The strongest spots, strongest first, without those in rings of ice."""
    kept = np.flatnonzero(~found.in_ice & ~found.overloaded)
    return only(as_xds(found), kept[np.argsort(-found.intensity[kept], kind="stable")][:MOST])


def only(spots: Spots, chosen: npt.NDArray[np.bool_ | np.intp] | slice) -> Spots:
    """Some of the spots."""
    return Spots(spots.x[chosen], spots.y[chosen], spots.z[chosen], spots.intensity[chosen])


def _analyse(analyser: Analyser, frame: npt.NDArray[Any], number: int) -> FrameAnalysis | None:
    return analyser.analyse(frame, number)


def _nothing(number: int) -> FrameAnalysis | None:  # noqa: ARG001 (a lost frame)
    return None
