"""Results as the files tell them, for a check of the ledger against the disk."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from beampace.core.job import exit_of
from beampace.core.taxonomy import Exit

RESULT_FILE = "result.json"
MOST_BYTES = 64 * 1024 * 1024
MOST_DIRECTORIES = 10_000
MOST_OF_A_WORK = 100


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A `result.json`: its directory, the key of the job that made it ("" for none), the verdict's code."""

    directory: str
    job: str
    code: str = ""

    @property
    def is_answer(self) -> bool:
        """Whether it says something good or bad of the data; others may be followed by another attempt.

        An input that was refused is none: the data may have been there under another name.
        """
        return exit_of(self.code) in (Exit.RESULT, Exit.SCIENCE)


def is_answer(code: str) -> bool:
    """Whether an ending says something of the data: it was not cancelled, and no machine failed."""
    return exit_of(code) not in (Exit.INFRASTRUCTURE, Exit.CANCELLED)


def result_files(places: Iterable[Path]) -> Iterator[ResultFile]:
    """Every result in the numbered directories directly below `places`.

    Symbolic links are not followed; what cannot be read or is no JSON is passed over.
    """
    for place in places:
        for directory in _directories(place):
            document = _document(directory)
            if document is not None:
                yield ResultFile(str(directory), _job_of(document), _code_of(document))


def answer_of(place: Path, work: str, job: str) -> Path | None:
    """The directory of the latest result of a job that says something good or bad of its data, or None.

    Args:
        place: of the results; only the last of its directories `<work>_<NNN>` are looked at.
        work: `look`, ...
        job: key.
    """
    numbered = re.compile(rf"{re.escape(work)}_\d{{3,9}}")
    named = [path for path in _directories(place) if numbered.fullmatch(path.name)]
    for directory in sorted(named, key=lambda path: int(path.name.rpartition("_")[2]))[
        : -MOST_OF_A_WORK - 1 : -1
    ]:
        document = _document(directory)
        if document is not None and _job_of(document) == job:
            found = ResultFile(str(directory), job, _code_of(document))
            if found.code and found.is_answer:
                return directory
    return None


def _directories(place: Path) -> list[Path]:
    with suppress(OSError), os.scandir(place) as entries:
        found = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        return [Path(path) for path in sorted(found)[:MOST_DIRECTORIES]]
    return []


def _document(directory: Path) -> object | None:
    """The JSON of a result, or None."""
    try:
        handle = os.open(directory / RESULT_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            return None
        try:
            document: object = json.loads(file.read(MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return None
        return document


def _code_of(document: object) -> str:
    verdict = document.get("verdict") if isinstance(document, dict) else None
    return str(verdict.get("code", "")) if isinstance(verdict, dict) else ""


def _job_of(document: object) -> str:
    """`parameters.other.job`, wherever a part of it may be missing."""
    for name in ("parameters", "other", "job"):
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, str) else ""
