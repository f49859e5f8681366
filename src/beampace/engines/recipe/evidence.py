"""What a program left: its files, and what its output says."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from beampace.engines.recipe.model import Recipe, Rule

MOST_FILES = 100
"""Files listed for one glob."""
TAIL_BYTES = 1_000_000
"""Part of the output that is looked at, from its end."""
LONGEST_LINE = 2000
WORDS = 400


def find_files(recipe: Recipe, out: Path) -> dict[str, Path]:
    """Result files by name; further files of one glob get `_2`, `_3`...

    Only regular files below `out` count; no symbolic link is followed.
    """
    there = sorted(_regular(out))
    found: dict[str, Path] = {}
    for name, pattern in recipe.results.items():
        matches = _fitting(there, out, pattern)
        for number, path in enumerate(matches[:MOST_FILES], 1):
            found.setdefault(name if number == 1 else f"{name}_{number}", path)
    return found


def matching(out: Path, pattern: str) -> list[Path]:
    """Regular files below `out` that fit a glob, sorted; no symbolic link is followed."""
    return _fitting(sorted(_regular(out)), out, pattern)


def missing(recipe: Recipe, found: Mapping[str, Path]) -> tuple[str, ...]:
    """Globs of required results of which there is no file."""
    return tuple(recipe.results[name] for name in recipe.required if name not in found)


def failure_of(recipe: Recipe, returncode: int, tail: str) -> tuple[Rule, str] | None:
    """The first rule that fits and the line it fits, or None.

    Args:
        recipe: its rules.
        returncode: of the program.
        tail: end of its output.
    """
    lines = [line[:LONGEST_LINE] for line in tail.splitlines()]
    for rule in recipe.failures:
        if returncode == 0 and not rule.always:
            continue
        expression = re.compile(rule.pattern)
        for line in lines:
            if expression.search(line):
                return rule, line.strip()
    return None


def tail_of(log: Path) -> str:
    """The end of the output, printable."""
    with log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - TAIL_BYTES))
        text = stream.read(TAIL_BYTES).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def last_words(tail: str) -> str:
    """The last lines that say anything."""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-WORDS:]


def _fitting(paths: Iterable[Path], out: Path, pattern: str) -> list[Path]:
    return [path for path in paths if fnmatchcase(path.relative_to(out).as_posix(), pattern)]


def _regular(out: Path) -> Iterator[Path]:
    for place, directories, names in os.walk(out):
        directories.sort()
        for name in names:
            path = Path(place, name)
            try:
                mode = path.lstat().st_mode
            except OSError:
                continue
            if stat.S_ISREG(mode):
                yield path
