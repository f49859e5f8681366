"""CORRECT of the checker: XPARM.XDS and GXPARM.XDS, and the polarisation of the beam.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.support.xds_checker.correct_input import CheckerStop
from tests.support.xds_checker.correct_lattice import Matrix, cell_of
from tests.support.xds_checker.log import VERSION as LABELLED

Vector = NDArray[np.float64]

VERSION = LABELLED.strip("()")


@dataclass(frozen=True, slots=True)
class Geometry:
    """The contents of XPARM.XDS."""

    starting_frame: int
    starting_angle: float
    oscillation: float
    rotation_axis: Vector
    wavelength: float
    beam: Vector
    group: int
    axes: Matrix
    """The cell axes, one in a row, at spindle angle zero."""
    pixels: tuple[int, int]
    pixel_size: tuple[float, float]
    origin: tuple[float, float]
    distance: float
    detector: Matrix
    """Detector x, y and normal, one in a row."""
    segments: tuple[str, ...]

    @property
    def beam_pixel(self) -> tuple[float, float]:
        """Where the direct beam meets the detector."""
        x, y, along = (float(value) for value in self.detector @ self.beam)
        scale = self.distance / along
        return self.origin[0] + x * scale / self.pixel_size[0], self.origin[1] + y * scale / self.pixel_size[
            1
        ]


def read_geometry(path: Path) -> Geometry:
    """Read XPARM.XDS of the present format.

    Raises:
        CheckerStop: there is no such file, or it is of another format.
    """
    try:
        lines = path.read_text().splitlines()
        if "XPARM.XDS" not in lines[0]:
            raise CheckerStop(f'FILE "{path.name}" IS NOT OF THE EXPECTED FORMAT')
        return _geometry([[float(word) for word in line.split()] for line in lines[1:12]], lines[12:])
    except (OSError, ValueError, IndexError):
        raise CheckerStop(f'CANNOT OPEN OR READ FILE "{path.name}"') from None


def _geometry(rows: list[list[float]], segments: list[str]) -> Geometry:
    return Geometry(
        starting_frame=int(rows[0][0]),
        starting_angle=rows[0][1],
        oscillation=rows[0][2],
        rotation_axis=np.array(rows[0][3:6]),
        wavelength=rows[1][0],
        beam=np.array(rows[1][1:4]),
        group=int(rows[2][0]),
        axes=np.array(rows[3:6]),
        pixels=(int(rows[6][1]), int(rows[6][2])),
        pixel_size=(rows[6][3], rows[6][4]),
        origin=(rows[7][0], rows[7][1]),
        distance=rows[7][2],
        detector=np.array(rows[8:11]),
        segments=tuple(segments),
    )


def write_geometry(geometry: Geometry, path: Path) -> None:
    """Write GXPARM.XDS, which has the format of XPARM.XDS."""
    sweep = (geometry.starting_angle, geometry.oscillation)
    panels = len(geometry.segments) // 2
    cell = cell_of(geometry.axes)
    lines = [
        f" XPARM.XDS    {VERSION}    BEAMPACE TEST CHECKER, NOT XDS",
        f"{geometry.starting_frame:6d}{sweep[0]:14.4f}{sweep[1]:10.4f}{_fixed(geometry.rotation_axis, 10)}",
        _fixed([geometry.wavelength, *geometry.beam], 15),
        f"{geometry.group:6d}{_fixed(cell[:3], 12, 4)}{_fixed(cell[3:], 8, 3)}",
        *(_fixed(row, 16) for row in geometry.axes),
        f"{panels:10d}{geometry.pixels[0]:10d}{geometry.pixels[1]:10d}{_fixed(geometry.pixel_size, 12)}",
        _fixed([*geometry.origin, geometry.distance], 15),
        *(_fixed(row, 15) for row in geometry.detector),
        *geometry.segments,
    ]
    path.write_text("\n".join(lines) + "\n")


def _fixed(values: Iterable[float], width: int, digits: int = 6) -> str:
    return "".join(f"{value:{width}.{digits}f}" for value in values)


def polarisation_factors(
    geometry: Geometry, x: Vector, y: Vector, fraction: float, normal: tuple[float, ...]
) -> Vector:
    """What turns intensities corrected for an unpolarised beam into ones corrected for the real one.

    Polarisation factor after Kabsch (1988), J. Appl. Cryst. 21, 916: (1-2p)(1-(n.s)^2) + p(1+(s.s0)^2).
    """
    rays = diffracted_rays(geometry, x, y)
    beam = geometry.beam / np.linalg.norm(geometry.beam)
    across = np.asarray(normal) / np.linalg.norm(normal)
    spread = 1 + (rays @ beam) ** 2
    real = (1 - 2 * fraction) * (1 - (rays @ across) ** 2) + fraction * spread
    return np.asarray(0.5 * spread / np.maximum(real, 1e-3))


def diffracted_rays(geometry: Geometry, x: Vector, y: Vector) -> Matrix:
    """Unit vectors from the crystal to detector positions in pixels."""
    ex, ey, normal = geometry.detector
    (qx, qy), (ox, oy) = geometry.pixel_size, geometry.origin
    rays = np.outer((x - ox) * qx, ex) + np.outer((y - oy) * qy, ey) + geometry.distance * normal
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))
