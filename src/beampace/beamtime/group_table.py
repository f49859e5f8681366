"""The file that says whose a sample or puck is, as CSV or TOML; read again when it changes.

CSV (also with semicolons or tabs): a heading line `sample,group`, `puck,group` or `sample,puck,group`, then
one line each.
TOML: tables `[samples]` and `[pucks]`, each `name = "group"`.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from beampace.beamtime.files import read_small, shown
from beampace.beamtime.groups import GroupTable, is_plain
from beampace.core.errors import BeampaceError, failure
from beampace.core.sighting import Trouble
from beampace.core.taxonomy import Failure

MAX_BYTES = 1_000_000
MAX_ROWS = 20_000
MAX_KEY = 256
Row = tuple[int, str, str, str]
"""Line, `sample` or `puck`, its name, its group."""


class GroupTableFile:
    """A table that follows its file; a file that is wrong leaves the table as it was.

    Args:
        path: the file, ending in .csv or .toml.
        root: directory it must lie in once links are resolved, or None.
    """

    def __init__(self, path: Path, root: Path | None = None) -> None:
        self._path = path
        self._root = root
        self._mark: tuple[int, ...] | None = None
        self._table = GroupTable()
        self._trouble: tuple[Trouble, ...] = ()

    def read(self) -> tuple[GroupTable, tuple[Trouble, ...]]:
        """The table as it is now, and what is wrong with its file. Never raises for what the file holds."""
        try:
            mark = _mark(self._path)
            if mark != self._mark:
                self._load()
                self._mark = mark
        except OSError as error:
            self._mark = None
            self._trouble = (_trouble(self._path, f"{shown(self._path)} cannot be read: {error.strerror}."),)
        return self._table, self._trouble

    def _load(self) -> None:
        try:
            self._table = parse_table(read_small(self._path, MAX_BYTES, self._root), self._path)
            self._trouble = ()
        except BeampaceError as error:
            self._trouble = (_trouble(self._path, error.detail),)


def parse_table(content: bytes, path: Path) -> GroupTable:
    """The table in the content of a file.

    Raises:
        InputError: naming file and line (metadata_inconsistent).
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong(path, content.count(b"\n", 0, error.start) + 1, "is no UTF-8 text") from error
    rows = _toml_rows(text, path) if path.suffix == ".toml" else _csv_rows(text, path)
    return _table(rows, path)


def _table(rows: Iterator[Row], path: Path) -> GroupTable:
    found: dict[str, dict[str, tuple[str, int]]] = {"sample": {}, "puck": {}}
    for number, (line, kind, name, group) in enumerate(rows):
        if number >= MAX_ROWS:
            raise _wrong(path, line, f"is more than the {MAX_ROWS} rows a table may have")
        if not name or len(name) > MAX_KEY:
            raise _wrong(path, line, f"names no {kind}, or one longer than {MAX_KEY} characters")
        if not is_plain(group):
            raise _wrong(path, line, f"gives {name[:80]!r} the group {group[:80]!r}, which is no plain name")
        before = found[kind].setdefault(name, (group, line))
        if before[0] != group:
            raise _wrong(path, line, f"gives {kind} {name!r} to {group}, line {before[1]} to {before[0]}")
    return GroupTable(_groups(found["sample"]), _groups(found["puck"]))


def _groups(found: Mapping[str, tuple[str, int]]) -> Mapping[str, str]:
    return {name: group for name, (group, _) in found.items()}


def _csv_rows(text: str, path: Path) -> Iterator[Row]:
    first = text.partition("\n")[0]
    # Spreadsheets write semicolons where the comma is the decimal mark.
    mark = next((one for one in ",;\t" if one in first), ",")
    reader = csv.reader(io.StringIO(text), delimiter=mark, strict=True)
    try:
        heading = [cell.strip().lower() for cell in next(reader, [])]
        if "group" not in heading or not {"sample", "puck"} & set(heading):
            raise _wrong(path, 1, "must be a heading with `group` and `sample` or `puck`")
        for cells in reader:
            row = dict(zip(heading, (cell.strip() for cell in cells), strict=False))
            if any(row.values()):
                kind = "sample" if row.get("sample") else "puck"
                yield reader.line_num, kind, row.get(kind, ""), row.get("group", "")
    except csv.Error as error:
        raise _wrong(path, reader.line_num, f"is no CSV: {error}") from error


def _toml_rows(text: str, path: Path) -> Iterator[Row]:
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise failure(Failure.METADATA_INCONSISTENT, f"{shown(path)} is no TOML: {error}.", _HINT) from error
    for title, rows in found.items():
        if title not in ("samples", "pucks") or not isinstance(rows, dict):
            raise _wrong(path, _line(text, title), "must begin a table [samples] or [pucks]")
        for name, group in rows.items():
            yield _line(text, name), title.removesuffix("s"), name, group if isinstance(group, str) else ""


def _line(text: str, key: str) -> int:
    """The first line that begins with a key, bare, quoted or as the title of a table."""
    lines = enumerate(text.splitlines(), 1)
    return next((number for number, line in lines if line.strip().lstrip("[\"'").startswith(key)), 1)


_HINT = "Correct that line; until then the table is used as it was before."


def _wrong(path: Path, line: int, words: str) -> BeampaceError:
    return failure(Failure.METADATA_INCONSISTENT, f"{shown(path)}, line {line}, {words}.", _HINT)


def _trouble(path: Path, words: str) -> Trouble:
    return Trouble(shown(path), words, _HINT)


def _mark(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
