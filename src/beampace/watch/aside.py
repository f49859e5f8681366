"""A thread for what may hang: listings, proofs of paths, waiting for a helper."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from beampace.core.errors import Cancelled

_T = TypeVar("_T")
_Job = Callable[[], None]


class Aside:
    """Does calls one after another in a thread that does not keep the program from ending."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock, self._closed = threading.Lock(), False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, call: Callable[[], _T]) -> Future[_T]:
        """What the call returns or raises, when it has; `Cancelled` after closing."""
        future: Future[_T] = Future()

        def job() -> None:
            try:
                future.set_result(call())
            except Exception as error:  # noqa: BLE001 - the boundary: whoever asked is told
                future.set_exception(error)

        with self._lock:
            if self._closed:
                future.set_exception(Cancelled("It was closed."))
            else:
                self._jobs.put(job)
        return future

    def close(self, within_s: float = 5.0) -> None:
        """End the thread when what was asked is done; one that hangs is left behind."""
        with self._lock:
            self._closed = True
            self._jobs.put(None)
        self._thread.join(within_s)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
