"""Processes that open data files and draw: started when needed, killed when they hang, then replaced."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.watch.child import Child
from beampace.web.frames.maker import Made
from beampace.web.frames.messages import MAX_LINE, Drawn, FrameQuestion, NotDrawn

HEADS: TypeAdapter[Drawn | NotDrawn] = TypeAdapter(Drawn | NotDrawn)


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """Bounds of the drawing.

    Attributes:
        tiles: processes for tiles; pictures that people wait for live have one of their own.
        waiting: questions that may wait for each kind.
        deadline_s: for one question, once a process has it; as long it may wait for one.
        idle_s: without a question for so long, a process is ended.
    """

    tiles: int = 2
    waiting: int = 12
    deadline_s: float = 10.0
    idle_s: float = 300.0


class FrameProcesses:
    """Makes pictures of frames in processes of its own."""

    def __init__(self, limits: FrameLimits | None = None, command: Sequence[str] | None = None) -> None:
        """Nothing is started yet.

        Args:
            limits: bounds.
            command: program to run instead of the one that draws.
        """
        self._limits = limits or FrameLimits()
        drawer = [
            sys.executable, "-P", "-m", "beampace.web.frames.reader", f"{2 * self._limits.deadline_s:g}",
        ]  # fmt: skip
        given = list(command or drawer)
        self._live = _Lane(given, 1, self._limits)
        self._tiles = _Lane(given, self._limits.tiles, self._limits)
        self._ended = threading.Event()
        self._keeper: threading.Thread | None = None
        self._lock = threading.Lock()

    def make(self, question: FrameQuestion) -> Made:
        """Answer a question; errors as `FrameMaker.make`."""
        self._keep()
        lane = self._live if question.ask == "picture" else self._tiles
        return lane.ask(question)

    def warm(self) -> None:
        """Start a process of each kind beside the caller, so that the first picture waits for none."""
        self._keep()
        for lane in (self._live, self._tiles):
            threading.Thread(target=lane.warm, name="start a drawer", daemon=True).start()

    @property
    def pids(self) -> tuple[int, ...]:
        """Ids of the processes that run."""
        return (*self._live.pids, *self._tiles.pids)

    def close(self) -> None:
        """End the processes, also while they draw."""
        self._ended.set()
        for lane in (self._live, self._tiles):
            lane.close()

    def _keep(self) -> None:
        """See to it that idle processes are ended."""
        with self._lock:
            if self._keeper is None and not self._ended.is_set():
                self._keeper = threading.Thread(target=self._end_idle, name="end idle drawers", daemon=True)
                self._keeper.start()

    def _end_idle(self) -> None:
        while not self._ended.wait(self._limits.idle_s / 4):
            for lane in (self._live, self._tiles):
                lane.end_idle()


@dataclass(slots=True, eq=False)
class _Place:
    """A process and what it drew last."""

    child: Child
    about: Any = None
    used: float = 0.0


class _Lane:
    """Some processes of a kind, and those who wait for one."""

    def __init__(self, command: list[str], size: int, limits: FrameLimits) -> None:
        self._places = [_Place(Child(command, MAX_LINE)) for _ in range(size)]
        self._free = list(self._places)
        self._limits = limits
        self._waiting = 0
        self._turn = threading.Condition()
        self._closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(place.child.pid for place in self._places if place.child.pid is not None)

    def ask(self, question: FrameQuestion) -> Made:
        place = self._taken(question.about)
        try:
            return _asked(place.child, question, self._limits.deadline_s)
        finally:
            place.about, place.used = question.about, time.monotonic()
            self._given_back(place)

    def _given_back(self, place: _Place) -> None:
        with self._turn:
            if self._closed:
                place.child.end()
            self._free.append(place)
            self._turn.notify()

    def warm(self) -> None:
        """Start a process unless one runs; whoever asks next tells of what keeps it from starting."""
        if self.pids or self._closed:
            return
        try:
            place = self._taken(None)
        except BeampaceError:
            return
        with suppress(OSError, EOFError, TimeoutError):
            place.child.start()
        place.used = time.monotonic()
        self._given_back(place)

    def end_idle(self) -> None:
        """End processes that nobody asked for a while."""
        since = time.monotonic() - self._limits.idle_s
        with self._turn:
            for place in self._free:
                if place.child.pid is not None and place.used < since:
                    place.child.end()

    def close(self) -> None:
        with self._turn:
            self._closed = True
            for place in self._places:
                place.child.close()
            for place in self._free:
                place.child.end()
            self._turn.notify_all()

    def _taken(self, about: Any) -> _Place:
        """A free process, rather the one that has the frame decoded."""
        with self._turn:
            if self._waiting >= self._limits.waiting:
                raise _busy(f"{self._waiting} pictures are waited for already.")
            self._waiting += 1
            try:
                there = self._turn.wait_for(lambda: self._free or self._closed, self._limits.deadline_s)
            finally:
                self._waiting -= 1
            if self._closed:
                raise failure(Failure.ENGINE_FAILED, "The pages are being closed.")
            if not there:
                raise _busy("No process came free in time.")
            place = next((one for one in self._free if one.about == about), self._free[-1])
            self._free.remove(place)
            return place


def _busy(detail: str) -> Exception:
    return failure(Failure.REJECTED_BY_QUEUE, detail, "Ask again in a few seconds.")


def _asked(child: Child, question: FrameQuestion, deadline_s: float) -> Made:
    name = f"frame {question.frame} of {question.master.name}"
    try:
        child.start()
        until = time.monotonic() + deadline_s
        child.say(question.model_dump_json().encode() + b"\n")
        head = HEADS.validate_json(child.line(until))
        content = child.content(head.n_bytes, until) if isinstance(head, Drawn) else b""
    except TimeoutError as error:
        child.end()
        detail = f"Drawing {name} took more than {deadline_s:g} s."
        raise failure(Failure.TIMED_OUT, detail, "See whether the file system answers.") from error
    except (OSError, EOFError, ValidationError, ValueError) as error:
        said = child.end()
        detail = f"The process that drew {name} ended or answered nonsense: {error}. {said}"
        raise failure(Failure.ENGINE_FAILED, detail[:2000], "Try again; others go on.") from error
    if isinstance(head, NotDrawn):
        raise failure(head.code, head.detail, head.next_step)
    return Made(content, head.media_type)
