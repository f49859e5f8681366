"""The shape of a grid: who says it, and what is done when nobody does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from beampace.analysis import GridShape, Score
from beampace.core.dataset import DatasetKind, Hint
from beampace.core.errors import InputError
from beampace.eiger import examine, open_container
from beampace.simulate.files import write_dataset
from beampace.simulate.options import InfoFile, WriteOptions
from beampace.work.map_shape import GridWishes, settle_order, shape_of, size_warning
from tests.support.eiger_data import small_dataset, small_frame, small_mask


def container(directory: Path, *, per_file=12, triggers=1, grid=None):
    dataset = small_dataset(12, width=0.0, kind=DatasetKind.GRID, starts=(90.0,) * 12)
    dataset = replace(dataset, hint=Hint(grid=grid))
    info = InfoFile.BEFORE if grid else InfoFile.NEVER
    options = WriteOptions(images_per_file=per_file, triggers=triggers, info=info)
    frames = (small_frame(number) for number in range(1, 13))
    return open_container(write_dataset(dataset, small_mask(), frames, directory, options))


def shaped(found, wishes=GridWishes()):  # noqa: B008 (frozen)
    return shape_of(found, examine(found).blocks, wishes)


def test_the_user_goes_before_all(tmp_path):
    found = shaped(container(tmp_path, grid=(6, 2)), GridWishes((3, 4), (20.0, 10.0), snaked=True))
    assert (found.shape.columns, found.shape.rows, found.shape.snaked) == (3, 4, True)
    assert found.shape.step_um == (20.0, 10.0) and found.sure


def test_info_txt(tmp_path):
    found = shaped(container(tmp_path, grid=(6, 2)))
    assert (found.shape.columns, found.shape.rows) == (6, 2) and "info.txt" in found.source and found.sure


def test_triggers(tmp_path):
    found = shaped(container(tmp_path, triggers=3))
    assert (found.shape.columns, found.shape.rows) == (4, 3) and "3 triggers" in found.source
    upright = shaped(container(tmp_path / "b", triggers=3), GridWishes(vertical=True))
    assert (upright.shape.columns, upright.shape.rows) == (3, 4)


def test_images_per_file(tmp_path):
    found = shaped(container(tmp_path, per_file=4))
    assert (found.shape.columns, found.shape.rows) == (4, 3) and "3 data files" in found.source
    assert not found.sure


def test_nothing_known_is_one_line_and_says_so(tmp_path):
    found = shaped(container(tmp_path))
    assert (found.shape.columns, found.shape.rows) == (12, 1) and "--grid" in found.source and not found.sure


def test_an_impossible_shape_is_refused(tmp_path):
    with pytest.raises(InputError):
        shaped(container(tmp_path), GridWishes((0, 5)))


def test_size_that_does_not_fit_is_warned_of():
    assert size_warning(GridShape(4, 3), 12) == ""
    assert "12 cells" in size_warning(GridShape(4, 3), 13)


@dataclass(frozen=True)
class Cell:
    """A frame's score."""

    number: int
    n_spots_good: int
    intensity: float = 0.0
    d_min: float | None = None


def cells(shape: GridShape) -> list[Cell]:
    """Frames of a scan over one round crystal off the middle, in the order of a shape."""
    y, x = np.mgrid[: shape.rows, : shape.columns]
    spots = 300 * np.exp(-(((x - 0.3 * shape.columns) / 2) ** 2) - ((y - 0.3 * shape.rows) / 2.5) ** 2)
    numbers = shape.numbers()
    return [Cell(int(numbers[r, c]), int(spots[r, c])) for r, c in np.ndindex(spots.shape)]


@pytest.mark.parametrize("vertical", [False, True])
def test_an_order_nobody_gave_is_read_from_the_data(vertical):
    true = GridShape(12, 10, snaked=True, vertical=vertical)
    settled = settle_order(replace(true, snaked=False), cells(true), Score.SPOTS, given=False)
    assert settled.grid.shape == true and "snake" in settled.words
    row, column = np.unravel_index(np.argmax(settled.grid.scores), settled.grid.scores.shape)
    assert (abs(column - 3.6) < 1.0) and (abs(row - 3) < 1.0)
    kept = settle_order(
        replace(true, snaked=False), cells(replace(true, snaked=False)), Score.SPOTS, given=False
    )
    assert not kept.grid.shape.snaked and kept.words == ""


def test_a_given_order_stays_and_is_warned_of():
    true = GridShape(12, 10, snaked=True)
    declared = replace(true, snaked=False)
    settled = settle_order(declared, cells(true), Score.SPOTS, given=True)
    assert settled.grid.shape == declared and "probably wrong" in settled.words
    assert settle_order(true, cells(true), Score.SPOTS, given=True).words == ""
