"""INTEGRATE.HKL as the checker's CORRECT reads it: strictly.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.support.xds_checker.correct_input import CheckerStop

Table = NDArray[np.float64]

ITEMS = 21
_FIRST_LINE = "!OUTPUT_FILE=INTEGRATE.HKL"
_HEADER_END, _DATA_END = "!END_OF_HEADER", "!END_OF_DATA"
_ITEM = re.compile(r"([A-Z][A-Za-z0-9_()'.\-/]*)=\s*")


class Item(IntEnum):
    """The items of a record, in their order."""

    H, K, L, IOBS, SIGMA, XCAL, YCAL, ZCAL, RLP, PEAK, CORR = range(11)
    MAXC, XOBS, YOBS, ZOBS, ALF0, BET0, ALF1, BET1, PSI, ISEG = range(11, ITEMS)


@dataclass(frozen=True, slots=True)
class IntegrateTable:
    """A file's header items and its records."""

    header: dict[str, str]
    rows: Table

    def numbers(self, key: str) -> tuple[float, ...]:
        """The numbers of a header item; empty where there is none.

        Raises:
            CheckerStop: they are not numbers.
        """
        try:
            return tuple(float(text) for text in self.header.get(key, "").split())
        except ValueError:
            raise CheckerStop(f'HEADER ITEM {key} OF FILE "INTEGRATE.HKL" IS NOT OF NUMBERS') from None


def read_integrate(path: Path) -> IntegrateTable:
    """Read a whole INTEGRATE.HKL: one header, records of 21 items, one end.

    Raises:
        CheckerStop: there is no such file, or its structure is another.
    """
    lines = _lines(path)
    header_end, data_end = _only(lines, _HEADER_END), _only(lines, _DATA_END)
    if not lines[0].startswith(_FIRST_LINE) or data_end < header_end:
        raise CheckerStop(f'FILE "{path.name}" IS NOT OF THE EXPECTED FORMAT')
    if any(line.strip() for line in lines[data_end + 1 :]):
        raise CheckerStop(f'RECORDS BEHIND {_DATA_END} ON FILE "{path.name}"')
    header = _header(lines[:header_end])
    if header.get("NUMBER_OF_ITEMS_IN_EACH_DATA_RECORD", "21") != "21":
        raise CheckerStop(f'RECORDS OF FILE "{path.name}" DO NOT HAVE {ITEMS} ITEMS')
    return IntegrateTable(header, _rows(path, lines[header_end + 1 : data_end]))


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        raise CheckerStop(f'CANNOT OPEN OR READ FILE "{path.name}"') from None
    if not lines:
        raise CheckerStop(f'CANNOT OPEN OR READ FILE "{path.name}"')
    return lines


def _only(lines: list[str], mark: str) -> int:
    places = [number for number, line in enumerate(lines) if line.startswith("!E") and line.strip() == mark]
    if len(places) != 1:
        raise CheckerStop(f'{len(places)} LINES {mark} ON FILE "INTEGRATE.HKL", ONE EXPECTED')
    return places[0]


def _header(lines: list[str]) -> dict[str, str]:
    """All `KEY=value` of the header; several may stand in a line."""
    found: dict[str, str] = {}
    for line in lines:
        parts = _ITEM.split(line.lstrip("!"))
        found.update((key, value.strip()) for key, value in zip(parts[1::2], parts[2::2], strict=True))
    return found


def _rows(path: Path, lines: list[str]) -> Table:
    lines = [line for line in lines if line.strip()]
    if not lines:
        return np.empty((0, ITEMS))
    try:
        rows = np.loadtxt(lines, dtype=float, comments=None, ndmin=2)
    except ValueError:
        raise CheckerStop(f'RECORDS OF FILE "{path.name}" ARE NOT ALL NUMBERS') from None
    if rows.shape[1] != ITEMS:
        raise CheckerStop(f'RECORDS OF FILE "{path.name}" DO NOT HAVE {ITEMS} ITEMS')
    return np.asarray(rows)
