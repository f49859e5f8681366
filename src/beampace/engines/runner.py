"""Running one program: its output to a log, its lines to whoever counts, its end never left to chance."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

POLL_S = 0.1
PATIENCE_S = 3.0
"""How long a program may take to stop by itself after SIGTERM."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended.

    Attributes:
        returncode: of the program; -N when signal N ended it.
        text: everything it wrote, stdout and stderr as they came.
        seconds: wall time.
    """

    returncode: int
    text: str
    seconds: float


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    log: Path,
    on_line: Callable[[str], None],
    check: Callable[[], None],
) -> Outcome:
    """Run a program in its own process group until it ends or `check` raises.

    Args:
        arguments: program and arguments; never given to a shell.
        environment: its whole environment.
        directory: its working directory.
        log: file that receives its output.
        on_line: called with each line as it comes, from another thread.
        check: called ten times a second; when it raises, the whole group is stopped first.

    Raises:
        OSError: the program or the log cannot be opened.
        Exception: whatever `check` raises.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        list(arguments),
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=0o022,
        text=True,
        errors="replace",
    )
    lines: list[str] = []
    reader = threading.Thread(target=_pump, args=(process.stdout, log, lines, on_line), daemon=True)
    try:
        reader.start()
        _wait(process, check)
    finally:
        stop_group(process)
        reader.join(PATIENCE_S)
    return Outcome(process.returncode, "".join(lines), time.monotonic() - started)


def _wait(process: subprocess.Popen[str], check: Callable[[], None]) -> None:
    while process.poll() is None:
        check()
        time.sleep(POLL_S)


def _pump(stream: IO[str] | None, log: Path, lines: list[str], on_line: Callable[[str], None]) -> None:
    """Copy lines until the program closes its output; a full disk must not block the program."""
    if stream is None:
        return
    file: IO[str] | None = None
    try:
        file = log.open("w", encoding="utf-8")
    except OSError as error:
        lines.append(f"beampace: {log}: {error}\n")
    with stream:
        for line in stream:
            lines.append(line)
            on_line(line)
            file = _written(file, line, lines)
    if file is not None:
        _closed(file, lines)


def _written(file: IO[str] | None, line: str, lines: list[str]) -> IO[str] | None:
    if file is None:
        return None
    try:
        file.write(line)
        file.flush()
    except OSError as error:
        lines.append(f"beampace: log: {error}\n")
        _closed(file, lines)
        return None
    return file


def _closed(file: IO[str], lines: list[str]) -> None:
    try:
        file.close()
    except OSError as error:
        lines.append(f"beampace: log: {error}\n")


def stop_group(process: subprocess.Popen[Any]) -> None:
    """End the whole group of a program: what it started outlives it otherwise."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
    _signal_group(process.pid, signal.SIGKILL)


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
