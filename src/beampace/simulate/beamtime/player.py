"""The player: lets the acts of a script happen at their times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.simulate.beamtime.acts import Act, Deed
from beampace.simulate.beamtime.daemon import Daemon
from beampace.simulate.beamtime.mischief import Mischief
from beampace.simulate.beamtime.played import Played
from beampace.simulate.beamtime.stage import Stage

SLICE_S = 0.1
WRITE_EVERY_S = 2.0
_FAULTS = (Deed.KILL_DAEMON, Deed.KILL_JOB, Deed.FILL_DISK, Deed.FREE_DISK, Deed.STEP_CLOCK)


def _nothing() -> None:
    """Nobody asks the player to stop."""


def _unheard(act: Act) -> None:
    del act


def _at_once() -> bool:
    return True


@dataclass
class Player:
    """Plays a script.

    Attributes:
        stage: carries out what happens to files.
        mischief: injects faults, or None.
        daemon: started before the first act and stopped after the last one, or None.
        clock, sleep: seconds, for the pace.
        check: called often; raises to stop.
        told: called with each act after it happened.
        settled: asked before the end of the beamtime; it waits until True or for `settle_s`.
        after_stop_s: seconds for which the daemon is left alone after the end of the beamtime.
    """

    stage: Stage
    mischief: Mischief | None = None
    daemon: Daemon | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    check: Callable[[], None] = _nothing
    told: Callable[[Act], None] = _unheard
    settled: Callable[[], bool] = _at_once
    settle_s: float = 0.0
    after_stop_s: float = 0.0
    _written: float = field(default=float("-inf"))

    def play(self) -> Played:
        """Play the whole script; the truth is in `played.json` of the beamtime's directory too.

        Raises:
            OSError: files cannot be written.
            InfrastructureError: the daemon ended by itself.
            BeampaceError: `check` said so.
        """
        self.stage.beamtime.make()
        if self.daemon is not None:
            self.daemon.start()
        try:
            begin = self.clock()
            for act in self.stage.script.acts:
                self._wait(begin + act.at)
                if act.deed is Deed.STOP:
                    self._wait(self.clock() + self.settle_s, self.settled)
                self._carry_out(act)
            self._wait(self.clock() + self.after_stop_s)
        finally:
            if self.daemon is not None:
                self.daemon.stop()
            self._free()
            self._write(now=True)
        return self.stage.played

    def _wait(self, until: float, enough: Callable[[], bool] | None = None) -> None:
        """Wait for a moment, or less when it is enough."""
        while True:
            self.check()
            self._check_daemon()
            self._write()
            left = until - self.clock()
            if left <= 0 or (enough is not None and enough()):
                return
            self.sleep(min(SLICE_S, left))

    def _check_daemon(self) -> None:
        if self.daemon is not None and not self.daemon.running:
            raise failure(
                Failure.ENGINE_FAILED,
                f"The daemon ended by itself; its last words are in {self.daemon.output}.",
            )

    def _carry_out(self, act: Act) -> None:
        if act.deed in _FAULTS:
            self._inject(act)
        else:
            self.stage.carry_out(act)
        self.told(act)

    def _inject(self, act: Act) -> None:
        played = self.stage.played
        if self.mischief is None:
            played.skipped.append(f"{act.deed}: faults are not injected here")
            return
        try:
            played.injected.append((self.stage.now().isoformat(), self.mischief.inject(act)))
        except (BeampaceError, OSError) as error:
            played.skipped.append(f"{act.deed}: {error}")

    def _free(self) -> None:
        """Leave no ballast behind."""
        if self.mischief is not None and any(act.deed is Deed.FILL_DISK for act in self.stage.script.acts):
            self.mischief.inject(Act(0.0, Deed.FREE_DISK))

    def _write(self, *, now: bool = False) -> None:
        if now or self.clock() >= self._written + WRITE_EVERY_S:
            self.stage.played.write(self.stage.beamtime.root)
            self._written = self.clock()
