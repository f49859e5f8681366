from __future__ import annotations

import numpy as np
import pytest

from beampace.analysis import GridMap, GridShape, Score, SharedAxis, combine, find_crystals
from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure


def _map(scores, step_um=None, **how) -> GridMap:
    values = np.array(scores, dtype=float)
    rows, columns = values.shape
    shape = GridShape(columns, rows, step_um=step_um, **how)
    return GridMap(shape, Score.SPOTS, values, np.nan_to_num(values) >= 6)


def _blob(columns, rows, *centres):
    """Sum of gaussians (x, y, height, sigma) at positions in cells from the corner."""
    row, column = np.mgrid[:rows, :columns] + 0.5
    return sum(h * np.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * s * s)) for x, y, h, s in centres)


def test_centre_extent_and_best_cell():
    grid = _map(_blob(20, 10, (6.3, 4.2, 300, 1.5)), step_um=(10.0, 20.0), snaked=True)
    (crystal,) = find_crystals(grid)
    assert crystal.centre == pytest.approx((6.3, 4.2), abs=0.15)
    assert crystal.centre_um == pytest.approx((63, 84), abs=3)
    assert crystal.best_cell in ((6, 4), (6, 3))
    assert crystal.best_frame == grid.shape.number(*crystal.best_cell)
    assert crystal.peak == grid.scores.max()
    assert crystal.extent_um == (crystal.extent[0] * 10, crystal.extent[1] * 20)
    assert crystal.n_cells == len(crystal.cells)


def test_a_weak_crystal_and_two_that_touch_are_told_apart_and_ranked():
    grid = _map(_blob(40, 12, (6, 6, 200, 1.2), (11, 6, 300, 1.2), (30, 4, 60, 1.2)))
    crystals = find_crystals(grid)
    assert [crystal.rank for crystal in crystals] == [1, 2, 3]
    assert [round(crystal.centre[0]) for crystal in crystals] == [11, 6, 30]
    assert crystals[0].total > crystals[1].total > crystals[2].total


def test_cells_that_touch_at_a_corner_are_one_crystal():
    assert len(find_crystals(_map([[50, 0, 0], [0, 50, 0], [0, 0, 50]]))) == 1
    assert len(find_crystals(_map([[50, 0, 50], [0, 0, 0], [0, 0, 0]]))) == 2


def test_a_lost_frame_parts_nothing_and_counts_nothing():
    scores = _blob(11, 1, (5.5, 0.5, 100, 3.0))
    scores[0, 5] = np.nan
    (crystal,) = find_crystals(_map(scores))
    assert (5, 0) not in crystal.cells
    assert crystal.centre[0] == pytest.approx(5.5)
    far = np.array([[80.0, np.nan, np.nan, 80.0]])
    assert len(find_crystals(_map(far))) == 2


def test_no_crystal_in_noise_or_in_nothing():
    assert find_crystals(_map(np.full((5, 5), 3.0))) == ()
    assert find_crystals(_map(np.full((5, 5), np.nan))) == ()


def _projections(columns, rows, depth, crystals):
    """Two orthogonal maps of crystals (x, y, z, height)."""
    front = _blob(columns, rows, *((x, y, h, 1.0) for x, y, _, h in crystals))
    side = _blob(columns, depth, *((x, z, h, 1.0) for x, _, z, h in crystals))
    return front, side


def test_two_orthogonal_grids_give_positions():
    front, side = _projections(30, 12, 16, [(5.5, 3.5, 11.5, 200), (22.5, 8.5, 4.5, 150)])
    positions = combine(_map(front, (10.0, 5.0)), _map(side, (10.0, 2.0)))
    assert [position.rank for position in positions] == [1, 2]
    assert positions[0].centre == pytest.approx((5.5, 3.5, 11.5), abs=0.05)
    assert positions[1].centre == pytest.approx((22.5, 8.5, 4.5), abs=0.05)
    assert positions[0].centre_um == pytest.approx((55, 17.5, 23), abs=0.5)
    assert positions[0].best_voxel == (5, 3, 11)
    turned = combine(_map(front.T), _map(side.T), SharedAxis.ROWS)
    assert turned[0].centre == pytest.approx(positions[0].centre)
    assert turned[0].centre_um is None


def test_the_volume_is_the_product_of_the_maps():
    # By hand: A = 10, 20 along y, B = 30, 60 along z, one column; 0.25 * 1200 = 300 keeps all four.
    (position,) = combine(_map([[10], [20]]), _map([[30], [60]]))
    assert (position.total, position.peak, position.n_voxels) == (2700, 1200, 4)
    assert position.centre == pytest.approx((0.5, 0.5 + 2 / 3, 0.5 + 2 / 3))


def test_grids_that_do_not_share_an_axis_are_refused():
    one, two = _map(_blob(10, 5, (5, 2, 99, 1))), _map(_blob(11, 5, (5, 2, 99, 1)))
    with pytest.raises(InputError) as cells:
        combine(one, two)
    assert cells.value.code is Failure.BAD_REQUEST
    with pytest.raises(InputError):
        combine(_map([[9.0]], (10.0, 10.0)), _map([[9.0]], (12.0, 10.0)))
    assert combine(_map([[0.0]]), _map([[9.0]])) == ()
