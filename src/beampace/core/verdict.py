"""The verdict: a result in plain words, with a code and a next step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from beampace.core.errors import BeampaceError


class Success(StrEnum):
    """Codes of verdicts of `process` that are no failure."""

    MERGED = "merged"
    LITTLE_DATA = "little_data"
    FINISHED = "finished"
    """A program of a recipe ended without error; what its files hold is not judged."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a user reads first.

    Attributes:
        code: a `Success` or a `Failure` code.
        words: one or two sentences.
        next_step: what to do now.
        warnings: things that are true of a result and should be known, as sentences.
    """

    code: str
    words: str
    next_step: str
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: BeampaceError, warnings: tuple[str, ...] = ()) -> Verdict:
        """The verdict of work that ended in `error`."""
        return cls(error.code.value, error.words, error.next_step, warnings)
