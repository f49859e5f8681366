"""The reader process as its owner sees it: started when needed, killed when it hangs, then replaced."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from pydantic import ValidationError

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.watch.child import Child
from beampace.watch.messages import ANSWERS, MAX_LINE, Answer, Question


class Helper:
    """One reader process that answers one question at a time."""

    def __init__(self, deadline_s: float, command: Sequence[str] | None = None) -> None:
        """Nothing is started yet.

        Args:
            deadline_s: seconds one question may take.
            command: program to run instead of the reader.
        """
        reader = [sys.executable, "-P", "-m", "beampace.watch.reader", f"{2 * deadline_s:g}"]
        self._child = Child(command or reader, MAX_LINE)
        self._deadline_s = deadline_s

    def ask(self, question: Question) -> Answer:
        """Put a question and wait for the answer, at most until the deadline.

        Raises:
            InfrastructureError: the reader crashed (`engine_failed`), was too slow (`timed_out`), or could
                not be started; it is gone, and the next question starts another.
        """
        try:
            self._child.start()
            self._child.say(question.model_dump_json().encode() + b"\n")
            return ANSWERS.validate_json(self._child.line(time.monotonic() + self._deadline_s))
        except TimeoutError as error:
            self._child.end()
            detail = f"Reading {question.master} took more than {self._deadline_s:g} s."
            raise failure(Failure.TIMED_OUT, detail, "See whether the file system answers.") from error
        except (OSError, EOFError, ValidationError, ValueError) as error:
            said = self._child.end()
            detail = f"The process that read {question.master} ended or answered nonsense: {error}. {said}"
            raise failure(Failure.ENGINE_FAILED, detail[:2000], "Look at this file; others go on.") from error

    def warm(self) -> None:
        """Start the process, so that the first question need not wait for it.

        Raises:
            InfrastructureError: it cannot be started (`engine_failed`).
        """
        try:
            self._child.start()
        except (OSError, EOFError, TimeoutError) as error:
            said = self._child.end()
            raise failure(Failure.ENGINE_FAILED, f"The reader cannot be started: {error}. {said}") from error

    @property
    def pid(self) -> int | None:
        """Its process id, or None while none runs."""
        return self._child.pid

    def close(self) -> None:
        """End the process, also while it is asked something; it cannot be used again."""
        self._child.close()

    def tidy(self) -> None:
        """Let go of everything; nobody may be waiting for an answer."""
        self._child.end()
