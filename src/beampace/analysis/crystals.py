"""Crystals in a map: connected regions, ranked, with centres; two orthogonal maps give 3-D positions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from beampace.analysis.grid import GridMap
from beampace.analysis.regions import regions
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

FAINTEST = 0.1
"""Cells below this fraction of the best cell belong to no crystal."""
HALF = 0.5
"""A crystal is where the score is at least this fraction of the crystal's own peak (dlstbx: of the map's)."""
VOLUME_FRACTION = 0.25
"""The same for the product of two maps, as in dlstbx's 3-D centring."""
MOST_VOXELS = 50_000_000

Floats = npt.NDArray[np.float64]


class SharedAxis(StrEnum):
    """The axis two orthogonal grids have in common: about it the sample was turned in between."""

    COLUMNS = "columns"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class GridCrystal:
    """One crystal of a map.

    Attributes:
        rank: 1 is the best.
        centre: centre of mass of the score (column, row) in cells from the corner of the grid's first cell.
        centre_um: the same in um, when the step is known.
        extent: cells (columns, rows) of the box around it; extent_um: in um, when the step is known.
        best_cell: (column, row) of the highest score; best_frame: its frame.
        peak: highest score; total: sum over the region.
        n_cells: cells of the region.
        cells: (column, row) of all of them.
    """

    rank: int
    centre: tuple[float, float]
    centre_um: tuple[float, float] | None
    extent: tuple[int, int]
    extent_um: tuple[float, float] | None
    best_cell: tuple[int, int]
    best_frame: int
    peak: float
    total: float
    n_cells: int
    cells: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Position:
    """One crystal seen in two orthogonal grids.

    Attributes:
        rank: 1 is the best.
        centre: (x, y, z) in cells: x along the shared axis, y across it in the first grid, z in the second.
        centre_um: the same in um, when both steps are known.
        best_voxel: (x, y, z) of the highest product; extent: voxels of the box around the region.
        peak, total: highest product and sum over the region; n_voxels: its size.
    """

    rank: int
    centre: tuple[float, float, float]
    centre_um: tuple[float, float, float] | None
    best_voxel: tuple[int, int, int]
    extent: tuple[int, int, int]
    peak: float
    total: float
    n_voxels: int


def find_crystals(grid: GridMap, faintest: float = FAINTEST, half: float = HALF) -> tuple[GridCrystal, ...]:
    """Crystals of a map, the one with the largest summed score first; none when no cell diffracts.

    Cells that diffract and reach `faintest` of the best cell form 8-connected regions; within each, the parts
    at or above `half` of that region's own peak are the crystals, so that a weak crystal beside a strong one
    is found and two strong ones that touch at their feet stay two. A missing cell belongs to nothing,
    but does not part its neighbours.
    """
    scores = np.where(grid.lit & ~grid.missing, grid.scores, 0.0)
    top = float(scores.max())
    if top <= 0:
        return ()
    bright = _bridged(scores >= faintest * top, grid.missing)
    found = [part for region in regions(bright) for part in _parts(scores, region, half, grid.missing)]
    found.sort(key=lambda cells: (-scores[tuple(cells.T)].sum(), tuple(cells[0])))
    return tuple(_crystal(grid, scores, cells, rank) for rank, cells in enumerate(found, start=1))


def combine(
    first: GridMap,
    second: GridMap,
    shared: SharedAxis = SharedAxis.COLUMNS,
    fraction: float = VOLUME_FRACTION,
) -> tuple[Position, ...]:
    """Positions in 3-D from two orthogonal grids: V[x, y, z] = A[x, y] B[x, z], 26-connected regions.

    Args:
        first: a map; its missing cells give missing voxels.
        second: a map of the same kind, taken 90 degrees later.
        shared: the axis they have in common, over the same cells.
        fraction: voxels at or above this fraction of the highest belong to a region.

    Raises:
        InputError: `bad_request`: the shared axis differs in cells or step, or the volume is too large.
    """
    one, two = _along(first, shared), _along(second, shared)
    step = _steps(first, second, shared)
    if one.shape[0] != two.shape[0]:
        raise failure(
            Failure.BAD_REQUEST,
            f"The grids have {one.shape[0]} and {two.shape[0]} cells along the axis they share ({shared}).",
        )
    if one.size * two.shape[1] > MOST_VOXELS:
        raise failure(
            Failure.BAD_REQUEST, f"Grids of {one.shape} and {two.shape} cells are too large to combine."
        )
    volume = np.nan_to_num(one)[:, :, None] * np.nan_to_num(two)[:, None, :]
    top = float(volume.max())
    if top <= 0:
        return ()
    found = sorted(regions(volume >= fraction * top), key=lambda cells: -volume[tuple(cells.T)].sum())
    return tuple(_position(volume, cells, step, rank) for rank, cells in enumerate(found, start=1))


