"""One result, and its files."""

from __future__ import annotations

from beampace.results import Result
from beampace.web.answers import Told
from beampace.web.records.lines import DatasetLine, ResultLine


class FileLine(Told):
    """A file of a result."""

    name: str
    """What it is called in addresses: `merged_mtz`, `log.txt`."""
    file: str
    """Path relative to the result directory."""
    n_bytes: int
    """Its size."""


class ResultPage(Told):
    """A result as its files have it."""

    line: ResultLine
    """As lists show it."""
    dataset: DatasetLine
    """Its dataset."""
    directory: str = ""
    """The result directory, relative to the beamtime's `processed`; "" when it is not there."""
    result: Result | None = None
    """The whole of `result.json`; null when it cannot be read."""
    gone: str = ""
    """Why it cannot be read, as a sentence."""
    files: tuple[FileLine, ...] = ()
    """Files that can be fetched."""
    has_report: bool = False
    """Whether there is a report to look at."""
    can_download: bool = False
    """Whether the viewer may take files with him."""
