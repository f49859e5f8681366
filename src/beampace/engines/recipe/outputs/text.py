"""Lines and numbers of printed tables."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from beampace.engines.recipe.outputs.found import Unreadable

NOTHING = re.compile(r"-+|\*+|N/?A|n/?a|nan|NaN|None", re.ASCII)
"""How programs write that there is no value; asterisks are Fortran's for one that has no room."""

NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)

LONGEST_WORD = 40
"""Letters of a printed number; in a longer word nothing is looked for."""

LONGEST_LINE = 2000
"""Letters of a printed line; a file with a longer one is no text for people."""

Values = tuple[float | None, ...]


def whole_lines(text: str) -> list[str]:
    """The lines that are ended: the last one of a file that is still written, or was cut, is none.

    Raises:
        Unreadable: one is far too long.
    """
    lines = text.split("\n")
    longest = max(map(len, lines))
    if longest > LONGEST_LINE:
        raise Unreadable(f"it has a line of {longest} letters")
    return [line.rstrip("\r") for line in lines[:-1]]


def number(word: str) -> float | None:
    """A printed number, None where it says that there is none.

    Raises:
        Unreadable: it is neither.
    """
    if len(word) > LONGEST_WORD:
        raise Unreadable(f"a word of {len(word)} letters is no number")
    if NOTHING.fullmatch(word):
        return None
    if not NUMBER.fullmatch(word) or not math.isfinite(value := float(word)):
        raise Unreadable(f"{word!r} is no number")
    return value


def values(words: Sequence[str], count: int, name: str) -> Values:
    """Exactly `count` printed numbers.

    Raises:
        Unreadable: there are fewer or more, or one is none.
    """
    if len(words) != count:
        raise Unreadable(f"{name!r} has {len(words)} values, not {count}")
    return tuple(number(word) for word in words)


def after(line: str, label: str) -> list[str] | None:
    """The words behind a label at the start of a line, blanks aside; None when it starts otherwise."""
    words, wanted = line.split(), label.split()
    return words[len(wanted) :] if words[: len(wanted)] == wanted else None


def only(found: Sequence[str], what: str) -> str:
    """The one of its kind.

    Raises:
        Unreadable: there is none, or there are several.
    """
    if len(found) != 1:
        raise Unreadable(f"it holds {len(found) or 'no'} {what}{'' if len(found) < 2 else 's'}")
    return found[0]


def behind(lines: Sequence[str], label: str) -> Iterator[str]:
    """What stands behind a label, for each line that starts with it."""
    for line in lines:
        stripped = line.strip()
        if stripped.startswith(label):
            yield stripped.removeprefix(label).strip()
