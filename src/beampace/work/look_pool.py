"""Threads that look at frames: each reads, decodes and analyses one frame at a time.

The decoder and the kernels release the GIL, so threads share the setup and the results without copying.
"""

from __future__ import annotations

import heapq
import logging
import os
import queue
import threading
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from beampace.analysis import Analyser, FrameAnalysis, Setup
from beampace.core.errors import BeampaceError
from beampace.core.frames import FrameFailure
from beampace.core.taxonomy import Failure
from beampace.eiger import FrameReader

MOST_KEPT = 5000
"""Spots kept of one frame for joining; only frames that are no crystal's have more."""

THREADS_PER_CORE = 4
"""More threads than this per core only cost memory."""

log = logging.getLogger("beampace.work")

_NO_PROFILE = np.zeros(0, np.float32)


def threads_of(cores: int | None) -> int:
    """Threads for the cores asked for, None for all this process may use; never many more than there are."""
    there = len(os.sched_getaffinity(0))
    return min(cores or there, THREADS_PER_CORE * there)


@dataclass(frozen=True, slots=True)
class Task:
    """One frame to look at: where it is, what the frames share, whether it has an answer already."""

    number: int
    reader: FrameReader
    setup: Setup
    keep_spots: bool
    again: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: an analysis, or why there is none."""

    task: Task
    analysis: FrameAnalysis | None
    failure: FrameFailure | None = None


@dataclass(slots=True)
class _Board:
    """Tasks, new frames first and in their order, and outcomes in the order they come."""

    heap: list[tuple[bool, int, int, Task]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    outcomes: queue.SimpleQueue[Outcome | BaseException] = field(default_factory=queue.SimpleQueue)
    submitted: int = 0
    closed: bool = False

    def put(self, task: Task) -> None:
        with self.changed:
            self.submitted += 1
            heapq.heappush(self.heap, (task.again, task.number, self.submitted, task))
            self.changed.notify()

    def take(self) -> Task | None:
        """The next task, or None when there will be no more."""
        with self.changed:
            while not self.heap and not self.closed:
                self.changed.wait()
            return None if self.closed else heapq.heappop(self.heap)[3]

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()


class LookPool:
    """Any number of threads that look at frames.

    Args:
        cores: threads.
    """

    def __init__(self, cores: int) -> None:
        self._board = _Board()
        self._threads = [
            threading.Thread(target=_work, args=(self._board,), name=f"look-{index}", daemon=True)
            for index in range(max(1, cores))
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what was not begun and wait for what was."""
        self._board.close()
        for thread in self._threads:
            thread.join()

    def submit(self, task: Task) -> None:
        """Have a frame looked at: new ones first, the lowest numbers first."""
        self._board.put(task)

    def collect(self, wait_s: float) -> list[Outcome]:
        """What was finished since the last call; waits for the first up to `wait_s`.

        Raises:
            MemoryError: a thread ran out of memory.
        """
        found: list[Outcome] = []
        try:
            found.append(_passed(self._board.outcomes.get(timeout=wait_s)))
            while True:
                found.append(_passed(self._board.outcomes.get_nowait()))
        except queue.Empty:
            return found


def counts_of(frame: NDArray[Any]) -> NDArray[Any]:
    """The frame as unsigned counts: signed and foreign-endian types of other writers are turned, not refused.

    Negative values become the markers of unusable pixels they stand for.
    """
    if frame.dtype.itemsize == 1:
        marked = frame == 255 if frame.dtype.kind == "u" else frame < 0
        return np.where(marked, np.uint16(65535), frame.astype(np.uint16))
    native = frame.astype(frame.dtype.newbyteorder("="), copy=False)
    return np.ascontiguousarray(native).view(f"u{frame.dtype.itemsize}")


def _passed(outcome: Outcome | BaseException) -> Outcome:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _work(board: _Board) -> None:
    """One thread: an analyser of its own, made anew when the setup changes."""
    analyser: Analyser | None = None
    while (task := board.take()) is not None:
        try:
            if analyser is None or analyser.setup is not task.setup:
                analyser = Analyser(task.setup)
            board.outcomes.put(_look(analyser, task))
        except BaseException as error:  # noqa: BLE001 (handed to the main thread, which raises it)
            board.outcomes.put(error)


def _look(analyser: Analyser, task: Task) -> Outcome:
    """Look at one frame. A boundary: whatever one frame brings about costs that frame only."""
    try:
        frame = counts_of(task.reader.read(task.number))
        return Outcome(task, compact(analyser.analyse(frame, task.number), keep_spots=task.keep_spots))
    except MemoryError:
        raise
    except BeampaceError as error:
        return Outcome(task, None, FrameFailure(error.code, error.detail))
    except OSError as error:
        return Outcome(task, None, FrameFailure(Failure.FILE_TRUNCATED, f"frame {task.number}: {error}."))
    except Exception as error:
        log.exception("frame %d", task.number)
        return Outcome(task, None, FrameFailure(Failure.ENGINE_FAILED, f"{type(error).__name__}: {error}"))


def compact(analysis: FrameAnalysis, *, keep_spots: bool) -> FrameAnalysis:
    """What is kept of an analysis: no profile, and spots only where they are joined."""
    spots = analysis.spots
    if not keep_spots:
        spots = spots.only(np.zeros(len(spots), np.bool_))
    elif len(spots) > MOST_KEPT:
        strongest = np.zeros(len(spots), np.bool_)
        strongest[np.argpartition(spots.intensity, -MOST_KEPT)[-MOST_KEPT:]] = True
        spots = spots.only(strongest)
    return replace(analysis, spots=spots, profile=_NO_PROFILE)
