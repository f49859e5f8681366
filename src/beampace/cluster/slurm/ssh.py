"""Commands through ssh as the beamtime user; the connection lives in an event loop of its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm.line import Line, SshSettings, login_of
from beampace.cluster.slurm.transport import DEADLINE_S, Completed, Unreachable, unanswered
from beampace.core.errors import InfrastructureError, failure
from beampace.core.taxonomy import Failure

T = TypeVar("T")


class SshTransport:
    """Commands through ssh; see `Transport`.

    Args:
        resources: what the beamtime grants at this moment, or None before its start and after its stop.
        settings: how the cluster is reached.
    """

    def __init__(self, resources: Callable[[], OnlineResources | None], settings: SshSettings) -> None:
        self._resources = resources
        self._settings = settings
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._line = Line(settings)

    def run(self, argv: Sequence[str], stdin: bytes = b"", deadline_s: float = DEADLINE_S) -> Completed:
        """Run a command as the beamtime user; see `Transport`."""
        login = login_of(self._resources(), self._settings)
        if login is None:
            self.close()
            raise failure(Failure.BEAMTIME_CLOSED, "Outside a beamtime nothing is asked of the cluster.")
        return self._wait(self._line.run(login, argv, stdin, deadline_s), argv, deadline_s)

    def close(self) -> None:
        """End the connection and its thread; a later `run` makes new ones."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
            line, self._line = self._line, Line(self._settings)
        if loop is None or thread is None:
            return
        with contextlib.suppress(FutureTimeout):
            asyncio.run_coroutine_threadsafe(line.close(), loop).result(5.0)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5.0)

    @property
    def gateway(self) -> str:
        """The gateway through which commands go now, or ""."""
        return self._line.gateway

    def _wait(self, work: Coroutine[Any, Any, T], argv: Sequence[str], deadline_s: float) -> T:
        try:
            future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._running())
        except RuntimeError:  # closed by another thread at this moment
            work.close()
            raise Unreachable("the connection was just given up.") from None
        try:
            # The coroutine keeps its own deadline; this one only guards against a loop that hangs.
            return future.result(deadline_s + self._settings.patience_s + 5.0)
        except FutureTimeout as error:
            future.cancel()
            raise unanswered(argv, deadline_s) from error
        except CancelledError:
            detail = f"The connection was given up while {argv[0]} ran; whether it did its work is not known."
            raise InfrastructureError(Failure.NODE_LOST, detail) from None

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="slurm-ssh", daemon=True
                )
                self._thread.start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    finally:
        loop.close()
