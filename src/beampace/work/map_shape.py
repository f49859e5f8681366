"""The shape of a grid: what the user says, what `info.txt` says, what the files say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from beampace.analysis import Corner, GridMap, GridShape, OrderCheck, Score, check_order, make_map
from beampace.analysis.grid import Scored
from beampace.core.errors import InputError, failure
from beampace.core.taxonomy import Failure
from beampace.eiger import Block, Container, open_read
from beampace.eiger.reader import announced_frames
from beampace.eiger.values import Values

LIKELIER = 0.05
"""An order nobody gave is the one whose neighbouring lines correlate better by this much, else raster."""


@dataclass(frozen=True, slots=True)
class GridWishes:
    """What the user says of a grid.

    Attributes:
        size: (columns, rows), or None.
        step_um: of a cell along a row and along a column, or None.
        snaked: True for snake, False for raster, None to let the data decide.
        vertical: whether the lines of the scan are columns.
        corner: where the first frame lies.
    """

    size: tuple[int, int] | None = None
    step_um: tuple[float, float] | None = None
    snaked: bool | None = None
    vertical: bool = False
    corner: Corner = Corner.TOP_LEFT


@dataclass(frozen=True, slots=True)
class Shaped:
    """A shape, and where it comes from.

    Attributes:
        shape: of the grid.
        source: as a sentence.
        sure: whether it was said by the user or `info.txt`, not read off the files.
    """

    shape: GridShape
    source: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """A map in the order that was chosen, and what is to be said of the order."""

    grid: GridMap
    check: OrderCheck
    words: str


def shape_of(container: Container, blocks: Iterable[Block], wishes: GridWishes) -> Shaped:
    """The shape of a grid.

    Args:
        container: the container.
        blocks: where its frames are.
        wishes: of the user; they go before everything else.

    Raises:
        InputError: `bad_request`: a shape that cannot be.
    """
    dataset = container.dataset
    if wishes.size is not None:
        return _shaped(*wishes.size, wishes, "The shape was given.", sure=True)
    if dataset.hint.grid is not None:
        columns, rows = dataset.hint.grid
        return _shaped(columns, rows, wishes, f"info.txt says the grid is {columns}x{rows}.", sure=True)
    per_line, source = _line(container, blocks)
    lines = -(-dataset.n_announced // per_line)
    size = (lines, per_line) if wishes.vertical else (per_line, lines)
    return _shaped(*size, wishes, source, sure=False)


def size_warning(shape: GridShape, n_frames: int) -> str:
    """What is to be said when the grid and the dataset differ in size, or ""."""
    if shape.n_cells == n_frames:
        return ""
    return (
        f"The grid of {shape.columns} x {shape.rows} has {shape.n_cells} cells, the dataset "
        f"{n_frames} frames: check the shape (--grid COLUMNSxROWS)."
    )


def settle_order(shape: GridShape, frames: Iterable[Scored], kind: Score, *, given: bool) -> Settled:
    """The map, in the order the data show when none was given; a warning when they contradict a given one."""
    frames = tuple(frames)
    grid = make_map(shape, frames, kind)
    check = check_order(grid)
    if given or not check.other - check.declared > LIKELIER:
        return Settled(grid, check, check.words if given else "")
    turned = replace(shape, snaked=not shape.snaked)
    name, sure = ("snake" if turned.snaked else "raster"), "clearly" if check.suggestion else "somewhat"
    words = (
        f"The scan order was not given; neighbouring lines look {sure} more alike as a {name} scan "
        f"(correlation {check.other:.2f}, else {check.declared:.2f}), so it is shown as one; --snake or "
        "--raster decides."
    )
    return Settled(make_map(turned, frames, kind), OrderCheck(check.other, check.declared, None, ""), words)


def _shaped(columns: int, rows: int, wishes: GridWishes, source: str, *, sure: bool) -> Shaped:
    shape = GridShape(columns, rows, vertical=wishes.vertical, corner=wishes.corner, step_um=wishes.step_um)
    return Shaped(replace(shape, snaked=bool(wishes.snaked)), source, sure)


def _line(container: Container, blocks: Iterable[Block]) -> tuple[int, str]:
    """Frames of a line as triggers or data files tell."""
    n_frames = container.dataset.n_announced
    triggers = _triggers(container.master)
    if 1 < triggers < n_frames and n_frames % triggers == 0:
        return (
            n_frames // triggers,
            f"The master announces {triggers} triggers of {n_frames // triggers} images.",
        )
    counts = [block.count for block in blocks]
    usual = max(counts, default=0)
    if len(counts) > 1 and usual and len(counts) == -(-n_frames // usual):
        return usual, f"There are {len(counts)} data files of {usual} images: one is taken for one line."
    return n_frames, "Nothing says how the grid was scanned: it is shown as one line (--grid COLUMNSxROWS)."


def _triggers(master: Path) -> int:
    try:
        with open_read(master) as handle:
            return announced_frames(master, Values(handle))[1]
    except InputError:
        return 1
    except (KeyError, OSError, RuntimeError) as error:
        raise failure(Failure.FILE_TRUNCATED, f"{master} cannot be read to its end: {error}.") from error
