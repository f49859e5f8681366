"""Running the program of a recipe: its output straight to a file, its end never left to chance."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.engines.runner import stop_group

POLL_S = 0.1
MOST_LOG_BYTES = 1_000_000_000
"""A program that writes more than this to its output is ended: the disk is everybody's."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended.

    Attributes:
        returncode: of the program; -N when signal N ended it.
        seconds: wall time.
    """

    returncode: int
    seconds: float


def run_program(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    log: Path,
    check: Callable[[], None],
    limit_s: float,
) -> Ran:
    """Run a program in its own process group until it ends; the group never outlives this call.

    The group stays in the session of this process, so that whoever ends the session ends it too.

    Args:
        command: program and arguments; never given to a shell.
        environment: its whole environment.
        directory: its working directory.
        log: file that receives its output.
        check: called ten times a second; when it raises, the whole group is stopped first.
        limit_s: seconds after which it is ended.

    Raises:
        InfrastructureError: it is not there or cannot be started (engine_missing), took too long
            (timed_out), or writes without end (engine_failed).
        Exception: whatever `check` raises.
    """
    started = time.monotonic()
    with log.open("wb") as stream:
        process = _started(command, environment, directory, stream.fileno())
        try:
            while process.poll() is None:
                check()
                _check_limits(log, time.monotonic() - started, limit_s)
                time.sleep(POLL_S)
        finally:
            stop_group(process)
    return Ran(process.returncode, time.monotonic() - started)


def _started(
    command: Sequence[str], environment: Mapping[str, str], directory: Path, output: int
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command),
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            umask=0o022,
        )
    except OSError as error:
        raise failure(
            Failure.ENGINE_MISSING,
            f"{command[0]} cannot be started: {error.strerror}.",
            "Correct `command` or `prefix` in the recipe, or install the program.",
        ) from error


def _check_limits(log: Path, seconds: float, limit_s: float) -> None:
    if seconds > limit_s:
        raise failure(Failure.TIMED_OUT, f"The recipe grants {limit_s / 60:g} minutes.")
    if log.stat().st_size > MOST_LOG_BYTES:
        raise failure(Failure.ENGINE_FAILED, f"It wrote more than {MOST_LOG_BYTES / 1e6:.0f} MB to {log}.")
