"""A thread that follows a dataset, so that frames are looked at while more are awaited."""

from __future__ import annotations

import queue
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from beampace.eiger import FollowSettings, Snapshot, follow

LEAST_S = 0.05
"""Least pause between two looks at a directory, when a look itself takes long."""


class _Stopped(Exception):
    """The follower is not wanted any more."""


class Follower:
    """Snapshots of a dataset as they come.

    Args:
        master: the master file.
        settings: when to look and when to stop.
    """

    def __init__(self, master: Path, settings: FollowSettings) -> None:
        self._master = master
        self._settings = settings
        self._found: queue.SimpleQueue[tuple[Snapshot, float] | BaseException] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._woke = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def latest(self, wait_s: float = 0.0) -> tuple[Snapshot, float] | None:
        """The newest snapshot not given yet and the monotonic time it was made, or None.

        Raises:
            InputError: the master cannot be read.
        """
        newest = None
        try:
            while True:
                found = (
                    self._found.get(timeout=wait_s) if wait_s and newest is None else self._found.get_nowait()
                )
                if isinstance(found, BaseException):
                    raise found
                newest = found
        except queue.Empty:
            return newest

    def _run(self) -> None:
        try:
            for snapshot in follow(self._master, self._settings, sleep=self._sleep):
                self._found.put((snapshot, time.monotonic()))
        except _Stopped:
            return
        except BaseException as error:  # noqa: BLE001 (handed to the main thread, which raises it)
            self._found.put(error)

    def _sleep(self, seconds: float) -> None:
        """Sleep until so long after the look before began: the time a look takes counts as waiting."""
        rest = self._woke + seconds - time.monotonic()
        if seconds > 0 and self._stop.wait(max(LEAST_S, rest)):
            raise _Stopped
        self._woke = time.monotonic()
