"""What lies in a result directory: `result.json` and the files it names. Nothing there is trusted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from beampace.results import Result
from beampace.results.below import read_below
from beampace.web.downloads import safe_name, size_of, steps_of
from beampace.web.places import GONE, Below
from beampace.web.records.result import FileLine

RESULT = "result.json"
REPORT = "report.html"
ALWAYS = (RESULT, REPORT, "log.txt", "progress.json")
"""Files that are offered wherever they are, by their own name."""

MOST_BYTES = 50_000_000
"""Of `result.json`."""

MOST_FILES = 500
"""Files of a result that are offered one by one; the archive has the others."""

log = logging.getLogger("beampace.web")


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """The files of a result.

    Attributes:
        directory: where they are, or None when they are gone.
        result: what `result.json` holds, or None.
        gone: why it cannot be read, as a sentence.
    """

    directory: Below | None
    result: Result | None = None
    gone: str = ""

    def path_of(self, name: str) -> str | None:
        """Path of a file that is offered by a name, relative to the directory, or None."""
        return self.offered().get(name)

    def offered(self) -> Mapping[str, str]:
        """Name -> relative path; a path that leads out is not offered."""
        named = self.result.files if self.result else {}
        given = {
            name: path
            for name, path in list(named.items())[:MOST_FILES]
            if steps_of(path) and "/" not in name
        }
        return {**given, **{name: name for name in ALWAYS}}

    def lines(self) -> tuple[FileLine, ...]:
        """The files that are there; one that is named twice is offered once."""
        if self.directory is None:
            return ()
        seen: dict[str, FileLine] = {}
        for name, path in self.offered().items():
            size = size_of(self.directory, path) if path not in seen else None
            if size is not None:
                seen[path] = FileLine(name=name, file=path, n_bytes=size)
        return tuple(seen.values())


def files_of_result(directory: Below | None) -> ResultFiles:
    """Read a result directory."""
    if directory is None:
        return ResultFiles(None, gone=GONE)
    text = read_below(directory.root, f"{directory.place}/{RESULT}", MOST_BYTES)
    if text is None:
        return ResultFiles(directory, gone="Its result.json is not there, or may not be read.")
    try:
        return ResultFiles(directory, Result.from_json(text))
    except ValidationError as error:
        log.warning("%s is not read: %d faults", safe_name(directory.place), error.error_count())
        return ResultFiles(directory, gone="Its result.json is not of the form this program knows.")
