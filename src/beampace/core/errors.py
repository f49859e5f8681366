"""Exceptions of beampace.

BeampaceError          an ending named in the taxonomy, with particulars
+-- ScienceError       the data gave no answer; never retried by the machinery
|   +-- CrystalMoved   a part of the frames may give one
+-- InputError         the request or the file is wrong
+-- InfrastructureError   nothing is said about the data; may be tried again
|   +-- EngineCrashed   a program failed by a fault of its own; another way may get past it
+-- Cancelled          somebody asked to stop
"""

from __future__ import annotations

from beampace.core.taxonomy import TAXONOMY, Entry, Exit, Failure


class BeampaceError(Exception):
    """An ending of the taxonomy.

    Attributes:
        code: the code of the taxonomy.
        detail: the particulars: which file, which value.
        hint: a next step more precise than the table's, or "".
    """

    def __init__(self, code: Failure, detail: str, hint: str = "") -> None:
        self.code = code
        self.detail = detail
        self.hint = hint
        super().__init__(f"{code}: {self.words} Next: {self.next_step}")

    @property
    def entry(self) -> Entry:
        """The row of the taxonomy."""
        return TAXONOMY[self.code]

    @property
    def words(self) -> str:
        """Plain words and the particulars."""
        return f"{self.entry.words} {self.detail}".strip()

    @property
    def next_step(self) -> str:
        """What the user can do about it."""
        return self.hint or self.entry.next_step


class ScienceError(BeampaceError):
    """The data gave no answer."""


class CrystalMoved(ScienceError):
    """The crystal moved.

    Attributes:
        part: first and last frame, numbered from 1, of the longer part in which it did not.
    """

    def __init__(self, detail: str, hint: str, part: tuple[int, int]) -> None:
        self.part = part
        super().__init__(Failure.CRYSTAL_MOVED, detail, hint)


class InputError(BeampaceError):
    """The request or the file is wrong."""


class InfrastructureError(BeampaceError):
    """Something other than the data failed."""


class EngineCrashed(InfrastructureError):
    """A program of the engine ended by a fault of its own.

    Attributes:
        like: the ending whose second tries may get past it.
    """

    def __init__(self, detail: str, like: Failure) -> None:
        self.like = like
        super().__init__(Failure.ENGINE_FAILED, detail)


class Cancelled(BeampaceError):
    """Somebody asked to stop."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(Failure.CANCELLED, detail)


_BY_EXIT: dict[Exit, type[BeampaceError]] = {
    Exit.SCIENCE: ScienceError,
    Exit.BAD_INPUT: InputError,
    Exit.INFRASTRUCTURE: InfrastructureError,
}


def failure(code: Failure, detail: str, hint: str = "") -> BeampaceError:
    """The exception for `code`, of the class its row in the taxonomy asks for."""
    if code is Failure.CANCELLED:
        return Cancelled(detail)
    return _BY_EXIT[TAXONOMY[code].exit](code, detail, hint)
