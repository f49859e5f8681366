"""A process asked by lines that answers in lines and bytes: started when needed, killed when it hangs."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import IO

from beampace.eiger import CHILD_ENVIRONMENT

START_S = 30.0
"""Seconds it may take to start; importing everything takes one on a busy machine."""

_READ = 1 << 16
_WORDS = 400


class Child:
    """One process of ours that answers one question at a time, and says a line when it is ready."""

    def __init__(self, command: Sequence[str], most_line: int) -> None:
        """Nothing is started yet.

        Args:
            command: the program and its arguments.
            most_line: most bytes of a line of its that are believed.
        """
        self._command = list(command)
        self._most_line = most_line
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._rest = bytearray()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Its process id, or None while none runs."""
        process = self._process
        return process.pid if process else None

    def start(self) -> None:
        """Start the process unless it runs.

        Raises:
            OSError, EOFError, TimeoutError: it cannot be started.
        """
        with self._lock:
            self._refuse_closed()
            if self._process and self._process.poll() is None:
                return
        self.end()
        self._errors = errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process ends
        with self._lock:
            self._refuse_closed()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | CHILD_ENVIRONMENT,
                cwd="/",
                bufsize=0,
            )
        self.line(time.monotonic() + START_S)

    def say(self, line: bytes) -> None:
        """Write a line to it, its end included.

        Raises:
            OSError, EOFError: it is gone.
        """
        process = self._process
        if process is None or process.stdin is None:
            raise EOFError("it has no input")
        process.stdin.write(line)

    def line(self, until: float) -> bytes:
        """The next line it says, its end included.

        Args:
            until: a moment of the monotonic clock.

        Raises:
            TimeoutError: it did not come in time.
            EOFError: the process ended, or the line has no end.
        """
        while b"\n" not in self._rest:
            if len(self._rest) > self._most_line:
                raise EOFError("its answer has no end")
            self._rest += self._piece(until)
        length = self._rest.index(b"\n") + 1
        return self._taken(length)

    def content(self, length: int, until: float) -> bytes:
        """The next `length` bytes; errors as `line`."""
        while len(self._rest) < length:
            self._rest += self._piece(until)
        return self._taken(length)

    def end(self) -> str:
        """Kill what runs and say its last words."""
        process, self._process = self._process, None
        errors, self._errors = self._errors, None
        self._rest.clear()
        if process:
            process.kill()
            _let_go(process)
        return _last_words(errors) if errors else ""

    def close(self) -> None:
        """End the process, also while it is asked something; it cannot be used again."""
        with self._lock:
            self._closed = True
            if self._process:
                self._process.kill()  # whoever waits for an answer sees the end of it and tidies up

    def _refuse_closed(self) -> None:
        if self._closed:
            raise EOFError("it was closed")

    def _piece(self, until: float) -> bytes:
        process = self._process
        if process is None or process.stdout is None:
            raise EOFError("it has no output")
        descriptor = process.stdout.fileno()
        if not select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
            raise TimeoutError
        piece = os.read(descriptor, _READ)
        if not piece:
            raise EOFError(f"exit {process.poll()}")
        return piece

    def _taken(self, length: int) -> bytes:
        taken = bytes(self._rest[:length])
        del self._rest[:length]
        return taken


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """Reap a killed process; one that is stuck in a file system is left to the system."""
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        threading.Thread(target=process.wait, name="reap a stuck reader", daemon=True).start()


def _last_words(errors: IO[bytes]) -> str:
    with errors:
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - _WORDS))
        return errors.read().decode("utf-8", "replace").strip()
