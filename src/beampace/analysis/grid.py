"""The grid of a grid scan: which frame belongs to which cell, and the map of a score.

A map has row 0 at the top and column 0 at the left; arrays are (rows, columns). Positions in cells count from
the corner of the first cell: the middle of the first cell is (0.5, 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from beampace.analysis.judge import FEW
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

MOST_CELLS = 1_000_000
USUAL_D_MIN = 2.0
"""Resolution (A) at which a combined score equals the number of spots."""
CLEARLY_BETTER = 0.2
"""The other scan order must correlate better by this much, and by three standard errors, to be suggested."""
LEAST_PAIRS = 12

Floats = npt.NDArray[np.float64]


class Corner(StrEnum):
    """Where a scan begins."""

    TOP_LEFT = "top_left"
    TOP_RIGHT = "top_right"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM_RIGHT = "bottom_right"


class Score(StrEnum):
    """What a map shows; more is better."""

    SPOTS = "spots"
    INTENSITY = "intensity"
    RESOLUTION = "resolution"
    COMBINED = "combined"


class Scored(Protocol):
    """What a map needs of a frame's analysis."""

    @property
    def number(self) -> int:
        """Frame number from 1."""
        ...

    @property
    def n_spots_good(self) -> int:
        """Good spots."""
        ...

    @property
    def intensity(self) -> float:
        """Counts of the good spots."""
        ...

    @property
    def d_min(self) -> float | None:
        """Resolution estimate, A."""
        ...


@dataclass(frozen=True, slots=True)
class GridShape:
    """How a grid was scanned.

    Attributes:
        columns, rows: number of cells.
        snaked: every other line runs backwards.
        vertical: the lines of the scan are columns; else they are rows.
        corner: where the first frame lies.
        step_um: size of a cell (along a row, along a column) in um, or None when unknown.

    Raises:
        InputError: `bad_request`: a side without cells, or more than a million cells.
    """

    columns: int
    rows: int
    snaked: bool = False
    vertical: bool = False
    corner: Corner = Corner.TOP_LEFT
    step_um: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if min(self.columns, self.rows) < 1 or self.columns * self.rows > MOST_CELLS:
            raise failure(
                Failure.BAD_REQUEST, f"A grid of {self.columns} x {self.rows} cells makes no sense."
            )

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.columns * self.rows

    @property
    def per_line(self) -> int:
        """Frames of a line."""
        return self.rows if self.vertical else self.columns

    def cell(self, number: int) -> tuple[int, int]:
        """(column, row) of a frame.

        Raises:
            IndexError: there is no such frame in the grid.
        """
        if not 1 <= number <= self.n_cells:
            raise IndexError(f"there is no frame {number} in a grid of {self.columns} x {self.rows}")
        line, step = divmod(number - 1, self.per_line)
        if self.snaked and line % 2:
            step = self.per_line - 1 - step
        return self._flipped(line, step) if self.vertical else self._flipped(step, line)

    def number(self, column: int, row: int) -> int:
        """Frame of a cell, the inverse of `cell`.

        Raises:
            IndexError: there is no such cell.
        """
        if not (0 <= column < self.columns and 0 <= row < self.rows):
            raise IndexError(f"there is no cell ({column}, {row}) in a grid of {self.columns} x {self.rows}")
        column, row = self._flipped(column, row)
        line, step = (column, row) if self.vertical else (row, column)
        if self.snaked and line % 2:
            step = self.per_line - 1 - step
        return line * self.per_line + step + 1

    def numbers(self) -> npt.NDArray[np.int64]:
        """Frame of every cell, shape (rows, columns)."""
        cells = [[self.number(column, row) for column in range(self.columns)] for row in range(self.rows)]
        return np.array(cells, dtype=np.int64)

    def _flipped(self, column: int, row: int) -> tuple[int, int]:
        if self.corner in (Corner.TOP_RIGHT, Corner.BOTTOM_RIGHT):
            column = self.columns - 1 - column
        if self.corner in (Corner.BOTTOM_LEFT, Corner.BOTTOM_RIGHT):
            row = self.rows - 1 - row
        return column, row


