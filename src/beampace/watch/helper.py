"""The reader process as its owner sees it: started when needed, killed when it hangs, then replaced."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import IO

from pydantic import ValidationError

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.eiger import CHILD_ENVIRONMENT
from beampace.watch.messages import ANSWERS, MAX_LINE, Answer, Question

START_S = 30.0
"""Seconds it may take to start; importing everything takes one on a busy machine."""

_READ = 8192
_WORDS = 400


class Helper:
    """One reader process that answers one question at a time."""

    def __init__(self, deadline_s: float, command: Sequence[str] | None = None) -> None:
        """Nothing is started yet.

        Args:
            deadline_s: seconds one question may take.
            command: program to run instead of the reader.
        """
        reader = [sys.executable, "-P", "-m", "beampace.watch.reader", f"{2 * deadline_s:g}"]
        self._command = list(command or reader)
        self._deadline_s = deadline_s
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, question: Question) -> Answer:
        """Put a question and wait for the answer, at most until the deadline.

        Raises:
            InfrastructureError: the reader crashed (`engine_failed`), was too slow (`timed_out`), or could
                not be started; it is gone, and the next question starts another.
        """
        try:
            process = self._running()
            return _answer(_exchange(process, question.model_dump_json().encode() + b"\n", self._deadline_s))
        except TimeoutError as error:
            self._end()
            detail = f"Reading {question.master} took more than {self._deadline_s:g} s."
            raise failure(Failure.TIMED_OUT, detail, "See whether the file system answers.") from error
        except (OSError, EOFError, ValidationError, ValueError) as error:
            said = self._end()
            detail = f"The process that read {question.master} ended or answered nonsense: {error}. {said}"
            raise failure(Failure.ENGINE_FAILED, detail[:2000], "Look at this file; others go on.") from error

    def warm(self) -> None:
        """Start the process, so that the first question need not wait for it.

        Raises:
            InfrastructureError: it cannot be started (`engine_failed`).
        """
        try:
            self._running()
        except (OSError, EOFError, TimeoutError) as error:
            said = self._end()
            raise failure(Failure.ENGINE_FAILED, f"The reader cannot be started: {error}. {said}") from error

    @property
    def pid(self) -> int | None:
        """Its process id, or None while none runs."""
        process = self._process
        return process.pid if process else None

    def close(self) -> None:
        """End the process, also while it is asked something; it cannot be used again."""
        with self._lock:
            self._closed = True
            if self._process:
                self._process.kill()  # whoever waits for an answer sees the end of it and tidies up

    def tidy(self) -> None:
        """Let go of everything; nobody may be waiting for an answer."""
        self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise EOFError("the watch was closed")
            if self._process and self._process.poll() is None:
                return self._process
        self._end()
        self._errors = errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process ends
        with self._lock:
            if self._closed:
                raise EOFError("the watch was closed")
            self._process = process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | CHILD_ENVIRONMENT,
                cwd="/",
                bufsize=0,
            )
        _receive(process, START_S)
        return process

    def _end(self) -> str:
        """Kill what runs and say its last words."""
        process, self._process = self._process, None
        errors, self._errors = self._errors, None
        if process:
            process.kill()
            _let_go(process)
        return _last_words(errors) if errors else ""


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


def _exchange(process: subprocess.Popen[bytes], line: bytes, within_s: float) -> bytes:
    if process.stdin is None:
        raise EOFError("it has no input")
    process.stdin.write(line)
    return _receive(process, within_s)


def _receive(process: subprocess.Popen[bytes], within_s: float) -> bytes:
    """One line from the process.

    Raises:
        TimeoutError: it did not come in time.
        EOFError: the process ended, or the line has no end.
    """
    if process.stdout is None:
        raise EOFError("it has no output")
    until, line = time.monotonic() + within_s, bytearray()
    descriptor = process.stdout.fileno()
    while not line.endswith(b"\n"):
        if not select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
            raise TimeoutError
        piece = os.read(descriptor, _READ)
        if not piece or len(line) > MAX_LINE:
            raise EOFError(f"exit {process.poll()}" if not piece else "its answer has no end")
        line += piece
    return bytes(line)


def _answer(line: bytes) -> Answer:
    return ANSWERS.validate_json(line)
