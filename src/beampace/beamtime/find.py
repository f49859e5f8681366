"""Finding the metadata file of the running beamtime: one file in `current`, else one in `commissioning`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from beampace.beamtime.files import shown

PATTERN = "*metadata*.json"
MAX_ENTRIES = 20_000
"""Entries of a root that are looked at; a beamtime's own has about ten."""
MAX_NAMED = 5
"""Files that are named in a message."""


class Outcome(StrEnum):
    """How a search can end."""

    FOUND = "found"
    ABSENT = "absent"
    """No root holds such a file: no beamtime."""
    SEVERAL = "several"
    """A root holds more than one; none is chosen."""
    UNREADABLE = "unreadable"
    """A root cannot be listed; nothing follows from it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Attributes:
        outcome: how the search ended.
        root: the root that decided, or None.
        rank: its place in the list of roots.
        files: the files that match, sorted.
        words: what happened, for staff; "" when found.
    """

    outcome: Outcome
    root: Path | None = None
    rank: int = 0
    files: tuple[Path, ...] = ()
    words: str = ""


def find(roots: Sequence[Path]) -> Finding:
    """Search the roots in their order; the first that holds a metadata file decides.

    A root that cannot be listed stops the search: the next one must not be taken for it.
    """
    for rank, root in enumerate(roots):
        try:
            files = _matching(root)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return Finding(
                Outcome.UNREADABLE, root, rank, words=f"{shown(root)} cannot be listed: {error.strerror}."
            )
        if files:
            return _decided(root, rank, files)
    searched = ", ".join(str(root / PATTERN) for root in roots)
    return Finding(Outcome.ABSENT, words=f"No beamtime is open: nothing matches {searched}.")


def _matching(root: Path) -> tuple[Path, ...]:
    with os.scandir(root) as entries:
        names = [entry.name for entry in islice(entries, MAX_ENTRIES) if _fits(entry)]
    return tuple(root / name for name in sorted(names))


def _fits(entry: os.DirEntry[str]) -> bool:
    return (
        fnmatchcase(entry.name, PATTERN)
        and not entry.name.startswith(".")
        and not entry.is_dir(follow_symlinks=False)
    )


def _decided(root: Path, rank: int, files: tuple[Path, ...]) -> Finding:
    if len(files) == 1:
        return Finding(Outcome.FOUND, root, rank, files)
    names = ", ".join(shown(Path(file.name)) for file in files[:MAX_NAMED])
    words = f"{shown(root)} holds {len(files)} metadata files ({names}); which beamtime runs is not clear."
    return Finding(Outcome.SEVERAL, root, rank, files, words)
