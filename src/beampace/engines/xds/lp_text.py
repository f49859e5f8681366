"""Reading what XDS prints: Fortran tables, in which numbers may run together or overflow into asterisks.

A number is taken only when there is one way to read it. What is cut off or mangled is an `LpError`, for the
program may have been killed while it wrote, and a wrong cell or resolution is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from beampace.core.cell import UnitCell

ENDED = re.compile(r"elapsed wall-clock time\s+[\d.]+\s+sec")
NO_PERCENTAGE = -99.9
"""What XDS prints where it could compute no R factor, per cent."""

_EXPONENT = r"[-+]?\d*\.\d+[EeDd][-+]\d\d"


class LpError(ValueError):
    """A file of XDS does not hold what it should; the message names what is missing or not understood."""


def whole_lines(text: str) -> list[str]:
    """Lines of `text`; a last line without its end, which may be cut anywhere, is left out."""
    return [line.rstrip("\r") for line in text.split("\n")[:-1]]


def ended(lines: Sequence[str]) -> bool:
    """Whether the program came to its end: it prints its elapsed time there."""
    return any(ENDED.search(line) for line in lines)


def find(lines: Sequence[str], text: str, start: int = 0) -> int | None:
    """Index of the first line at or after `start` that holds `text`, None without one."""
    return next((index for index in range(start, len(lines)) if text in lines[index]), None)


def find_last(lines: Sequence[str], text: str) -> int | None:
    """Index of the last line that holds `text`, None without one."""
    return next((index for index in reversed(range(len(lines))) if text in lines[index]), None)


def require(lines: Sequence[str], text: str, log: str, start: int = 0) -> int:
    """Index of the first line at or after `start` that holds `text`.

    Raises:
        LpError: there is none.
    """
    index = find(lines, text, start)
    if index is None:
        raise LpError(f"{log}: no {text!r}")
    return index


def paragraph(lines: Sequence[str], start: int, log: str) -> list[str]:
    """The lines from `start` on, blank ones skipped, up to the next blank line.

    Raises:
        LpError: the text ends before the paragraph does.
    """
    begin = next((index for index in range(start, len(lines)) if lines[index].strip()), None)
    if begin is not None:
        for end in range(begin, len(lines)):
            if not lines[end].strip():
                return list(lines[begin:end])
    raise LpError(f"{log}: cut off after {lines[start - 1].strip() if start else ''!r}")


def notices(lines: Sequence[str], kind: str) -> tuple[str, ...]:
    """The messages marked `!!! kind !!!`, each with the lines it goes on over, blanks made single."""
    mark = f"!!! {kind} !!!"
    starts = [index for index, line in enumerate(lines) if mark in line]
    return tuple(_notice(lines, start, mark) for start in starts)


def _notice(lines: Sequence[str], start: int, mark: str) -> str:
    found = [lines[start].split(mark, 1)[1]]
    for line in lines[start + 1 :]:
        if not line.strip() or "!!!" in line or line.lstrip()[0] in "*-0123456789":
            break
        found.append(line)
    return " ".join(" ".join(found).split())


def number(text: str) -> float:
    """A Fortran number; `D` exponents are understood.

    Raises:
        LpError: not a number, or an overflow (`****`).
    """
    try:
        return float(text.strip().upper().replace("D", "E"))
    except ValueError as error:
        raise LpError(f"not a number: {text.strip()!r}") from error


def cell_of(values: Sequence[float], log: str) -> UnitCell:
    """Six numbers as a cell.

    Raises:
        LpError: no crystal has such a cell.
    """
    try:
        return UnitCell(*values)
    except (ValueError, TypeError) as error:
        raise LpError(f"{log}: {error}") from error


def numbers(text: str, count: int, decimals: int | None) -> tuple[float, ...]:
    """`count` numbers that make up all of `text`.

    Args:
        text: numbers separated by blanks, or run together.
        count: how many there are.
        decimals: digits after the point, which tell apart numbers run together; None: they have exponents.

    Raises:
        LpError: not so many numbers, or they cannot be told apart.
    """
    words = text.split()
    if len(words) != count:
        form = _EXPONENT if decimals is None else rf"[-+]?\d*\.\d{{{decimals}}}"
        match = re.fullmatch(rf"\s*({form})" * count + r"\s*", text)
        if match is None:
            raise LpError(f"{count} numbers expected: {text.strip()!r}")
        words = list(match.groups())
    return tuple(number(word) for word in words)


def labelled(block: Sequence[str], label: str, log: str) -> str:
    """What follows `label` in the first line of `block` that begins with it, whatever its blanks.

    Raises:
        LpError: no line begins so.
    """
    rest = optional(block, label)
    if rest is None:
        raise LpError(f"{log}: no {label!r}")
    return rest


def optional(block: Sequence[str], label: str) -> str | None:
    """What follows `label` in the first line of `block` that begins with it, None without one."""
    pattern = _label(label)
    matches = (pattern.match(line) for line in block)
    return next((match[1] for match in matches if match), None)


@cache
def _label(label: str) -> re.Pattern[str]:
    return re.compile(r"\s*" + r"\s+".join(map(re.escape, label.split())) + r"(.*)")


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How the rows of a table are laid out.

    A row in which blanks separate all fields is read with any number of decimals, as newer versions widen
    columns; one in which numbers run together is read by the decimals the format has.

    Attributes:
        fields: name and kind of each field.
        loose: matches rows whose fields are separated.
        tight: matches rows of the known decimals, in which numbers may run together.
    """

    fields: tuple[tuple[str, str], ...]
    loose: re.Pattern[str]
    tight: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> RowFormat:
        """A format from `name:kind` words.

        Kinds: `I` integer; `N` count; `F2` real of two decimals; `E` real with exponent; `P1` percentage of
        one decimal with its sign, read as a fraction, None where XDS could compute none; `S` an asterisk
        right after, as a bool; `M` a mark before the row, as a bool; `W` a word; `T` the rest of the row. A
        `?` after a kind: None where the number overflowed (`****`).
        """
        fields = tuple((name, kind) for name, kind in (word.split(":") for word in text.split()))
        kinds = [kind for _, kind in fields]
        loose = "".join(_field(kind, r"(?:^\s*|\s+)", tight=False) for kind in kinds)
        before = [r"(?:^\s*|\s+|(?=-))" if last[0] in "INW" else r"\s*" for last in ["I", *kinds[:-1]]]
        tight = "".join(_field(kind, gap, tight=True) for kind, gap in zip(kinds, before, strict=True))
        return cls(fields, re.compile(loose + r"\s*"), re.compile(tight + r"\s*"))

    def read(self, line: str) -> dict[str, Any] | None:
        """The fields of `line`, None when it is no such row."""
        match = self.loose.fullmatch(line) or self.tight.fullmatch(line)
        if match is None:
            return None
        return {
            name: _value(kind, text) for (name, kind), text in zip(self.fields, match.groups(), strict=True)
        }

    def require(self, line: str, table: str) -> dict[str, Any]:
        """The fields of `line`.

        Raises:
            LpError: it is no such row; `table` names the log and the table in the message.
        """
        found = self.read(line)
        if found is None:
            raise LpError(f"{table}: row not understood: {line.strip()!r}")
        return found


