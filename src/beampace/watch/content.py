"""What a listing says of datasets: pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from beampace.watch.files import Entry, Listing
from beampace.watch.names import data_prefix, is_plain, master_prefix

INFO = "info.txt"


@dataclass(frozen=True, slots=True)
class DataFiles:
    """Data files of one prefix: how many, their bytes, their names and sizes as an opaque text."""

    n_files: int = 0
    n_bytes: int = 0
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What a directory holds.

    Attributes:
        directories: names of subdirectories.
        masters: name of a master -> its stat mark.
        data: prefix -> data files.
        odd: (name, why it is not looked at) of entries that look like datasets and are none.
        mark: all of it as an opaque text; another text means that something changed.
    """

    directories: frozenset[str]
    masters: Mapping[str, str]
    data: Mapping[str, DataFiles]
    odd: tuple[tuple[str, str], ...]
    mark: str


def content_of(listing: Listing) -> Content:
    """What a listing says."""
    plain = [entry for entry in listing.entries if is_plain(entry.name)]
    directories = frozenset(entry.name for entry in plain if entry.kind == "directory")
    data = _data_files(entry for entry in plain if entry.kind == "file")
    info = "".join(f"/{e.inode}.{e.size}.{e.changed}" for e in plain if e.name == INFO and e.kind == "file")
    masters = {
        entry.name: f"{entry.inode}.{entry.size}.{entry.changed}{info}"
        for entry in plain
        if entry.kind == "file" and master_prefix(entry.name)
    }
    parts = [*sorted(directories), *sorted(masters.items()), *sorted((k, v.mark) for k, v in data.items())]
    return Content(directories, masters, data, tuple(_odd(listing.entries)), _digest(map(repr, parts)))


def _data_files(files: Iterable[Entry]) -> dict[str, DataFiles]:
    groups: dict[str, list[Entry]] = {}
    for entry in files:
        prefix = data_prefix(entry.name)
        if prefix:
            groups.setdefault(prefix, []).append(entry)
    return {
        prefix: DataFiles(
            len(found),
            sum(entry.size for entry in found),
            _digest(f"{name}:{size}" for name, size in sorted((entry.name, entry.size) for entry in found)),
        )
        for prefix, found in groups.items()
    }


def _odd(entries: Iterable[Entry]) -> Iterable[tuple[str, str]]:
    for entry in entries:
        if entry.kind in ("directory", "file") and not is_plain(entry.name):
            yield entry.name, "its name is too long or holds characters that cannot be shown"
        elif entry.kind == "link" and master_prefix(entry.name):
            yield entry.name, "it is a symbolic link, and links are not followed"
        elif entry.kind == "other" and master_prefix(entry.name):
            yield entry.name, "it is no ordinary file but a pipe, socket or device"


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(part.encode("utf-8", "backslashreplace"))
        digest.update(b"\n")
    return digest.hexdigest()
