"""One process inside DIALS's Python for all steps of a job: it has imported DIALS once, and knows shortcuts.

`inside.host` is the other side, and says what is asked and answered.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beampace.engines.dials.installation import DialsInstallation, interpreter
from beampace.engines.runner import Outcome

KNOWN_VERSIONS = ("3.12",)
"""Of DIALS, whose functions the shortcuts take the place of; others run as plain programs."""
PATIENCE_S = 120.0
"""How long the first imports may take on a busy file system."""
POLL_S = 0.1
CODEC = "BEAMPACE_CODEC"
INSIDE = Path(__file__).parent
START = """
import os, sys
answers = os.dup(1)
os.dup2(2, 1)
here = sys.argv.pop(1)
sys.path[:] = [place for place in sys.path if place] + [here]
from inside.host import main
main(answers)
"""
"""What is printed while DIALS is imported is no answer; nothing is imported from the working directory."""


class Refused(Exception):
    """There is no session with this DIALS; the message says why."""


@dataclass(slots=True)
class Session:
    """A running process; one order at a time.

    Attributes:
        process: it; `version`: of its DIALS.
        learned: experiment list whose frames it last learned to read.
    """

    process: subprocess.Popen[bytes]
    version: str = ""
    learned: Path | None = None
    _rest: bytes = b""

    def run(
        self,
        order: Mapping[str, Any],
        log: Path,
        check: Callable[[], None],
        on_line: Callable[[str], None] | None = None,
    ) -> Outcome:
        """Have an order carried out; the same contract as `runner.run`, but that nobody need listen.

        Raises:
            OSError: the log cannot be opened.
            Exception: whatever `check` raises; the session has ended then.
        """
        started = time.monotonic()
        lines: list[str] = []
        with log.open("w", encoding="utf-8") as file:

            def keep(line: str) -> None:
                lines.append(line)
                file.write(line)
                if on_line is not None:
                    on_line(line)

            code = self._carry_out(order, keep, check)
        return Outcome(code, "".join(lines), time.monotonic() - started)

    def close(self) -> None:
        """End the process and whatever it started."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # An order that nobody read is still to be flushed.
                    pipe.close()
        _kill(self.process)

    def _carry_out(
        self, order: Mapping[str, Any], on_line: Callable[[str], None], check: Callable[[], None]
    ) -> int:
        try:
            self._send(order)
        except BrokenPipeError:
            return self.process.wait()
        try:
            while (answer := self.answer(check)) is not None:
                if "end" in answer:
                    return int(answer["end"])
                on_line(str(answer["line"]))
        except BaseException:
            _kill(self.process)
            raise
        _kill(self.process)
        return self.process.returncode

    def _send(self, order: Mapping[str, Any]) -> None:
        if self.process.stdin is None:
            raise BrokenPipeError
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self, check: Callable[[], None]) -> Mapping[str, Any] | None:
        """The next line; None when the process has ended."""
        if self.process.stdout is None:
            return None
        descriptor = self.process.stdout.fileno()
        while b"\n" not in self._rest:
            check()
            if not select.select([descriptor], [], [], POLL_S)[0]:
                if self.process.poll() is not None:
                    return None  # Whatever it started may hold the pipe open.
                continue
            part = os.read(descriptor, 1 << 16)
            if not part:
                return None
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        answer: Mapping[str, Any] = json.loads(line)
        return answer


def begin(installation: DialsInstallation, environment: Mapping[str, str], directory: Path) -> Session:
    """Start a process in a directory without waiting for it: its imports take a while.

    Raises:
        Refused: its Python cannot be found or started.
    """
    program = installation.find("dials.import", environment)
    python = interpreter(Path(program)) if program else None
    if python is None:
        raise Refused("the Python of DIALS cannot be found out")
    try:
        return Session(_started((python, "-c", START, str(INSIDE)), environment, directory))
    except OSError as error:
        raise Refused(f"{python} cannot be started: {error}") from error


def wait_for(session: Session, check: Callable[[], None]) -> Session:
    """The session once it is ready; it is closed when it will not be.

    Raises:
        Refused: its DIALS is of an unknown version, or a shortcut does not fit.
        Exception: whatever `check` raises.
    """
    if session.version:
        return session
    try:
        session.version = _ready(session, check)
    except BaseException:
        session.close()
        raise
    return session


def start(
    installation: DialsInstallation,
    environment: Mapping[str, str],
    directory: Path,
    check: Callable[[], None],
) -> Session:
    """Start a process in a directory and wait until it is ready; raises what `begin` and `wait_for` do."""
    return wait_for(begin(installation, environment, directory), check)


def _started(
    command: Sequence[str], environment: Mapping[str, str], directory: Path
) -> subprocess.Popen[bytes]:
    codec = importlib.util.find_spec("dectris.compression")
    chosen = dict(environment)
    if codec is not None and codec.origin:
        chosen[CODEC] = codec.origin
    return subprocess.Popen(
        list(command),
        env=chosen,
        cwd=directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        umask=0o022,
    )


def _ready(session: Session, check: Callable[[], None]) -> str:
    deadline = time.monotonic() + PATIENCE_S

    def in_time() -> None:
        check()
        if time.monotonic() > deadline:
            raise Refused(f"it did not start within {PATIENCE_S:.0f} s")

    try:
        answer = session.answer(in_time)
    except ValueError as error:
        raise Refused(f"it does not answer as it should: {error}") from error
    if answer is None:
        raise Refused("it ended while it imported DIALS")
    if "refused" in answer:
        raise Refused(str(answer["refused"]))
    version = str(answer["version"])
    if ".".join(version.split(".")[:2]) not in KNOWN_VERSIONS:
        raise Refused(f"DIALS {version} is not known to it")
    return version


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