def _field(kind: str, gap: str, *, tight: bool) -> str:
    """Pattern of one field with what separates it from the one before."""
    letter, decimals = kind[0], kind[1:].rstrip("?")
    if letter == "S":
        return r"(\*?)"
    if letter == "M":
        return r"^\s*(\*?)"
    digits = rf"\d{{{decimals}}}" if tight else r"\d+"
    form = {
        "I": r"[-+]?\d+",
        "N": r"\d+",
        "F": rf"[-+]?\d*\.{digits}",
        "E": _EXPONENT,
        "P": r"[-+]?\d+" if decimals == "0" else rf"[-+]?\d*\.{digits}",
        "W": r"\S+",
        "T": r"\S.*?",
    }[letter]
    if letter in "INWT":
        gap = r"(?:^\s*|\s+|(?=-))" if tight else gap
    overflow = r"|\*{2,}" if kind.endswith("?") else ""
    return rf"{gap}({form}{overflow})" + ("%" if letter == "P" else "")


def _value(kind: str, text: str) -> int | float | str | bool | None:
    letter = kind[0]
    if letter in "SM":
        return text == "*"
    if letter in "WT":
        return text
    if text.startswith("*"):
        return None
    if letter in "IN":
        return int(text)
    return fraction(text) if letter == "P" else number(text)


def fraction(text: str) -> float | None:
    """A percentage as a fraction; None for -99.9, with which XDS says that there is none."""
    value = number(text)
    _, _, decimals = text.partition(".")
    return None if value == NO_PERCENTAGE else round(value / 100, len(decimals) + 2)