@dataclass(frozen=True, slots=True, eq=False)
class GridMap:
    """A score per cell.

    Attributes:
        shape: how the grid was scanned.
        kind: which score.
        scores: (rows, columns); NaN where the frame is missing, never zero for it.
        lit: cells whose frame shows diffraction.
    """

    shape: GridShape
    kind: Score
    scores: Floats
    lit: npt.NDArray[np.bool_]

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Cells without an answer."""
        return np.isnan(self.scores)


@dataclass(frozen=True, slots=True)
class OrderCheck:
    """Whether neighbouring lines look alike in the declared order of the scan.

    Attributes:
        declared: mean correlation of neighbouring lines as declared; NaN when it cannot be said.
        other: the same with every other line turned round (snake for raster, raster for snake).
        suggestion: the other order when it is clearly better, else None.
        words: a warning, or "" without suggestion.
    """

    declared: float
    other: float
    suggestion: GridShape | None
    words: str


def score_of(frame: Scored, kind: Score) -> float:
    """The score of one frame.

    Spots: the good spots. Intensity: their counts. Resolution: 1/d_min in 1/A, 0 without an estimate.
    Combined: good spots times `USUAL_D_MIN` / d_min, so that of two frames with as many spots the one that
    reaches further wins; without an estimate half the spots.
    """
    if kind is Score.SPOTS:
        return float(frame.n_spots_good)
    if kind is Score.INTENSITY:
        return float(frame.intensity)
    if kind is Score.RESOLUTION:
        return 0.0 if frame.d_min is None else 1 / frame.d_min
    return frame.n_spots_good * (0.5 if frame.d_min is None else USUAL_D_MIN / frame.d_min)


def make_map(shape: GridShape, frames: Iterable[Scored], kind: Score = Score.SPOTS) -> GridMap:
    """The map of the frames that have been analysed; all other cells are missing.

    Frames beyond the grid are left out: the scan was longer than declared.
    """
    scores = np.full((shape.rows, shape.columns), math.nan)
    lit = np.zeros(scores.shape, dtype=np.bool_)
    for frame in frames:
        if 1 <= frame.number <= shape.n_cells:
            column, row = shape.cell(frame.number)
            scores[row, column] = score_of(frame, kind)
            lit[row, column] = frame.n_spots_good >= FEW
    return GridMap(shape, kind, scores, lit)


def check_order(grid: GridMap) -> OrderCheck:
    """Compare neighbouring lines as declared and with every other line turned round.

    Correlations are of square roots of the scores, over all pairs of neighbouring cells with both scores; the
    difference of Fisher's z = atanh(r), standard error sqrt(2/(n - 3)), decides.
    """
    lines = np.sqrt(np.maximum(grid.scores.T if grid.shape.vertical else grid.scores, 0.0))
    turned = lines.copy()
    turned[1::2] = turned[1::2, ::-1]
    declared, n = _neighbour_correlation(lines)
    other, m = _neighbour_correlation(turned)
    n = min(n, m)
    if n < LEAST_PAIRS or math.isnan(declared) or math.isnan(other):
        return OrderCheck(declared, other, None, "")
    significant = _fisher(other) - _fisher(declared) > 3 * math.sqrt(2 / (n - 3))
    if not (significant and other - declared > CLEARLY_BETTER):
        return OrderCheck(declared, other, None, "")
    return OrderCheck(declared, other, *_suggest(grid.shape, declared, other))


def _suggest(shape: GridShape, declared: float, other: float) -> tuple[GridShape, str]:
    names = ("snake", "raster") if shape.snaked else ("raster", "snake")
    words = (
        f"Neighbouring lines look alike as a {names[1]} scan (correlation {other:.2f}), not as the declared "
        f"{names[0]} scan ({declared:.2f}): the declared order is probably wrong."
    )
    return replace(shape, snaked=not shape.snaked), words


def _fisher(correlation: float) -> float:
    return math.atanh(max(-0.999, min(0.999, correlation)))


def _neighbour_correlation(lines: Floats) -> tuple[float, int]:
    """Pearson correlation over all pairs of cells that touch across lines, and their number."""
    here, there = lines[:-1].ravel(), lines[1:].ravel()
    both = ~np.isnan(here) & ~np.isnan(there)
    n = int(both.sum())
    if n < 3 or np.ptp(here[both]) == 0 or np.ptp(there[both]) == 0:
        return math.nan, n
    return float(np.corrcoef(here[both], there[both])[0, 1]), n
