"""The search for hot pixels beside the look: frames of a fixed sample, decoded ahead by a few threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from numpy.typing import NDArray

from beampace.analysis import Setup, find_hot_pixels
from beampace.core.errors import BeampaceError
from beampace.eiger import FrameReader
from beampace.work.look_pool import counts_of

Frame = NDArray[Any]


def find_hot(setup: Setup, reader: FrameReader, numbers: Sequence[int], width: float, cores: int) -> Setup:
    """The setup without hot pixels; frames that cannot be used are left out of the sample.

    Args:
        setup: of the dataset.
        reader: of its frames.
        numbers: the sample.
        width: degrees per frame.
        cores: threads that decode ahead.
    """
    with ThreadPoolExecutor(max(1, cores)) as pool:
        frames = _fitting(setup, _ahead(pool, reader, numbers, cores))
        return find_hot_pixels(setup, frames, width)


def _fitting(setup: Setup, frames: Iterator[tuple[int, Frame]]) -> Iterator[tuple[int, Frame]]:
    """Frames of the detector's shape; the look itself says what is wrong with the others."""
    return ((number, frame) for number, frame in frames if frame.shape == setup.shape)


def _ahead(
    pool: ThreadPoolExecutor, reader: FrameReader, numbers: Sequence[int], cores: int
) -> Iterator[tuple[int, Frame]]:
    waiting: deque[tuple[int, Future[Frame]]] = deque()
    for number in numbers:
        waiting.append((number, pool.submit(reader.read, number)))
        if len(waiting) > cores:
            yield from _read(waiting)
    while waiting:
        yield from _read(waiting)


def _read(waiting: deque[tuple[int, Future[Frame]]]) -> Iterator[tuple[int, Frame]]:
    number, future = waiting.popleft()
    with suppress(BeampaceError, OSError):
        yield number, counts_of(future.result())
