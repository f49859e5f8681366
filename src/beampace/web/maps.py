"""Values per frame, maps and strategies of a dataset, for JSON and pages."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from beampace.core.work import WorkName
from beampace.results.look_schema import Look, LookFrames
from beampace.results.map_schema import Map, MapPart
from beampace.results.strategy_schema import Strategy
from beampace.store import DatasetRow
from beampace.web.left import Left, Reading, dataset_for, left_by, newest, read
from beampace.web.lines import verdict_of
from beampace.web.lines.plan_text import plan_text
from beampace.web.lines.scan_order import order_words
from beampace.web.parts import Parts
from beampace.web.records.columns import ColumnsPage
from beampace.web.records.lines import Verdict
from beampace.web.records.map import MapPage
from beampace.web.records.strategy import StrategyPage
from beampace.web.result_files import files_of_result
from beampace.web.viewer import Viewer

NOT_LOOKED_AT = "Nobody has looked at its frames yet."
NO_MAP = "There is no map of this dataset."
NO_STRATEGY = "No strategy has been calculated for this dataset."


def columns_page(parts: Parts, viewer: Viewer, number: int) -> ColumnsPage:
    """Values per frame of the newest look or map; without any, why.

    Raises:
        HTTPException: 404: there is no such dataset, as far as the viewer may know.
    """
    row = dataset_for(parts, viewer, number)
    why = ""
    for left in left_by(parts, viewer, number, (WorkName.LOOK, WorkName.MAP)):
        page, gone = (
            _look_columns(parts, row, left) if left.work is WorkName.LOOK else _map_columns(row, left)
        )
        if page is not None:
            return page
        why = why or gone
    return ColumnsPage(dataset=number, words=why or NOT_LOOKED_AT)


def map_reading(parts: Parts, viewer: Viewer, number: int) -> Reading[Map]:
    """The newest map that can be read, or why there is none."""
    return newest(Map, left_by(parts, viewer, number, (WorkName.MAP,)), NO_MAP)


def map_page(parts: Parts, viewer: Viewer, number: int) -> MapPage:
    """The newest map, under way or done.

    Raises:
        HTTPException: 404: there is no such dataset, as far as the viewer may know, or no map of it.
    """
    row = dataset_for(parts, viewer, number)
    reading = map_reading(parts, viewer, number)
    if reading.left is None:
        raise HTTPException(404, NO_MAP.rstrip("."))
    if reading.value is None:
        raise HTTPException(404, f"The map cannot be shown: {reading.gone.rstrip('.')}")
    return _map_page(parts, viewer, row, reading.value, reading.left)


def strategy_reading(parts: Parts, viewer: Viewer, number: int) -> Reading[Strategy]:
    """The newest strategy that can be read, or why there is none."""
    return newest(Strategy, left_by(parts, viewer, number, (WorkName.STRATEGY,)), NO_STRATEGY)


def strategy_page(parts: Parts, viewer: Viewer, number: int) -> StrategyPage:
    """The newest strategy.

    Raises:
        HTTPException: 404: there is no such dataset, as far as the viewer may know, or no strategy for it.
    """
    dataset_for(parts, viewer, number)
    reading = strategy_reading(parts, viewer, number)
    strategy, left = reading.value, reading.left
    if left is None or left.row is None:
        raise HTTPException(404, NO_STRATEGY.rstrip("."))
    if strategy is None:
        raise HTTPException(404, f"The strategy cannot be shown: {reading.gone.rstrip('.')}")
    plan = strategy.recommendation
    return StrategyPage(
        dataset=number,
        result=left.row.id,
        verdict=verdict_of(left.row),
        text="" if plan is None else plan_text(plan),
        strategy=strategy,
    )


def part_of(found: Map, row: DatasetRow) -> int:
    """Which grid of a map is that of a dataset: two orthogonal grids share one map."""
    same = [k for k, part in enumerate(found.maps) if part.dataset.id == row.identity]
    named = [k for k, part in enumerate(found.maps) if part.dataset.name == row.name]
    return next(iter(same + named), 0)


def _look_columns(parts: Parts, row: DatasetRow, left: Left) -> tuple[ColumnsPage | None, str]:
    reading = read(Look, left)
    look = reading.value
    if look is None:
        return _result_columns(parts, row, left), reading.gone
    return _columns(row, left, look, look).model_copy(update={"useful_range": look.useful_range}), ""


def _result_columns(parts: Parts, row: DatasetRow, left: Left) -> ColumnsPage | None:
    """The same columns are in the result.json of a look."""
    result = files_of_result(parts.places.result(left.row)).result if left.row else None
    if result is None or left.row is None or not result.columns:
        return None
    return ColumnsPage(
        dataset=row.id, work=left.work, job=left.job, result=left.row.id, columns=result.columns
    )


def _map_columns(row: DatasetRow, left: Left) -> tuple[ColumnsPage | None, str]:
    reading = read(Map, left)
    found = reading.value
    if found is None or not found.maps:
        return None, reading.gone
    return _columns(row, left, found, found.maps[part_of(found, row)]), ""


def _columns(row: DatasetRow, left: Left, file: Look | Map, part: Look | MapPart) -> ColumnsPage:
    """The values per frame of a file, or of one grid of it."""
    return ColumnsPage(
        dataset=row.id,
        work=left.work,
        job=left.job,
        result=left.row.id if left.row else None,
        state=file.state,
        updated=file.updated,
        frames=part.frames,
        warnings=file.warnings,
        columns=part.columns,
    )


def _map_page(parts: Parts, viewer: Viewer, row: DatasetRow, found: Map, left: Left) -> MapPage:
    own = part_of(found, row)
    numbers = [
        row.id if index == own else _number(parts, viewer, row, part) for index, part in enumerate(found.maps)
    ]
    frames = found.maps[own].frames if found.maps else None
    return MapPage(
        dataset=row.id,
        job=left.job,
        result=left.row.id if left.row else None,
        verdict=verdict_of(left.row) if left.row else _under_way(frames),
        part=own,
        datasets=tuple(numbers),
        order=tuple(order_words(part.grid) for part in found.maps),
        map=found,
    )


def _number(parts: Parts, viewer: Viewer, row: DatasetRow, part: MapPart) -> int | None:
    """The dataset of the other grid: in the same beamtime and group, and seen by the viewer."""
    other = parts.ledger.dataset_at_in(viewer.scope, part.dataset.path)
    same = other is not None and (other.beamtime, other.group) == (row.beamtime, row.group)
    return other.id if other is not None and same else None


def _under_way(frames: LookFrames | None) -> Verdict:
    if frames is None:
        return Verdict(words="The map begins with the first frame.")
    done = frames.analysed + frames.failed
    return Verdict(words=f"Being mapped: {done} of {frames.announced} frames.")
