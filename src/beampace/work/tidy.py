"""What of a result directory is not kept, and how much is."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

KEPT = frozenset({"result.json", "progress.json", "log.txt", "report.html", "recommended.json"})
"""Never removed, whatever a pattern says."""

log = logging.getLogger("beampace.work")


def remove_intermediates(directory: Path, patterns: Iterable[str], named: Iterable[str]) -> int:
    """Remove the files that match a pattern and are not named by the result; returns the bytes freed.

    No symbolic link is followed or removed. A file that cannot be removed is logged; it costs no result.

    Args:
        directory: of the result.
        patterns: globs on paths relative to it, in which `*` also matches `/`.
        named: relative paths the result names.
    """
    wanted, kept, freed = tuple(patterns), KEPT | set(named), 0
    for path, size in _files(directory):
        name = path.relative_to(directory).as_posix()
        if name in kept or not any(fnmatchcase(name, pattern) for pattern in wanted):
            continue
        try:
            path.unlink()
        except OSError as error:
            log.warning("an intermediate file stays: %s", error)
            continue
        freed += size
    return freed


def bytes_of(directory: Path) -> int:
    """Bytes of the regular files below a directory; no symbolic link is followed."""
    return sum(size for _, size in _files(directory))


def _files(directory: Path) -> Iterator[tuple[Path, int]]:
    """Regular files and their sizes; what vanishes meanwhile is left out."""
    for place, _, names in os.walk(directory):
        for name in names:
            path = Path(place, name)
            try:
                found = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                yield path, found.st_size
