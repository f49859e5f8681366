"""What the end of a DIALS program means: (step, return code, text) to a row of the taxonomy."""

from __future__ import annotations

import re
from dataclasses import dataclass

from beampace.core.errors import BeampaceError, EngineCrashed, failure
from beampace.core.taxonomy import Failure
from beampace.engines.dials.installation import HOW_TO_GET_FILTER

SIGKILL, SIGSEGV, SIGABRT, SIGBUS = 9, 11, 6, 7

_ANYWHERE: tuple[tuple[str, Failure], ...] = (
    (r"No space left on device|\[Errno 28\]|Disk quota exceeded|\[Errno 122\]", Failure.DISK_FULL),
    (r"MemoryError|std::bad_alloc|Cannot allocate memory|not enough memory", Failure.OUT_OF_MEMORY),
    (r"Read-only file system|\[Errno 30\]|\[Errno 13\] Permission denied", Failure.NOT_WRITABLE),
    (
        r"nexus_ext\.cc\(129\)|required filter .* is not registered|unable to open plugin"
        r"|can't open (plugin|directory)",
        Failure.ENGINE_MISSING,
    ),
)
_NO_LATTICE = (
    r"No suitable|[Tt]oo few|Sorry|Unrealistic|Indexing failed|[Ee]mpty reflection"
    r"|[Nn]o (indexed )?reflections|Dials(Index|Refine)\w*Error|indeterminate solution"
    r"|is_compatible_unit_cell|Unable to compose the crystal"
    r"|cholesky|[Ss]ingular|[Rr]efinement failed|RMSD too high|[Nn]ot enough|[Ii]nsufficient"
)
"""What dials.index and dials.refine say of data without a lattice, in order or as an exception."""

_BY_STEP: dict[str, tuple[tuple[str, Failure], ...]] = {
    "import": ((r"KeyError|bad version number|Unable to|ValueError|Sorry", Failure.METADATA_INCONSISTENT),),
    "find_spots": ((r"[Nn]o (spots|reflections|strong)|0 spots|must not be empty", Failure.NO_DIFFRACTION),),
    "index": ((_NO_LATTICE, Failure.NOT_INDEXED),),
    "refine": ((_NO_LATTICE, Failure.NOT_INDEXED),),
}
_AFTER_INDEXING = (
    (
        r"[Tt]oo few reflections|[Nn]ot enough|[Ii]nsufficient|No (reflections|suitable)"
        r"|[Zz]ero (reflections|pixels)|No integrated|no valid|empty|unable to|Sorry",
        Failure.NOT_INTEGRATED,
    ),
)
_CRASHED_LIKE = {
    "import": None,
    "find_spots": None,
    "index": Failure.NOT_INDEXED,
    "refine": Failure.NOT_INDEXED,
}
"""How the second tries after a crash are chosen: none leads past the first two steps."""

TRACEBACK = "Traceback (most recent call last)"

_TELLING = r"(Sorry|[Tt]oo few|No suitable|Unrealistic|\w*(Error|Exception|ASSERT)\w*)\b"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A code of the taxonomy, the particulars, and a hint that replaces the table's next step.

    Attributes:
        like: of a program that crashed: the ending whose second tries may get past it.
    """

    code: Failure
    detail: str
    hint: str = ""
    like: Failure | None = None

    def error(self) -> BeampaceError:
        """The exception to raise."""
        if self.like is not None:
            return EngineCrashed(self.detail, self.like)
        return failure(self.code, self.detail, self.hint)


def diagnose(step: str, returncode: int, text: str) -> Diagnosis:
    """Say what a failed step means.

    Args:
        step: name of the step (`import`, `find_spots`, `index`, ...).
        returncode: of the program, -N for signal N.
        text: everything it wrote.
    """
    said = last_words(text)
    for pattern, code in _ANYWHERE:
        if re.search(pattern, text):
            return _with_hint(step, code, said)
    if returncode == -SIGKILL:
        return Diagnosis(
            Failure.OUT_OF_MEMORY, f"dials.{step} was killed, as the system does when memory is short."
        )
    if returncode < 0:
        return Diagnosis(Failure.ENGINE_FAILED, f"dials.{step} was ended by signal {-returncode}. {said}")
    spoken = spoken_words(text)
    for pattern, code in _BY_STEP.get(step, _AFTER_INDEXING):
        if re.search(pattern, spoken):
            return Diagnosis(code, f"dials.{step} said: {said}")
    like = _CRASHED_LIKE.get(step, Failure.NOT_INTEGRATED) if TRACEBACK in text else None
    return Diagnosis(Failure.ENGINE_FAILED, f"dials.{step} ended with code {returncode}. {said}", like=like)


def spoken_words(text: str) -> str:
    """What speaks of the reason: everything, or after a crash the exception without the lines of code.

    Lines of code quote messages that were not given; warnings before a crash were no reason to end.
    """
    before, crashed, after = text.partition(TRACEBACK)
    if not crashed:
        return before
    return "\n".join(line for line in after.splitlines() if line and not line[0].isspace())


def last_words(text: str, limit: int = 300) -> str:
    """The line that says why: the last `Sorry:` or exception, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(_TELLING, line)]
    last = (telling or lines or ["nothing"])[-1]
    return _sentence(last[:limit])


def _sentence(line: str) -> str:
    """A line of output as a sentence: no run of blanks, no colon at its end."""
    return " ".join(line.split()).rstrip(" .:;,") + "."


def _with_hint(step: str, code: Failure, said: str) -> Diagnosis:
    if code is Failure.ENGINE_MISSING:
        return Diagnosis(
            code,
            f"dials.{step} cannot decode bitshuffle-LZ4 frames: the HDF5 plug-in is absent.",
            HOW_TO_GET_FILTER + ".",
        )
    return Diagnosis(code, f"dials.{step} said: {said}")
