"""Reading the outputs a recipe names: which file, which parser, and what of it counts."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from beampace.engines.recipe.evidence import matching
from beampace.engines.recipe.model import Output, Recipe
from beampace.engines.recipe.outputs import PARSERS, Found, Unreadable

MOST_BYTES = 50_000_000
MOST_WORDS = 300
CRYSTAL, STATISTICS = "crystal", "statistics"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the outputs of a program say together.

    Attributes:
        found: crystal and statistics, each from the first output that says it; details by file.
        sources: `crystal` and `statistics` to the file they come from.
    """

    found: Found
    sources: Mapping[str, str]


def read_outputs(recipe: Recipe, out: Path) -> Reading:
    """Read every output of a recipe that is there; one that cannot be read becomes a remark.

    Args:
        recipe: its outputs, the best first.
        out: the output directory.
    """
    found, sources, remarks = Found(), dict[str, str](), list[str]()
    for output in recipe.outputs:
        paths = _closest(matching(out, output.file), out)
        if not paths:
            continue
        name = paths[0].relative_to(out).as_posix()
        try:
            one = _parsed(output, paths)
        except (Unreadable, OSError) as error:
            remarks.append(f"{name} could not be read: {_words(error)}.")
            continue
        found = _joined(found, one, name, sources)
    if not sources and not remarks:
        globs = ", ".join(output.file for output in recipe.outputs)
        remarks.append(f"It left none of the files its numbers are read from ({globs}).")
    return Reading(replace(found, remarks=(*found.remarks, *remarks)), sources)


def _closest(paths: Sequence[Path], out: Path) -> list[Path]:
    """Those that lie least deep: programs keep what is preliminary further down."""
    depths = {path: len(path.relative_to(out).parts) for path in paths}
    return [path for path in paths if depths[path] == min(depths.values())]


def _parsed(output: Output, paths: Sequence[Path]) -> Found:
    """What the one file says.

    Raises:
        Unreadable: it is not of its form, or there are several.
        OSError: it cannot be opened.
    """
    if len(paths) > 1:
        raise Unreadable(f"{len(paths)} files fit {output.file!r}, the other is {paths[1].name}")
    return PARSERS[output.form](_text(paths[0]))


def _text(path: Path) -> str:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            raise Unreadable(f"it is no ordinary file of less than {MOST_BYTES / 1e6:.0f} MB")
        return stream.read(MOST_BYTES).decode("utf-8", "replace")


def _joined(before: Found, one: Found, name: str, sources: dict[str, str]) -> Found:
    """What was found before, with what `one` adds to it; remarks only of what is used."""
    used = False
    joined = before
    if before.crystal is None and one.crystal is not None:
        joined = replace(joined, crystal=one.crystal, n_spots=one.n_spots, n_indexed=one.n_indexed)
        sources[CRYSTAL], used = name, True
    if before.statistics is None and one.statistics is not None:
        joined = replace(joined, statistics=one.statistics)
        sources[STATISTICS], used = name, True
    details: dict[str, Any] = {**before.details, **({name: dict(one.details)} if one.details else {})}
    return replace(
        joined,
        details=details,
        remarks=(*before.remarks, *(one.remarks if used else ())),
        versions={**before.versions, **(one.versions if used else {})},
    )


def _words(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    printable = "".join(letter if letter.isprintable() else " " for letter in said)
    return printable[:MOST_WORDS].rstrip(".")
