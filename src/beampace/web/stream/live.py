"""Rows of frames of looks and maps under way: from files that are rewritten to what is new in them; pure.

The files are written by the job's account: what they hold is taken only as far as it is what it should be.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import ValidationError

from beampace.core.work import WorkName
from beampace.results.look_schema import LookFrames
from beampace.results.map_schema import GridInfo, MapCrystal
from beampace.web.answers import Told

COLUMNS = ("frame", "spots", "d_min", "intensity", "background", "verdict", "ice_score")
MOST_ROWS = 1_000_000
LONGEST_WORD = 40

Value = int | float | str | None
Row = tuple[Value, ...]
Columns = Mapping[str, tuple[Value, ...]]


class LiveDelta(Told):
    """New and changed rows of a look or a map; readers put them in their place by the number of the frame."""

    dataset: int
    """Number of the dataset."""
    work: Literal["look", "map"]
    """Whose rows these are."""
    job: str
    """Opaque key of the job."""
    state: Literal["running", "complete", "cancelled", "stopped", "ended"]
    """How far the work is; `ended`: it is over, and its result comes."""
    columns: Mapping[str, tuple[int | float | str | None, ...]] = {}
    """Values per frame, as in `look.json`, of equal length; without rows empty."""
    frames: LookFrames | None = None
    """How far it is."""
    grid: GridInfo | None = None
    """Of a map: how the grid was scanned; only with `numbers`."""
    numbers: tuple[tuple[int, ...], ...] | None = None
    """Of a map: the frame of each cell, row by row from the top; when it was never told or is another one."""
    crystals: tuple[MapCrystal, ...] | None = None
    """Of a map: all crystals, when they are others than before."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a file holds.

    Attributes:
        state: of the work.
        rows: frame -> values, in the order of `COLUMNS`.
        frames: how far it is, as it is in the file.
        grid, numbers, crystals: of a map, as they are in the file.
    """

    state: str
    rows: Mapping[int, Row]
    frames: Any = None
    grid: Any = None
    numbers: Any = None
    crystals: Any = None


@dataclass(frozen=True, slots=True)
class Whose:
    """Which work a table is of."""

    dataset: int
    work: WorkName
    job: str


def parse_table(content: bytes, work: WorkName) -> Table | None:
    """What `look.json` or `map.json` holds, or None when it is none."""
    try:
        record = json.loads(content, parse_constant=lambda _: None)
        if work is WorkName.LOOK:
            return _table(record, record)
        part = record["maps"][0]
        found = _table(record, part)
        return replace(found, grid=part["grid"], numbers=part["numbers"], crystals=part["crystals"])
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return None


def delta(whose: Whose, before: Table | None, after: Table) -> LiveDelta | None:
    """What a reader who knows `before` has to be told, or None when that is nothing.

    A table that cannot be told (another account may have written anything) is told nowhere.
    """
    known = before.rows if before else {}
    changed = [row for frame, row in after.rows.items() if known.get(frame) != row]
    grid_too = after.numbers is not None and (
        before is None or (before.numbers, before.grid) != (after.numbers, after.grid)
    )
    others = after.crystals is not None and (before is None or before.crystals != after.crystals)
    same = before is not None and (before.state, before.frames) == (after.state, after.frames)
    if same and not (changed or grid_too or others):
        return None
    try:
        return LiveDelta(
            dataset=whose.dataset,
            work="map" if whose.work is WorkName.MAP else "look",
            job=whose.job,
            state=after.state,  # type: ignore[arg-type]
            columns=columns_of(changed),
            frames=after.frames,
            grid=after.grid if grid_too else None,
            numbers=after.numbers if grid_too else None,
            crystals=after.crystals if others else None,
        )
    except ValidationError:
        return None


def columns_of(rows: Sequence[Row]) -> Columns:
    """Rows as columns, without anything that is no number or short word."""
    if not rows:
        return {}
    cleaned = [tuple(map(_plain, row)) for row in sorted(rows, key=lambda row: row[0])]  # type: ignore[arg-type, return-value]
    return dict(zip(COLUMNS, zip(*cleaned, strict=True), strict=True))


def delta_text(one: LiveDelta) -> bytes:
    """A delta as text of the SSE format; without an id: it is no event of the ledger."""
    return b"event: live\ndata: " + one.model_dump_json(exclude_none=True).encode() + b"\n\n"


def _table(record: Mapping[str, Any], part: Mapping[str, Any]) -> Table:
    columns = part["columns"]
    frames = columns.get("frame", [])
    length = len(frames)
    wanted = [columns.get(name) or [None] * length for name in COLUMNS]
    if length > MOST_ROWS or not all(type(number) is int for number in frames):
        raise ValueError("frames are not numbered")
    rows = {row[0]: row for row in zip(*wanted, strict=True)}
    return Table(str(record["state"])[:LONGEST_WORD], rows, part.get("frames"))


def _plain(value: Any) -> Value:
    if isinstance(value, str):
        return value[:LONGEST_WORD]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if type(value) is int else None
