"""Faults that are injected while a beamtime is played."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.simulate.beamtime.acts import Act, Deed
from beampace.simulate.beamtime.daemon import Daemon, set_clock
from beampace.simulate.beamtime.processes import descendants, kill, running_attempts

SMALL_DISK = 4 * 1024**3
"""A file system larger than this, in bytes, is not filled."""
BALLAST = ".ballast"
PATIENCE_S = 20.0
"""Seconds for which a running job is waited for when one is to be killed."""


@dataclass
class Mischief:
    """Injects faults and says what it did.

    Attributes:
        daemon: the daemon, or None when the player did not start it.
        state_dir: of the daemon, or None when it is not known.
        results: directory whose file system is filled, if it is a small one of its own.
        clock_file: file by which the daemon's clock is stepped, or None.
        sleep: waits so many seconds.
    """

    daemon: Daemon | None
    state_dir: Path | None
    results: Path
    clock_file: Path | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _offset_s: float = 0.0
    _killed: set[Path] = field(default_factory=set)

    def inject(self, act: Act) -> str:
        """Let a fault happen; what was done, as words.

        Raises:
            BeampaceError: it could not be done; the detail says why.
            OSError: the same, by the system.
        """
        match act.deed:
            case Deed.KILL_DAEMON:
                return self._kill_daemon(act.value)
            case Deed.KILL_JOB:
                return self._kill_job(act.value)
            case Deed.STEP_CLOCK:
                return self._step_clock(act.value)
            case Deed.FILL_DISK:
                return fill_disk(self.results)
            case Deed.FREE_DISK:
                return free_disk(self.results)
            case _:
                raise failure(Failure.BAD_REQUEST, f"{act.deed} is no fault.")

    def _kill_daemon(self, value: float) -> str:
        daemon = self._needed()
        pid = daemon.pid
        daemon.kill()
        self.sleep(value)
        daemon.start()
        return f"daemon {pid} killed, started again {value:.2f} s later as {daemon.pid}"

    def _kill_job(self, value: float) -> str:
        """Kill the launcher of a running first attempt, or one of the processes below it."""
        if self.state_dir is None:
            raise failure(Failure.BAD_REQUEST, "No job is killed: the daemon's --config names no state_dir.")
        until = self.clock() + PATIENCE_S
        while self.clock() < until:
            for directory, launcher in running_attempts(self.state_dir):
                below = descendants(launcher)
                if directory in self._killed or not below:
                    continue
                chosen = [launcher, *below][int(value * (1 + len(below)))]
                if kill(chosen):
                    self._killed.add(directory)
                    what = "launcher" if chosen == launcher else "process"
                    return f"{what} {chosen} of the attempt {directory.name} killed"
            self.sleep(0.02)
        raise failure(Failure.BAD_REQUEST, f"No job ran for {PATIENCE_S:.0f} s that could be killed.")

    def _step_clock(self, value: float) -> str:
        if self.clock_file is None:
            raise failure(Failure.BAD_REQUEST, "The daemon's clock cannot be stepped.")
        self._offset_s += value
        set_clock(self.clock_file, self._offset_s)
        return f"clock stepped by {value:+.0f} s, now {self._offset_s:+.0f} s from the true time"

    def _needed(self) -> Daemon:
        if self.daemon is None:
            raise failure(Failure.BAD_REQUEST, "There is no daemon to kill.", "Give --daemon.")
        return self.daemon


def fill_disk(directory: Path) -> str:
    """Fill the file system of a directory, if it is a small one; what was done, as words.

    Raises:
        InputError: it is large, or the one that holds the parent directory.
        OSError: the ballast cannot be written.
    """
    space = os.statvfs(directory)
    size = space.f_blocks * space.f_frsize
    if size > SMALL_DISK or directory.stat().st_dev == directory.parent.stat().st_dev:
        raise failure(
            Failure.BAD_REQUEST,
            f"The disk is not filled: {directory} is not on a small file system of its own "
            f"({size / 1e9:.1f} GB).",
            "Mount one there, for instance a tmpfs of 200 MB.",
        )
    ballast = directory / BALLAST
    with ballast.open("wb", buffering=0) as stream:
        written = _pour(stream.fileno())
    return f"{written / 1e6:.1f} MB of ballast fill {directory}"


def _pour(descriptor: int) -> int:
    """Write until nothing more fits; bytes written."""
    block, written = b"\0" * 1048576, 0
    while block:
        try:
            written += os.write(descriptor, block)
        except OSError:  # full: the rest in ever smaller pieces
            block = block[: len(block) // 2]
    return written


def free_disk(directory: Path) -> str:
    """Take the ballast away."""
    (directory / BALLAST).unlink(missing_ok=True)
    return f"{directory} has room again"
