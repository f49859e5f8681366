"""From maps to `map.json`; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from beampace.analysis import GridCrystal, GridMap, OrderCheck, Position
from beampace.results.look_schema import LookedAt, LookFrames, State
from beampace.results.map_schema import GridInfo, Map, MapCrystal, MapPart, MapPosition
from beampace.results.schema import Column


def grid_info(grid: GridMap, source: str, check: OrderCheck, *, order_given: bool) -> GridInfo:
    """The published form of a grid's shape."""
    shape = grid.shape
    return GridInfo(
        columns=shape.columns,
        rows=shape.rows,
        snaked=shape.snaked,
        vertical=shape.vertical,
        corner=shape.corner.value,
        step_um=shape.step_um,
        source=source,
        order_given=order_given,
        correlation=_rounded(check.declared),
        correlation_other=_rounded(check.other),
    )


def map_part(
    dataset: LookedAt,
    frames: LookFrames,
    info: GridInfo,
    grid: GridMap,
    crystals: Sequence[GridCrystal],
    columns: Mapping[str, Column],
) -> MapPart:
    """The published form of one grid."""
    return MapPart(
        dataset=dataset,
        frames=frames,
        grid=info,
        scores=tuple(tuple(_rounded(value) for value in row) for row in grid.scores.tolist()),
        lit=tuple(map(tuple, grid.lit.tolist())),
        numbers=tuple(map(tuple, grid.shape.numbers().tolist())),
        crystals=tuple(MapCrystal(**asdict(crystal)) for crystal in crystals),
        columns=columns,
    )


def map_record(
    parts: Sequence[MapPart],
    now: datetime,
    score: str,
    warnings: Sequence[str],
    *,
    as_state: State,
    shared_axis: str | None = None,
    positions: Sequence[Position] | None = None,
) -> Map:
    """The content of `map.json`."""
    return Map(
        state=as_state,
        updated=now,
        score=score,
        maps=tuple(parts),
        shared_axis=shared_axis,
        positions=None if positions is None else tuple(MapPosition(**asdict(one)) for one in positions),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
