"""Protocols at which the pure core meets the world; each has an in-memory twin here or nearby."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from beampace.core.engine import EngineRecord, Request


class Progress(Protocol):
    """Where work reports how far it is. Calls are cheap and never raise.

    `check` is the one exception: it raises `Cancelled` when somebody asked to stop.
    """

    def stage(self, name: str, total: int = 0) -> None:
        """Begin a stage of `total` frames (0: unknown)."""

    def advance(self, done: int) -> None:
        """Say how many frames of the stage are done."""

    def note(self, text: str) -> None:
        """Say one sentence, such as the reason for a second try."""

    def check(self) -> None:
        """Raise `Cancelled` when the work should stop."""


class Engine(Protocol):
    """A way to get from frames to merged reflections."""

    name: str

    def missing(self) -> tuple[str, ...]:
        """What is not installed, as sentences that say how to get it; empty when ready."""
        ...

    def versions(self) -> dict[str, str]:
        """Program -> version, for `check` and for every result; empty when not installed."""
        ...

    def process(self, request: Request, progress: Progress) -> EngineRecord:
        """Carry out a request.

        Raises:
            ScienceError: the data gave no merged result.
            InfrastructureError: a program is missing, crashed, or the disk is full.
            Cancelled: `progress.check` said so; nothing it started still runs.
        """
        ...


@dataclass(slots=True)
class RecordedProgress:
    """In-memory progress: keeps what it was told."""

    stages: list[tuple[str, int]] = field(default_factory=list)
    done: int = 0
    notes: list[str] = field(default_factory=list)

    def stage(self, name: str, total: int = 0) -> None:
        """Remember the stage."""
        self.stages.append((name, total))
        self.done = 0

    def advance(self, done: int) -> None:
        """Remember how far it is."""
        self.done = done

    def note(self, text: str) -> None:
        """Remember the sentence."""
        self.notes.append(text)

    def check(self) -> None:
        """Nobody asks an in-memory progress to stop."""
