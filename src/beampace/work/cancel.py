"""Being asked to stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType, MappingProxyType

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


_WORDS: Mapping[int, str] = MappingProxyType(
    {
        signal.SIGINT: "Stopped by Ctrl-C.",
        signal.SIGTERM: "Stopped by SIGTERM.",
        signal.SIGHUP: "Its terminal was closed (SIGHUP); nohup or tmux would keep it running.",
    }
)


@contextmanager
def stopped_by_signals(switch: Switch) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and the end of the terminal switch off; what was set before comes back afterwards.

    A signal that is ignored, as nohup does with SIGHUP, stays ignored. Only the main thread receives
    signals; elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    terminals = [file for file in (1, 2) if os.isatty(file)]

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (the interface of signal)
        if number == signal.SIGHUP:
            _write_nowhere(terminals)
        switch.switch_off(_WORDS[number])

    heeded = [number for number in _WORDS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write_nowhere(files: Iterable[int]) -> None:
    """Turn open files away from a terminal that is gone: each write to it would fail, the last words too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for file in files:
            os.dup2(nowhere, file)
    finally:
        os.close(nowhere)
