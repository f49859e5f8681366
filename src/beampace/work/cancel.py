"""Being asked to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from beampace.core.errors import Cancelled


@dataclass(slots=True)
class Switch:
    """A progress that says nothing, and stops the work once it is switched off from anywhere."""

    reason: str = ""
    _off: threading.Event = field(default_factory=threading.Event)

    def switch_off(self, reason: str) -> None:
        """Ask the work to stop at its next check."""
        self.reason = reason
        self._off.set()

    def stage(self, name: str, total: int = 0) -> None:
        """Nothing to do."""

    def advance(self, done: int) -> None:
        """Nothing to do."""

    def note(self, text: str) -> None:
        """Nothing to do."""

    def check(self) -> None:
        """Raise `Cancelled` once switched off."""
        if self._off.is_set():
            raise Cancelled(self.reason)


@contextmanager
def stopped_by_signals(switch: Switch) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM switch off; what was set before comes back afterwards.

    Only the main thread receives signals; elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (the interface of signal)
        switch.switch_off("Stopped by Ctrl-C." if number == signal.SIGINT else "Stopped by SIGTERM.")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
