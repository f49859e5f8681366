"""The published form of a map: the models behind `map.json`, which is rewritten while frames come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field

from beampace.results.look_schema import LookedAt, LookFrames, State
from beampace.results.schema import Column, Correlation, Count, Model, Number

MAP_SCHEMA: Literal["map-1"] = "map-1"
"""Name and version of the schema; the number rises when a field changes its meaning or goes away."""

Pair = tuple[float, float]
Triple = tuple[float, float, float]


class GridInfo(Model):
    """How a grid was scanned."""

    columns: Count
    """Cells along a row."""
    rows: Count
    """Cells along a column."""
    snaked: bool
    """Every other line runs backwards."""
    vertical: bool
    """The lines of the scan are columns; else they are rows."""
    corner: str
    """Where the first frame lies: `top_left`, `top_right`, `bottom_left` or `bottom_right`."""
    step_um: Pair | None = None
    """Size of a cell along a row and along a column in um; null when unknown."""
    source: str
    """Where the shape comes from, as a sentence."""
    order_given: bool
    """Whether snake or raster was asked for; else the data decide, raster when they do not."""
    correlation: Correlation = None
    """Mean correlation of neighbouring lines in the order shown; null when it cannot be said."""
    correlation_other: Correlation = None
    """The same with every other line turned round."""


class MapCrystal(Model):
    """One crystal of a map.

    Cells are counted from 0, positions from the upper left corner of the upper left cell: the middle of that
    cell is (0.5, 0.5).
    """

    rank: int
    """1 is the best."""
    centre: Pair
    """Centre of mass of the score (column, row) in cells."""
    centre_um: Pair | None = None
    """The same in um; null when the step is unknown."""
    extent: tuple[int, int]
    """Cells (columns, rows) of the box around it."""
    extent_um: Pair | None = None
    """The same in um."""
    best_cell: tuple[int, int]
    """(column, row) of the highest score."""
    best_frame: int
    """Frame of that cell, numbered from 1."""
    peak: Number
    """Highest score."""
    total: Number
    """Sum of the score."""
    n_cells: Count
    """Number of its cells."""
    cells: tuple[tuple[int, int], ...] = ()
    """(column, row) of all of them."""


class MapPosition(Model):
    """One crystal seen in two orthogonal grids.

    x runs along the axis they share, y across it in the first grid, z across it in the second.
    """

    rank: int
    """1 is the best."""
    centre: Triple
    """x, y, z in cells."""
    centre_um: Triple | None = None
    """The same in um; null when a step is unknown."""
    best_voxel: tuple[int, int, int]
    """x, y, z of the highest product, from 0."""
    extent: tuple[int, int, int]
    """Voxels of the box around it."""
    peak: Number
    """Highest product of the two scores."""
    total: Number
    """Sum of the products."""
    n_voxels: Count
    """Number of its voxels."""


class MapPart(Model):
    """One grid."""

    dataset: LookedAt
    """The dataset."""
    frames: LookFrames
    """How far the look is."""
    grid: GridInfo
    """How it was scanned."""
    scores: tuple[tuple[Number, ...], ...]
    """Score of each cell, row by row from the top; null where the frame is missing, never zero for it."""
    lit: tuple[tuple[bool, ...], ...]
    """Whether a cell's frame shows diffraction."""
    numbers: tuple[tuple[int, ...], ...]
    """Frame of each cell, numbered from 1."""
    crystals: tuple[MapCrystal, ...]
    """Crystals, the best first."""
    columns: Mapping[str, Column]
    """Values per frame, as in `look.json`."""


class Map(Model):
    """Grid scans as maps: `map.json`."""

    schema_version: Literal["map-1"] = Field(default=MAP_SCHEMA, alias="schema")
    """Name and version of this schema."""
    state: State
    """`running` until the last frame was looked at."""
    updated: datetime
    """When this was written (UTC)."""
    score: str
    """`spots`, `intensity`, `resolution` or `combined`."""
    maps: tuple[MapPart, ...]
    """One or two grids."""
    shared_axis: str | None = None
    """`columns` or `rows`: the axis two grids have in common."""
    positions: tuple[MapPosition, ...] | None = None
    """Crystals in three dimensions, the best first; null with one grid."""
    warnings: tuple[str, ...] = ()
    """What should be known, as sentences."""

    def to_json(self) -> str:
        """The text of `map.json`: compact, as it is written several times a second."""
        return self.model_dump_json() + "\n"
