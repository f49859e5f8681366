"""A result directory as a tar, made while it is sent: regular files, and how to make the result again."""

from __future__ import annotations

import os
import shlex
import stat
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from beampace.results import Result
from beampace.results.below import opened_below, opened_directory
from beampace.web.downloads import Opened, open_file, safe_name, steps_of
from beampace.web.places import Below

MOST_FILES = 2000
"""Files of an archive."""

MOST_BYTES = 50 * 1024**3
"""Bytes of all its files together."""

MOST_DEPTH = 8
"""Directories within directories."""

README = "README.txt"


@dataclass(slots=True)
class Found:
    """What lies in a directory.

    Attributes:
        files: relative paths with sizes.
        n_bytes: of all of them.
        left_out: how many were left out because there are too many or they are too large.
    """

    files: list[tuple[str, int]] = field(default_factory=list)
    n_bytes: int = 0
    left_out: int = 0

    def add(self, path: str, n_bytes: int) -> None:
        """Take a file in, or count it."""
        if len(self.files) < MOST_FILES and self.n_bytes + n_bytes <= MOST_BYTES:
            self.files.append((path, n_bytes))
            self.n_bytes += n_bytes
        else:
            self.left_out += 1


def files_below(directory: Below) -> Found:
    """Regular files of a directory and of those in it, in the order of their names; no link is followed."""
    found = Found()
    with suppress(OSError), opened_below(directory.root, steps_of(directory.place)) as handle:
        _walk(handle, "", found, MOST_DEPTH)
    return found


def _walk(handle: int, before: str, found: Found, depth: int) -> None:
    with os.scandir(handle) as listing:
        entries = sorted(_some(listing), key=lambda entry: entry.name)
    for entry in entries:
        with suppress(OSError):  # what vanishes or may not be read is not in the archive
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                found.add(before + entry.name, status.st_size)
            elif stat.S_ISDIR(status.st_mode) and depth > 0:
                with opened_directory(entry.name, handle) as inside:
                    _walk(inside, f"{before}{entry.name}/", found, depth - 1)


def _some(listing: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
    """As many entries as an archive could hold: others can fill a directory."""
    for count, entry in enumerate(listing):
        if count > 2 * MOST_FILES:
            return
        yield entry


def archive(directory: Below, name: str, found: Found, readme: str) -> Iterator[bytes]:
    """The tar, piece by piece.

    Args:
        directory: of the result.
        name: of the directory within the archive.
        found: from `files_below`.
        readme: text of its README.txt.
    """
    text = readme.encode("utf-8")
    yield _head(f"{name}/{README}", len(text), 0.0) + text + _filling(len(text))
    for path, _ in found.files:
        opened = open_file(directory, path) if path != README else None
        if opened is not None:
            yield from _member(f"{name}/{path}", opened)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, opened: Opened) -> Iterator[bytes]:
    yield _head(name, opened.n_bytes, opened.mtime)
    yield from opened.pieces()
    yield _filling(opened.n_bytes)


def _head(name: str, n_bytes: int, mtime: float) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = n_bytes, int(mtime), 0o644
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _filling(n_bytes: int) -> bytes:
    return bytes(-n_bytes % tarfile.BLOCKSIZE)


def readme_of(result: Result | None, master: str, found: Found) -> str:
    """How the result was made, and the command that makes it again."""
    parts = ["A result of beampace and how to make it again.", ""]
    parts += _made(result, master) if result else ["Its result.json could not be read.", f"Master: {master}"]
    if found.left_out:
        parts += ["", f"{found.left_out} files are not in this archive: it would be too large."]
    return "\n".join(parts) + "\n"


def _made(result: Result, master: str) -> list[str]:
    versions = (f"  {program} {version}" for program, version in sorted(result.versions.items()))
    return [
        f"Verdict: {result.verdict.words}",
        f"Made:    {result.created.isoformat() if result.created else 'at an unknown time'}",
        "",
        "With the same versions of the programs",
        *versions,
        "this command makes it again from the raw data:",
        "",
        f"  {shlex.join(command_of(result, master))}",
    ]


def command_of(result: Result, master: str) -> list[str]:
    """The command as its words."""
    asked, words = result.parameters.asked, ["beampace", result.work, master]
    if result.work != "process":
        return words
    if result.engine:
        words += ["--engine", result.engine]
    if asked.images:
        words += ["--images", f"{asked.images[0]}:{asked.images[1]}"]
    if asked.space_group:
        words += ["--space-group", asked.space_group]
    if asked.unit_cell:
        words += ["--unit-cell", ",".join(f"{value:g}" for value in asked.unit_cell)]
    if asked.d_min:
        words += ["--d-min", f"{asked.d_min:g}"]
    return words


def archive_name(dataset: str, result: str) -> str:
    """The name of the archive without its ending."""
    return safe_name(f"{dataset}_{result}")
