"""Spots of a scan by our own finder, each frame read once, also while the scan grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from beampace.analysis import Analyser, FrameAnalysis, join_spots
from beampace.analysis.spots3d import JoinSettings, Reflections
from beampace.core.engine import Request
from beampace.engines.frame_search import Finder, FrameSearch


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Frames that were looked at, and numbers of those that could not be read."""

    frames: tuple[FrameAnalysis, ...]
    lost: frozenset[int] = frozenset()

    def reflections(self, settings: JoinSettings | None = None) -> Reflections:
        """Their spots, joined over frames."""
        return join_spots(self.frames, settings)


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


def _analyse(analyser: Analyser, frame: npt.NDArray[Any], number: int) -> FrameAnalysis | None:
    return analyser.analyse(frame, number)


def _nothing(number: int) -> FrameAnalysis | None:  # noqa: ARG001 (a lost frame)
    return None