def _parts(
    scores: Floats, region: npt.NDArray[np.int64], half: float, missing: npt.NDArray[np.bool_]
) -> list[npt.NDArray[np.int64]]:
    """The parts of a region that reach `half` of its peak, without the missing cells that connect them."""
    inside = np.zeros(scores.shape, np.bool_)
    inside[tuple(region.T)] = scores[tuple(region.T)] >= half * scores[tuple(region.T)].max()
    parts = regions(_bridged(inside, missing))
    return [part[inside[tuple(part.T)]] for part in parts]


def _bridged(bright: npt.NDArray[np.bool_], missing: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Bright cells and the missing ones between two of them: one lost frame does not cut a crystal in two."""
    padded = np.pad(bright, 1)
    rows, columns = bright.shape

    def shifted(down: int, right: int) -> npt.NDArray[np.bool_]:
        return padded[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]

    between = np.zeros_like(bright)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        between |= shifted(down, right) & shifted(-down, -right)
    return bright | (missing & between)


def _crystal(grid: GridMap, scores: Floats, cells: npt.NDArray[np.int64], rank: int) -> GridCrystal:
    weights = scores[tuple(cells.T)]
    row, column = (float(value) + 0.5 for value in np.average(cells, axis=0, weights=weights))
    rows, columns = (int(value) for value in np.ptp(cells, axis=0) + 1)
    best_row, best_column = (int(value) for value in cells[int(weights.argmax())])
    step = grid.shape.step_um
    return GridCrystal(
        rank=rank,
        centre=(column, row),
        centre_um=None if step is None else (column * step[0], row * step[1]),
        extent=(columns, rows),
        extent_um=None if step is None else (columns * step[0], rows * step[1]),
        best_cell=(best_column, best_row),
        best_frame=grid.shape.number(best_column, best_row),
        peak=float(weights.max()),
        total=float(weights.sum()),
        n_cells=int(cells.shape[0]),
        cells=tuple((int(x), int(y)) for y, x in cells),
    )


def _position(
    volume: Floats, cells: npt.NDArray[np.int64], step: tuple[float, float, float] | None, rank: int
) -> Position:
    weights = volume[tuple(cells.T)]
    x, y, z = (float(value) + 0.5 for value in np.average(cells, axis=0, weights=weights))
    best, extent = cells[int(weights.argmax())], np.ptp(cells, axis=0) + 1
    return Position(
        rank=rank,
        centre=(x, y, z),
        centre_um=None if step is None else (x * step[0], y * step[1], z * step[2]),
        best_voxel=(int(best[0]), int(best[1]), int(best[2])),
        extent=(int(extent[0]), int(extent[1]), int(extent[2])),
        peak=float(weights.max()),
        total=float(weights.sum()),
        n_voxels=int(cells.shape[0]),
    )


def _along(grid: GridMap, shared: SharedAxis) -> Floats:
    """Scores with the shared axis first; cells that do not diffract are zero."""
    scores = np.where(grid.missing | grid.lit, grid.scores, 0.0)
    return scores.T if shared is SharedAxis.COLUMNS else scores


def _steps(first: GridMap, second: GridMap, shared: SharedAxis) -> tuple[float, float, float] | None:
    one, two = first.shape.step_um, second.shape.step_um
    if one is None or two is None:
        return None
    axis = 0 if shared is SharedAxis.COLUMNS else 1
    if abs(one[axis] - two[axis]) > 1e-3 * one[axis]:
        raise failure(
            Failure.BAD_REQUEST, f"The two grids have steps of {one[axis]} and {two[axis]} um along {shared}."
        )
    return (one[axis], one[1 - axis], two[1 - axis])
