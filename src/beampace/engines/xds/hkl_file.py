"""XDS_ASCII.HKL and INTEGRATE.HKL: the reflections as XDS writes them."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from beampace.engines.xds.lp_text import LpError

LARGEST_INDEX = 10_000
END_OF_HEADER = "!END_OF_HEADER"
END_OF_DATA = "!END_OF_DATA"

_KEY = r"[A-Z][A-Z0-9_'./()-]*"
_FIRST = re.compile(rf"!({_KEY})=(.*)")
_NEXT = re.compile(rf"\s({_KEY})=")
_WHOLE = ("NAME_TEMPLATE_OF_DATA_FRAMES",)
"""Keys whose value is a path and may hold anything."""


@dataclass(frozen=True, slots=True, eq=False)
class HklFile:
    """A file of unmerged reflections.

    Attributes:
        header: values of the `!KEY=value` lines as text, in the file's order; of a repeated key the first.
        items: names of the columns, `H`, `K`, `L`, `IOBS`, `SIGMA(IOBS)` (INTEGRATE.HKL: `SIGMA`) and so on.
        records: the reflections, (n, number of items).
    """

    header: Mapping[str, str]
    items: tuple[str, ...]
    records: NDArray[np.float64]

    @property
    def hkl(self) -> NDArray[np.int64]:
        """Indices, (n, 3)."""
        return self.records[:, :3].astype(np.int64)

    @property
    def misfit(self) -> NDArray[np.bool_]:
        """Reflections that CORRECT rejected; it marks them by a negative sigma."""
        return self.records[:, 4] < 0

    def column(self, *names: str) -> NDArray[np.float64]:
        """The first column that has one of `names`.

        Raises:
            LpError: none has.
        """
        for name in names:
            if name in self.items:
                return self.records[:, self.items.index(name)]
        raise LpError(f"no column {' or '.join(names)} among {', '.join(self.items)}")


def parse_header(lines: Iterable[str], log: str = "HKL file") -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The header and the names of the columns; lines after the header are not consumed.

    Raises:
        LpError: a line that is none of a header, no end of it, or items that do not agree with their number.
    """
    kept: list[str] = []
    for line in lines:
        if line.startswith(END_OF_HEADER):
            header = _header(kept)
            return MappingProxyType(header), _items(kept, header, log)
        if not line.startswith("!"):
            break
        kept.append(line.rstrip())
    raise LpError(f"{log}: no {END_OF_HEADER!r}")


def _header(lines: Sequence[str]) -> dict[str, str]:
    header: dict[str, str] = {}
    for match in filter(None, map(_FIRST.match, lines)):
        if match[1].startswith("ITEM_"):
            continue
        pieces = [match[1], match[2]] if match[1] in _WHOLE else [match[1], *_NEXT.split(match[2])]
        for key, value in zip(pieces[::2], pieces[1::2], strict=True):
            header.setdefault(key, value.strip())
    return header


def _items(lines: Sequence[str], header: Mapping[str, str], log: str) -> tuple[str, ...]:
    """Names of the columns: `!ITEM_H=1` lines, or INTEGRATE's list with commas."""
    found = [
        match.groups() for match in (re.match(r"!ITEM_(\S+)=(\d+)\s*$", line) for line in lines) if match
    ]
    if [int(position) for _, position in found] != list(range(1, len(found) + 1)):
        raise LpError(f"{log}: items are not numbered from 1")
    names = tuple(name for name, _ in found) or _listed(lines)
    if header.get("NUMBER_OF_ITEMS_IN_EACH_DATA_RECORD") != str(len(names)) or names[:3] != ("H", "K", "L"):
        raise LpError(f"{log}: its items are not H, K, L and so on, as many as it says")
    return names


def _listed(lines: Sequence[str]) -> tuple[str, ...]:
    text = ""
    for line in lines:
        if line.startswith("!H,K,L,") or text.endswith(","):
            text += line[1:].strip()
    return tuple(text.split(","))


def read_hkl(path: Path) -> HklFile:
    """The reflections of a file.

    Raises:
        LpError: no header, no end of the data, or a record that is broken.
        OSError: the file cannot be read.
    """
    with path.open(encoding="latin1") as file:
        header, items = parse_header(file, path.name)
    if not _last_line(path).startswith(END_OF_DATA):
        raise LpError(f"{path.name}: no {END_OF_DATA!r}, the file is cut off")
    return HklFile(header, items, _records(path, len(items)))


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 256))
        lines = file.read().decode("latin1").splitlines()
    return next((line for line in reversed(lines) if line.strip()), "")


def _records(path: Path, n_items: int) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*input contained no data.*")
        try:
            records = np.loadtxt(path, dtype=np.float64, comments="!", ndmin=2, encoding="latin1")
        except ValueError as error:
            raise LpError(f"{path.name}: {error}") from error
    if not records.size:
        return np.zeros((0, n_items))
    if records.shape[1] != n_items:
        raise LpError(f"{path.name}: records of {records.shape[1]} numbers, not {n_items}")
    broken = np.flatnonzero(~_sound(records))
    if len(broken):
        raise LpError(f"{path.name}: record {broken[0] + 1} is broken")
    return records


def _sound(records: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which records have whole indices and finite numbers."""
    hkl = records[:, :3]
    whole = ((hkl == np.rint(hkl)) & (np.abs(hkl) <= LARGEST_INDEX)).all(axis=1)
    finite = np.isfinite(records).all(axis=1)
    return np.asarray(whole & finite)
