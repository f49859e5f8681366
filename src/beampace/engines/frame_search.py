"""What the look's kernels find in the frames of a scan, each frame read once, also while the scan grows."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, local
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from beampace.analysis import Analyser, Setup, find_hot_pixels, hot_sample
from beampace.analysis.geometry import d_star_sq
from beampace.core.engine import Request
from beampace.core.errors import InputError
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.eiger import Container, FrameReader, open_container

Frame = npt.NDArray[Any]
T = TypeVar("T")

log = logging.getLogger("beampace.engines")

TICK_S = 0.2
AHEAD = 4
"""Frames given out per thread beyond what is done: a cancelled search ends soon."""


@dataclass(frozen=True, slots=True)
class Finder(Generic[T]):
    """What is looked for in a frame.

    Attributes:
        find: what an analyser finds in a frame of a number.
        nothing: what a lost frame has.
    """

    find: Callable[[Analyser, Frame, int], T]
    nothing: Callable[[int], T]


class FrameSearch(Generic[T]):
    """What a finder finds in a scan from its first frame on, as far as it can be read.

    Args:
        request: frames, cores and resolution limit.
        finder: what is looked for.
    """

    def __init__(self, request: Request, finder: Finder[T]) -> None:
        self._request, self._finder = request, finder
        self._found: list[T] = []
        self._setup: Setup | None = None
        self._one_at_a_time = Lock()

    @property
    def shape(self) -> tuple[int, int]:
        """Of a frame (slow, fast); zeros before the first search."""
        return self._setup.shape if self._setup is not None else (0, 0)

    def until(
        self, last: int, on_frame: Callable[[], None], check: Callable[[], None], *, strict: bool = False
    ) -> list[T]:
        """What is in the request's first frame to `last`; only new frames are read.

        Args:
            last: number of the last frame; frames up to it can be read.
            on_frame: called once for each frame.
            check: called some times a second; what it raises ends the search.
            strict: whether a frame that cannot be read ends the search, to be read again later.

        Raises:
            InputError: a frame is not as announced; if strict also when one cannot be read, which otherwise
                has nothing.
        """
        while not self._one_at_a_time.acquire(timeout=TICK_S):
            check()
        try:
            self._search(last, on_frame, check, strict=strict)
            return self._found[: last - self._request.images[0] + 1]
        finally:
            self._one_at_a_time.release()

    def _search(
        self, last: int, on_frame: Callable[[], None], check: Callable[[], None], *, strict: bool
    ) -> None:
        for _ in self._found:
            on_frame()
        first = self._request.images[0] + len(self._found)
        if first > last:
            return
        # The dataset's own master, not the companion: its links are proven against its own directory.
        container = open_container(Path(self._request.dataset.master))
        reader = FrameReader(container)
        if self._setup is None:
            self._setup = _setup(container, reader, self._request, last)
        search = _Search(reader, self._setup, self._finder, strict=strict)
        with ThreadPoolExecutor(self._request.cores) as pool:
            for found in in_order(pool, search, range(first, last + 1), AHEAD * self._request.cores, check):
                self._found.append(found)
                on_frame()


class _Search(Generic[T]):
    """One frame to what is in it, on any thread."""

    def __init__(self, reader: FrameReader, setup: Setup, finder: Finder[T], *, strict: bool) -> None:
        self._reader, self._setup, self._finder = reader, setup, finder
        self._strict, self._own = strict, local()

    def __call__(self, number: int) -> T:
        analyser: Analyser | None = getattr(self._own, "analyser", None)
        if analyser is None:
            analyser = self._own.analyser = Analyser(self._setup)
        try:
            return self._finder.find(analyser, self._reader.read(number), number)
        except InputError as lost:
            if self._strict or lost.code is Failure.METADATA_INCONSISTENT:
                raise
            # The ledger has it among the lost frames already; here it is one without spots.
            log.info("nothing is looked for: %s", lost)
            return self._finder.nothing(number)


def frame_counter(progress: Progress, stage: str, n_frames: int) -> Callable[[], None]:
    """Begin a stage; what is returned is called once for each of its frames."""
    progress.stage(stage, n_frames)
    done = itertools.count(1)
    return lambda: progress.advance(next(done))


def in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[int], T],
    frames: Iterable[int],
    ahead: int,
    check: Callable[[], None],
) -> Iterator[T]:
    """What work on each frame gives, in the order of the frames.

    Args:
        pool: threads that do it.
        work: on a frame of a number.
        frames: their numbers.
        ahead: frames given out beyond the one that is waited for.
        check: called some times a second; what it raises ends it.
    """
    waiting: list[Future[T]] = []
    try:
        for number in frames:
            waiting.append(pool.submit(work, number))
            if len(waiting) > ahead:
                yield _done(waiting.pop(0), check)
        while waiting:
            yield _done(waiting.pop(0), check)
    finally:
        for future in waiting:
            future.cancel()


def _done(future: Future[T], check: Callable[[], None]) -> T:
    while not wait_for([future], TICK_S).done:
        check()
    check()
    return future.result()


def _setup(container: Container, reader: FrameReader, request: Request, last: int) -> Setup:
    """What all frames share, without hot pixels and without what lies beyond the resolution limit.

    Hot pixels are looked for in the frames up to `last`.
    """
    dataset = request.dataset
    setup = Setup.make(dataset.detector, dataset.beam, _mask(container, request))
    first = request.images[0]
    numbers = [first + number - 1 for number in hot_sample(last - first + 1)]
    return find_hot_pixels(setup, _readable(reader, numbers), dataset.scan.width)


def _readable(reader: FrameReader, numbers: Iterable[int]) -> Iterator[tuple[int, Frame]]:
    for number in numbers:
        with suppress(InputError):
            yield number, reader.read(number)


def _mask(container: Container, request: Request) -> npt.NDArray[np.bool_] | None:
    mask, limit = container.mask(), request.d_min
    if limit is None:
        return mask
    nx, ny = request.dataset.detector.image_size
    x, y = np.arange(nx)[None, :] + 0.5, np.arange(ny)[:, None] + 0.5
    beyond = d_star_sq(request.dataset.detector, request.dataset.beam, x, y) > 1 / limit**2
    return beyond if mask is None else mask | beyond
