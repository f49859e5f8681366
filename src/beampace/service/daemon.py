"""The daemon: one asyncio process that turns the loop, serves its socket and its HTTP interface."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from beampace.core.errors import BeampaceError
from beampace.core.sighting import Trouble
from beampace.service.desk import Desk
from beampace.service.metrics import Metrics
from beampace.service.reconcile import Reconciler, Turn
from beampace.store import Lease

FAULT_WAIT_S = 1.0
"""Pause after a turn that failed as a whole, so that a fault that stays does not fill the log."""


@dataclass(slots=True)
class Pulse:
    """Whether the loop turns.

    Attributes:
        started: when the daemon began.
        beat: monotonic moment at which the last turn ended.
        faults: turns that failed, one after another.
        troubles: what staff should know.
    """

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    beat: float = field(default_factory=time.monotonic)
    faults: int = 0
    troubles: tuple[Trouble, ...] = ()

    @property
    def age_s(self) -> float:
        """Seconds since the last turn ended."""
        return time.monotonic() - self.beat


@dataclass(slots=True)
class Daemon:
    """Turns the loop until it is told to stop; running jobs go on without it.

    Attributes:
        lease: what it holds of the ledger; without it no turn is taken.
        lock: held by a turn, and by commands that change the ledger.
        standing: what has been wrong since the start and stays so.
    """

    desk: Desk
    reconciler: Reconciler
    metrics: Metrics
    lease: Lease
    pulse: Pulse = field(default_factory=Pulse)
    lock: threading.Lock = field(default_factory=threading.Lock)
    standing: tuple[Trouble, ...] = ()
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What staff should know."""
        return (*self.standing, *self.pulse.troubles)

    def stand(self, *troubles: Trouble) -> None:
        """Take in what is wrong from the start: it is told for as long as the daemon lives."""
        self.standing += troubles
        for trouble in troubles:
            self.desk.log.warning("trouble", where=trouble.where, words=trouble.words)

    async def run(self) -> None:
        """Turn until a signal comes, or `stop` is called."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        self.desk.log.info("daemon.started", pid=os.getpid())
        try:
            while not self._stopping.is_set():
                await self._pause(await asyncio.to_thread(self.turn))
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            self.desk.log.info("daemon.stopped")

    def stop(self) -> None:
        """End after the turn that is under way."""
        self._stopping.set()

    def turn(self) -> float:
        """One turn; returns seconds to wait before the next.

        This is the boundary of the loop: whatever fails in a turn is logged and told to staff, and the next
        turn begins anew. Nothing is lost by it, since every step can be taken again.
        """
        began = time.monotonic()
        try:
            self.lease.ensure()
        except BeampaceError as error:
            return self._wait(error)
        try:
            with self.lock:
                turn = self.reconciler.turn()
        except Exception as error:  # noqa: BLE001 - the daemon outlives every fault of a turn
            return self._fault(error)
        self._told(turn)
        return max(0.0, self.desk.settings.watch.poll_s - (time.monotonic() - began))

    def _told(self, turn: Turn) -> None:
        self.pulse.beat, self.pulse.faults = time.monotonic(), 0
        for trouble in turn.troubles:
            if trouble not in self.pulse.troubles:
                details = "".join(trouble.details)
                self.desk.log.warning("trouble", where=trouble.where, words=trouble.words, details=details)
        self.pulse.troubles = turn.troubles
        self.metrics.turned(turn.seconds, turn.watch_seconds)

    def _wait(self, error: BeampaceError) -> float:
        """The ledger is not this daemon's at the moment: nothing is looked at, started or ended."""
        trouble = Trouble("ledger", error.words, error.next_step)
        if trouble not in self.pulse.troubles:
            self.desk.log.error("lease.lost", why=str(error))
        self.pulse.troubles = (trouble,)
        return FAULT_WAIT_S

    def _fault(self, error: Exception) -> float:
        self.pulse.faults += 1
        self.desk.log.error("turn.failed", why=f"{type(error).__name__}: {error}", exc_info=error)
        words = f"The daemon's loop failed: {type(error).__name__}: {error}."
        self.pulse.troubles = (Trouble("daemon", words, "See the daemon's log; it goes on trying."),)
        return min(FAULT_WAIT_S * self.pulse.faults, 30.0)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
