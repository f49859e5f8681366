"""CORRECT of the checker: what stands for the refinement of diffraction parameters.

Nothing moves but the cell, which the space group constrains; the deviations are those of the observed spots.
This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.support.xds_checker.correct_choice import Choice
from tests.support.xds_checker.correct_geometry import Geometry, diffracted_rays
from tests.support.xds_checker.correct_lattice import axes_of, cell_of, symmetrised
from tests.support.xds_checker.hkl_tables import Item, Table

FEWEST_SPOTS = 25
STRONG = 3.0
_SMALLEST_EDGE_ERROR, _SMALLEST_ANGLE_ERROR = 1.0e-3, 1.0e-3


@dataclass(frozen=True, slots=True)
class Refinement:
    """What the block of refined parameters says."""

    accepted: bool
    n_spots: int
    spot_pixels: float
    spindle_degrees: float
    cell_esd: tuple[float, ...]
    mosaicity: float


def refine(rows: Table, geometry: Geometry, choice: Choice, mosaicity: float) -> Refinement:
    """Deviations of strong spots from where they were predicted; too few spots are not accepted."""
    strong = rows[rows[:, Item.IOBS] >= STRONG * rows[:, Item.SIGMA]]
    seen = strong[strong[:, Item.XOBS] != 0]
    apart = seen[:, [Item.XOBS, Item.YOBS, Item.ZOBS]] - seen[:, [Item.XCAL, Item.YCAL, Item.ZCAL]]
    pixels = float(np.sqrt(np.mean(np.sum(apart[:, :2] ** 2, axis=1)))) if len(seen) else 0.0
    frames = float(np.sqrt(np.mean(apart[:, 2] ** 2))) if len(seen) else 0.0
    return Refinement(
        len(strong) >= FEWEST_SPOTS,
        len(strong),
        pixels,
        frames * geometry.oscillation,
        _cell_esd(strong, geometry, choice, pixels),
        mosaicity,
    )


def _cell_esd(strong: Table, geometry: Geometry, choice: Choice, pixels: float) -> tuple[float, ...]:
    """Errors of the free cell constants, by the mean scattering angle; of constrained angles zero."""
    cell = cell_of(choice.axes)
    relative = _relative_error(strong, geometry, pixels)
    edges = [max(_SMALLEST_EDGE_ERROR, relative * edge) for edge in cell[:3]]
    angle = max(_SMALLEST_ANGLE_ERROR, float(np.degrees(relative)))
    return (*edges, *(angle if free else 0.0 for free in _free_angles(choice)))


def _relative_error(strong: Table, geometry: Geometry, pixels: float) -> float:
    if not len(strong):
        return 0.0
    rays = diffracted_rays(geometry, strong[:, Item.XCAL], strong[:, Item.YCAL])
    beam = geometry.beam / np.linalg.norm(geometry.beam)
    angle = float(np.mean(np.arccos(np.clip(rays @ beam, -1, 1))))
    spot = pixels * geometry.pixel_size[0] / geometry.distance
    return abs(spot) / max(angle, 1e-3) / float(np.sqrt(len(strong)))


def _free_angles(choice: Choice) -> list[bool]:
    """Angles that the group leaves free: those it does not pull back when all are changed."""
    odd = axes_of((50.0, 60.0, 70.0, 88.0, 93.0, 101.0))
    pulled = cell_of(symmetrised(odd, choice.rotations))
    return [abs(one - other) < 1e-3 for one, other in zip(pulled[3:], (88.0, 93.0, 101.0), strict=True)]
