"""Two results side by side."""

from __future__ import annotations

from beampace.results.schema import ShellInfo
from beampace.web.answers import Told
from beampace.web.records.lines import DatasetLine, ResultLine


class CompareRow(Told):
    """A property of both."""

    section: str
    """`result`, `crystal`, `statistics`, `parameters` or `versions`."""
    label: str
    """What it is, with its unit."""
    a: str
    """Of the first; "" when it is not known."""
    b: str
    """Of the second."""
    differs: bool
    """Whether they are not the same, as shown."""


class CompareSide(Told):
    """One of the two."""

    line: ResultLine
    """As lists show it."""
    dataset: DatasetLine
    """Its dataset."""
    shells: tuple[ShellInfo, ...] = ()
    """Statistics per shell, from low to high resolution."""
    overall: ShellInfo | None = None
    """Statistics of all data."""


class ComparePage(Told):
    """Two results side by side."""

    a: CompareSide
    """The first."""
    b: CompareSide
    """The second."""
    rows: tuple[CompareRow, ...] = ()
    """Property by property."""
    agreement: str = ""
    """Whether they say the same, as a sentence; "" where one has no crystal."""
