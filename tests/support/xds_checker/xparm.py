"""XPARM.XDS: all diffraction parameters, as IDXREF leaves them and INTEGRATE takes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.support.xds_checker.geometry import Floats, Geometry, unit
from tests.support.xds_checker.log import VERSION, StepError


@dataclass(frozen=True, eq=False)
class Xparm:
    """What the file says.

    Attributes:
        geometry: beam, spindle, detector.
        group: space group number.
        axes: 3x3, rows a, b, c at spindle zero, angstrom.
    """

    geometry: Geometry
    group: int
    axes: Floats

    @property
    def reciprocal(self) -> Floats:
        """3x3, columns a*, b*, c* at spindle zero."""
        return np.linalg.inv(self.axes)

    @property
    def cell(self) -> tuple[float, ...]:
        """Six parameters."""
        return cell_of(self.axes)


def cell_of(axes: Floats) -> tuple[float, ...]:
    """Cell parameters of rows a, b, c."""
    lengths = np.linalg.norm(axes, axis=1)
    cosines = [axes[i] @ axes[j] / lengths[i] / lengths[j] for i, j in ((1, 2), (0, 2), (0, 1))]
    return (*map(float, lengths), *(float(np.degrees(np.arccos(np.clip(c, -1, 1)))) for c in cosines))


def write_xparm(path: Path, xparm: Xparm) -> None:
    """Write it in the format of 2010 and later."""
    g = xparm.geometry
    cell = xparm.cell
    lines = [
        f" XPARM.XDS    {VERSION.strip('()')}",
        f"{g.start_frame:6d}{g.start_angle:14.4f}{g.width:10.4f}" + _row(g.axis, 10, 6),
        f"{g.wavelength:15.6f}" + _row(g.s0, 15, 6),
        f"{xparm.group:6d}" + _row(cell[:3], 12, 4) + _row(cell[3:], 8, 3),
        *(_row(axis, 15, 6) for axis in xparm.axes),
        f"{1:10d}{g.size[0]:10d}{g.size[1]:10d}{g.pixel[0]:12.6f}{g.pixel[1]:12.6f}",
        _row((*g.org, g.distance), 15, 6),
        *(_row(axis, 15, 6) for axis in g.frame.T),
        f"{1:10d}{1:10d}{g.size[0]:10d}{1:10d}{g.size[1]:10d}",
        "    0.00    0.00    0.00  1.00000  0.00000  0.00000  0.00000  1.00000  0.00000",
    ]
    path.write_text("\n".join(lines) + "\n")


def _row(values: object, width: int, digits: int) -> str:
    return "".join(f"{value:{width}.{digits}f}" for value in np.asarray(values, float))


_ROWS = [6, 4, 7, 3, 3, 3, 5, 3, 3, 3, 3]
"""Numbers in each line after the first."""


def read_xparm(path: Path) -> Xparm:
    """Read it.

    Raises:
        StepError: it cannot be read.
    """
    try:
        first, *lines = path.read_text().splitlines()
        rows = [[float(word) for word in line.split()] for line in lines]
    except (OSError, ValueError, IndexError):
        first, rows = "", []
    if "XPARM.XDS" not in first or [len(row) for row in rows[:11]] != _ROWS:
        raise StepError(f'CANNOT OPEN OR READ FILE "{path.name}"')
    return _from_rows(rows)


def _from_rows(rows: list[list[float]]) -> Xparm:
    geometry = Geometry(
        s0=np.array(rows[1][1:4]),
        axis=unit(rows[0][3:6]),
        frame=np.array(rows[8:11]).T,
        org=(rows[7][0], rows[7][1]),
        distance=rows[7][2],
        pixel=(rows[6][3], rows[6][4]),
        size=(int(rows[6][1]), int(rows[6][2])),
        start_frame=int(rows[0][0]),
        start_angle=rows[0][1],
        width=rows[0][2],
    )
    return Xparm(geometry, int(rows[2][0]), np.array(rows[3:6]))
