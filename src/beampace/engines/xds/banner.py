"""The banner each program of XDS prints: its version, and until when it may be used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_VERSION = re.compile(r"VERSION\s+([A-Z][a-z]+\s+\d{1,2},\s+\d{4})\b(?:\s+BUILT=(\d{8})\b)?")
_LICENSED = re.compile(
    r"(?:licensed until|licen[sc]e\s+(?:has\s+)?expired)\s+(\d{1,2})-([A-Za-z]{3})-(\d{4})\b", re.IGNORECASE
)
_EXPIRED = re.compile(r"licen[sc]e\s+(?:has\s+)?expired", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Banner:
    """Which XDS this is.

    Attributes:
        version: "Jan 31, 2020"; "" where the licence has expired and no version is printed.
        built: date of the build as digits, "20200417"; "" in older logs.
        licensed_until: last day of the licence, where it is printed.
        expired: whether XDS refuses to run because its licence has expired.
    """

    version: str
    built: str = ""
    licensed_until: date | None = None
    expired: bool = False


def parse_banner(text: str) -> Banner | None:
    """The banner in what a program printed or in the head of its log, None without one."""
    version = _VERSION.search(text)
    expired = _EXPIRED.search(text) is not None
    if version is None and not expired:
        return None
    words = " ".join(version[1].split()) if version else ""
    built = (version[2] or "") if version else ""
    return Banner(words, built, _licensed_until(text), expired)


def _licensed_until(text: str) -> date | None:
    match = _LICENSED.search(text)
    if match is None or match[2].lower() not in MONTHS:
        return None
    try:
        return date(int(match[3]), MONTHS.index(match[2].lower()) + 1, int(match[1]))
    except ValueError:
        return None
