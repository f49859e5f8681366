from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.analysis import Corner, GridShape, Score, check_order, make_map, score_of
from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure

SHAPES = st.builds(
    GridShape,
    columns=st.integers(1, 12),
    rows=st.integers(1, 12),
    snaked=st.booleans(),
    vertical=st.booleans(),
    corner=st.sampled_from(Corner),
)


@dataclass(frozen=True)
class Cell:
    """As much of an analysis as a map needs."""

    number: int
    n_spots_good: int
    intensity: float = 0.0
    d_min: float | None = None


def _scan(shape: GridShape, picture: np.ndarray) -> list[Cell]:
    """The frames a scan of the true picture (rows, columns) would give."""
    cells = [shape.cell(number) for number in range(1, shape.n_cells + 1)]
    return [Cell(k, int(picture[row, column])) for k, (column, row) in enumerate(cells, start=1)]


def _picture(columns: int, rows: int, x: float, y: float, seed: int = 0) -> np.ndarray:
    row, column = np.mgrid[:rows, :columns]
    mean = 2 + 150 * np.exp(-((column - x) ** 2 / 8 + (row - y) ** 2 / 5))
    return np.random.default_rng(seed).poisson(mean)


@given(SHAPES)
def test_cells_and_frames_are_inverse(shape):
    cells = [shape.cell(number) for number in range(1, shape.n_cells + 1)]
    assert len(set(cells)) == shape.n_cells
    assert [shape.number(*cell) for cell in cells] == list(range(1, shape.n_cells + 1))
    assert shape.numbers().shape == (shape.rows, shape.columns)


@pytest.mark.parametrize(
    ("shape", "numbers"),
    [
        (GridShape(3, 2), [[1, 2, 3], [4, 5, 6]]),
        (GridShape(3, 2, snaked=True), [[1, 2, 3], [6, 5, 4]]),
        (GridShape(3, 2, vertical=True), [[1, 3, 5], [2, 4, 6]]),
        (GridShape(3, 2, snaked=True, vertical=True), [[1, 4, 5], [2, 3, 6]]),
        (GridShape(3, 2, corner=Corner.BOTTOM_LEFT), [[4, 5, 6], [1, 2, 3]]),
        (GridShape(3, 2, snaked=True, corner=Corner.TOP_RIGHT), [[3, 2, 1], [4, 5, 6]]),
    ],
)
def test_orders_by_hand(shape, numbers):
    assert shape.numbers().tolist() == numbers


def test_impossible_grids_and_cells_are_refused():
    for columns, rows in ((0, 5), (5, -1), (10**4, 10**4)):
        with pytest.raises(InputError) as refused:
            GridShape(columns, rows)
        assert refused.value.code is Failure.BAD_REQUEST
    for call in (
        lambda: GridShape(3, 2).cell(7),
        lambda: GridShape(3, 2).cell(0),
        lambda: GridShape(3, 2).number(3, 0),
    ):
        with pytest.raises(IndexError):
            call()


def test_a_missing_frame_is_missing_and_an_empty_one_is_zero():
    shape = GridShape(4, 3, snaked=True)
    grid = make_map(shape, [Cell(1, 0), Cell(5, 9), Cell(99, 50)])
    assert grid.scores[0, 0] == 0
    assert grid.scores[1, 3] == 9
    assert int(grid.missing.sum()) == 10
    assert grid.lit.sum() == 1


def test_scores():
    far, near, blind = Cell(1, 40, 900.0, 1.5), Cell(2, 40, 900.0, 3.0), Cell(3, 40, 10.0, None)
    assert [score_of(cell, Score.SPOTS) for cell in (far, near, blind)] == [40, 40, 40]
    assert score_of(far, Score.INTENSITY) == 900
    assert score_of(far, Score.RESOLUTION) == pytest.approx(1 / 1.5)
    assert score_of(blind, Score.RESOLUTION) == 0
    assert score_of(far, Score.COMBINED) > score_of(near, Score.COMBINED) > score_of(blind, Score.COMBINED)


@pytest.mark.parametrize("vertical", [False, True])
@pytest.mark.parametrize("snaked", [False, True])
def test_a_wrong_order_is_noticed_and_a_right_one_is_not(snaked, vertical):
    true = GridShape(20, 12, snaked=snaked, vertical=vertical)
    frames = _scan(true, _picture(20, 12, 5.0, 4.0))
    right = check_order(make_map(true, frames))
    assert right.suggestion is None
    assert right.words == ""
    declared = replace(true, snaked=not snaked)
    wrong = check_order(make_map(declared, frames))
    assert wrong.suggestion == true
    assert "probably wrong" in wrong.words
    assert wrong.other == pytest.approx(right.declared)


def test_a_wrong_order_is_noticed_with_frames_missing():
    true = GridShape(20, 12, snaked=True)
    frames = [cell for cell in _scan(true, _picture(20, 12, 4.0, 6.0)) if not 41 <= cell.number <= 60]
    assert check_order(make_map(replace(true, snaked=False), frames)).suggestion == true


@pytest.mark.parametrize("seed", range(20))
def test_noise_and_symmetry_raise_no_alarm(seed):
    shape = GridShape(15, 10)
    noise = np.random.default_rng(seed).poisson(3, (10, 15))
    assert check_order(make_map(shape, _scan(shape, noise))).suggestion is None
    centred = _picture(15, 10, 7.0, 4.5, seed)
    assert check_order(make_map(shape, _scan(shape, centred))).suggestion is None


def test_nothing_can_be_said_of_a_line_or_an_empty_map():
    line = check_order(make_map(GridShape(9, 1), [Cell(k, k) for k in range(1, 10)]))
    assert math.isnan(line.declared)
    empty = check_order(make_map(GridShape(9, 9), []))
    assert empty.suggestion is None
