"""Grid scans: how much crystal each cell of a raster sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_FINE = 5  # points per cell and direction
_DEPTHS = 41


@dataclass(frozen=True, slots=True)
class Blob:
    """An ellipsoid of crystal; several of them that overlap make an irregular shape.

    Attributes:
        centre: (across, down) from the upper left corner of the grid, in cells.
        half_axes: (across, down, depth) in cells.
        turn: degrees by which it is turned in the plane of the grid.
        lattice: which lattice of the scenario it has.
    """

    centre: tuple[float, float]
    half_axes: tuple[float, float, float]
    turn: float = 0.0
    lattice: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """A raster of stills.

    Attributes:
        columns, rows: cells.
        blobs: the crystals.
        beam: full width at half maximum of the beam, in cells.
        snake: every second line runs backwards.
        vertical: the raster goes down the columns first.
    """

    columns: int
    rows: int
    blobs: tuple[Blob, ...]
    beam: float = 1.0
    snake: bool = True
    vertical: bool = False

    @property
    def n_cells(self) -> int:
        """Cells, and frames."""
        return self.columns * self.rows

    def cell(self, number: int) -> tuple[int, int]:
        """(column, row), from 0, of frame `number`."""
        per_line = self.rows if self.vertical else self.columns
        line, place = divmod(number - 1, per_line)
        if self.snake and line % 2:
            place = per_line - 1 - place
        return (line, place) if self.vertical else (place, line)

    def volumes(self, lattice: int) -> npt.NDArray[np.float64]:
        """Crystal of one lattice seen by the beam in each cell, (rows, columns); the largest is 1.

        The scale is that of the strongest lattice, so lattices can be compared.
        """
        maps = {index: self._seen(index) for index in {blob.lattice for blob in self.blobs}}
        largest = max((float(one.max()) for one in maps.values()), default=0.0)
        if lattice not in maps or largest == 0:
            return np.zeros((self.rows, self.columns))
        return maps[lattice] / largest

    def _seen(self, lattice: int) -> npt.NDArray[np.float64]:
        """Thickness of the union of the blobs, weighted with the beam about each cell's centre."""
        across = (np.arange(self.columns * _FINE) + 0.5) / _FINE
        down = (np.arange(self.rows * _FINE) + 0.5) / _FINE
        blobs = [blob for blob in self.blobs if blob.lattice == lattice]
        deepest = max(blob.half_axes[2] for blob in blobs)
        thickness = np.zeros((down.size, across.size))
        for depth in np.linspace(-deepest, deepest, _DEPTHS):
            inside = [_inside(blob, across[None, :], down[:, None], float(depth)) for blob in blobs]
            thickness += np.any(inside, axis=0) * (2 * deepest / _DEPTHS)
        return self._weights(down, self.rows) @ thickness @ self._weights(across, self.columns).T

    def _weights(self, points: npt.NDArray[np.float64], cells: int) -> npt.NDArray[np.float64]:
        """Gaussian beam along one direction, (cells, points)."""
        sigma = self.beam / 2.3548
        offset = points[None, :] - (np.arange(cells)[:, None] + 0.5)
        return np.asarray(np.exp(-0.5 * (offset / sigma) ** 2))


def _inside(
    blob: Blob, across: npt.NDArray[np.float64], down: npt.NDArray[np.float64], depth: float
) -> npt.NDArray[np.bool_]:
    angle = np.radians(blob.turn)
    x, y = across - blob.centre[0], down - blob.centre[1]
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    a, b, c = blob.half_axes
    return np.asarray((u / a) ** 2 + (v / b) ** 2 + (depth / c) ** 2 <= 1)
