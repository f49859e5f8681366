"""Progress for others to read: `progress.json`, the log, and several listeners at once."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TextIO, runtime_checkable

from beampace.core.errors import BeampaceError
from beampace.core.ports import Progress
from beampace.results import write_text

SCHEMA = "progress/1"
EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Pace:
    """How far a stage is: frames done and in all, seconds since it began."""

    done: int = 0
    total: int = 0
    seconds: float = 0.0

    @property
    def per_second(self) -> float | None:
        """Frames per second so far, or None before the first."""
        return self.done / self.seconds if self.done and self.seconds > 0 else None

    @property
    def time_left(self) -> float | None:
        """Seconds left of this stage at the pace so far, or None when nothing is known."""
        rate = self.per_second
        return max(0, self.total - self.done) / rate if rate and self.total else None


@dataclass(slots=True)
class FileProgress:
    """Writes `progress.json`: atomically, at most twice a second, with a heartbeat at every check.

    A disk that refuses the file does not stop the work; `trouble` keeps the first refusal.
    """

    directory: Path
    clock: Callable[[], float] = time.monotonic
    trouble: str = ""
    _stage: str = "start"
    _total: int = 0
    _done: int = 0
    _note: str = ""
    _opened: str | None = None
    _since: float = 0.0
    _written: float = float("-inf")
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def stage(self, name: str, total: int = 0) -> None:
        """Begin a stage."""
        with self._lock:
            self._stage, self._total, self._done, self._since = name, total, 0, self.clock()
            self._write()

    def advance(self, done: int) -> None:
        """Say how many frames of the stage are done."""
        with self._lock:
            self._done = done
            if done > 0:
                self.opened()
            self._write_sometimes()

    def opened(self) -> None:
        """The first frame was opened; said once, at once, and kept to the end."""
        with self._lock:
            if self._opened is None:
                self._opened = _now()
                self._write()

    def note(self, text: str) -> None:
        """Keep the latest sentence."""
        with self._lock:
            self._note = text
            self._write()

    def check(self) -> None:
        """Beat."""
        with self._lock:
            self._write_sometimes()

    def finish(self, code: str) -> None:
        """The last state: how the work ended."""
        self.stage(f"ended: {code}")

    def _write_sometimes(self) -> None:
        if self.clock() - self._written >= EVERY_S:
            self._write()

    def _write(self) -> None:
        pace = Pace(self._done, self._total, self.clock() - self._since)
        content = {
            "schema": SCHEMA,
            "stage": self._stage,
            "done": pace.done,
            "total": pace.total,
            "frames_per_s": _rounded(pace.per_second),
            "time_left_s": _rounded(pace.time_left),
            "note": self._note,
            "pid": os.getpid(),
            "first_frame_at": self._opened,
            "heartbeat": _now(),
        }
        self._written = self.clock()
        try:
            write_text(self.directory / "progress.json", json.dumps(content) + "\n")
        except (OSError, BeampaceError) as error:
            self.trouble = self.trouble or str(error)


@dataclass(frozen=True, slots=True)
class LogProgress:
    """Writes stages and notes to the log."""

    log: logging.Logger

    def stage(self, name: str, total: int = 0) -> None:
        """Log the stage."""
        self.log.info("stage: %s%s", name, f" ({total} frames)" if total else "")

    def advance(self, done: int) -> None:
        """Frames are not logged."""

    def note(self, text: str) -> None:
        """Log the sentence."""
        self.log.info("%s", text)

    def check(self) -> None:
        """The log asks nobody to stop."""


@dataclass(slots=True)
class LineProgress:
    """Writes one line for each stage and note, as they come.

    A stream that refuses a line does not stop the work; `trouble` keeps the first refusal.
    """

    stream: TextIO
    trouble: str = ""

    def stage(self, name: str, total: int = 0) -> None:
        """Write the stage."""
        self.note(f"{name} ({total} frames)" if total else name)

    def advance(self, done: int) -> None:
        """Frames are not written."""

    def note(self, text: str) -> None:
        """Write the sentence."""
        try:
            self.stream.write(f"{_now()} {text}\n")
            self.stream.flush()
        except OSError as error:
            self.trouble = self.trouble or str(error)

    def check(self) -> None:
        """A stream asks nobody to stop."""


@runtime_checkable
class Opener(Protocol):
    """A progress that wants to know when the first frame was opened."""

    def opened(self) -> None:
        """The first frame was opened."""


def tell_opened(progress: Progress) -> None:
    """Say that a frame was opened, to a progress that wants to know."""
    if isinstance(progress, Opener):
        progress.opened()


@dataclass(frozen=True, slots=True)
class FanOut:
    """Several listeners as one."""

    listeners: Sequence[Progress]

    def stage(self, name: str, total: int = 0) -> None:
        """Tell all."""
        for listener in self.listeners:
            listener.stage(name, total)

    def advance(self, done: int) -> None:
        """Tell all."""
        for listener in self.listeners:
            listener.advance(done)

    def opened(self) -> None:
        """Tell those who want to know."""
        for listener in self.listeners:
            tell_opened(listener)

    def note(self, text: str) -> None:
        """Tell all."""
        for listener in self.listeners:
            listener.note(text)

    def check(self) -> None:
        """Ask all; the first that wants to stop stops the work."""
        for listener in self.listeners:
            listener.check()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
