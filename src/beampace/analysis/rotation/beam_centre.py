"""The beam centre that makes a lattice fit, when the one in the header is off by more than half a spacing.

Within a few degrees a wrong beam centre displaces all reciprocal vectors by one vector: the lattice is found
without its origin. In the frame of the crystal that displacement turns with the spindle, so that only the
true centre fits over a range of angles. Positions on a grid where the lattice of a wedge fits are followed
over that range, and the share of the spots that fit decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from beampace.analysis.rotation import lattice_search as search
from beampace.analysis.rotation.assign import Mask, assign, fit_matrix
from beampace.analysis.rotation.basis import Basis
from beampace.analysis.rotation.model import Floats, Model
from beampace.analysis.rotation.reciprocal import incident, on_surface, spindle, turn_at_zero, turned, vectors
from beampace.analysis.rotation.solution import Strong
from beampace.core.geometry import add, scaled, unit

WEDGE = 5.0
"""Degrees within which a displacement hardly turns."""
FEWEST = 60
REACH_PX = 60.0
STEP = 0.12
"""Of the grid, in distances between spots."""
FEWEST_STEP_PX = 0.5
BASES = 3
PEAKS = 60
GRID_SPOTS = 150
RANGE = 40.0
"""Degrees over which centres are compared."""
TOLERANCE = 0.22


@dataclass(frozen=True, slots=True, eq=False)
class Centre:
    """A beam centre.

    Attributes:
        model: with the detector moved, and a lattice that fits.
        shift: px by which the beam is beyond where the header has it, (fast, slow).
        share: of the spots that fit, within `RANGE` degrees, each counted by how well it fits.
    """

    model: Model
    shift: tuple[float, float]
    share: float


def beam_centres(header: Model, spots: Strong, longest: float) -> list[Centre]:
    """Beam centres that may be, the likeliest first.

    Args:
        header: the geometry.
        spots: all.
        longest: edge to look for, angstrom.
    """
    wedge = _wedge(header, spots)
    if wedge.sum() < FEWEST:
        return []
    found: list[Centre] = []
    q = vectors(header, spots.xyz[wedge])
    for basis in search.search(q, longest, free=True)[:BASES]:
        a_matrix = _polished(q, basis)
        for shift in _peaks(header, spots.only(wedge), np.asarray(np.linalg.inv(a_matrix))):
            found.append(_followed(moved(header, shift), a_matrix, spots, wedge, shift))
    found.sort(key=lambda one: -one.share)
    return _unlike(found)


def _polished(q: Floats, basis: Basis) -> Floats:
    """A by least squares of q = A h + displacement, to higher and higher resolution."""
    a_matrix, displacement = basis.a_matrix, basis.a_matrix @ basis.origin
    size, reach = np.linalg.norm(q, axis=1), basis.reach
    while True:
        near = size <= 1.0001 * reach
        for _ in range(2):
            along = (q[near] - displacement) @ np.linalg.inv(a_matrix).T
            whole = np.round(along)
            good = np.sqrt(((along - whole) ** 2).sum(axis=1)) < TOLERANCE
            columns = np.column_stack([whole[good], np.ones(int(good.sum()))])
            if np.linalg.matrix_rank(columns) < 4:
                return a_matrix
            fit = np.linalg.lstsq(columns, q[near][good], rcond=None)[0]
            a_matrix, displacement = np.asarray(fit[:3].T), fit[3]
        if reach >= size.max():
            return a_matrix
        reach *= 1.5


def moved(model: Model, shift: tuple[float, float]) -> Model:
    """The model with its beam on another pixel: the detector goes the other way."""
    detector = model.detector
    fast = scaled(detector.fast, -shift[0] * detector.pixel_size[0])
    slow = scaled(detector.slow, -shift[1] * detector.pixel_size[1])
    return replace(model, detector=replace(detector, origin=add(detector.origin, add(fast, slow))))


def _unlike(found: list[Centre]) -> list[Centre]:
    """The best of each place."""
    kept: list[Centre] = []
    for one in found:
        if all(math.dist(one.shift, other.shift) > 4.0 for other in kept):
            kept.append(one)
    return kept


def _wedge(model: Model, spots: Strong) -> Mask:
    """The part of the scan, `WEDGE` degrees long, with the most spots."""
    z, length = np.sort(spots.xyz[:, 2]), WEDGE / model.width
    ends = np.searchsorted(z, z + length, side="right")
    begin = z[int(np.argmax(ends - np.arange(len(z))))]
    return np.asarray((spots.xyz[:, 2] >= begin) & (spots.xyz[:, 2] <= begin + length))


def _peaks(header: Model, spots: Strong, axes: Floats) -> list[tuple[float, float]]:
    """Shifts in px at which the lattice of the wedge has its origin where it should be."""
    q = vectors(header, spots.xyz)
    some = np.argsort(np.linalg.norm(q, axis=1))[:GRID_SPOTS]
    detector, edges = header.detector, np.linalg.norm(axes, axis=1)
    spacing = header.beam.wavelength * detector.distance / edges.max() / max(detector.pixel_size)
    step = max(STEP * spacing, FEWEST_STEP_PX)
    n = int(REACH_PX / step)
    grid = step * np.arange(-n, n + 1)
    sums = _sums(*_arranged(header, spots.xyz[some], axes), grid)
    inner = sums[1:-1, 1:-1]
    top = np.ones(inner.shape, np.bool_)
    for i in range(3):
        for j in range(3):
            top &= inner >= sums[i : i + inner.shape[0], j : j + inner.shape[1]]
    places = np.argwhere(top & (inner > 0.5 * sums.max())) + 1
    places = places[np.argsort(-sums[places[:, 0], places[:, 1]])][:PEAKS]
    return [(float(grid[i]), float(grid[j])) for i, j in places]


def _arranged(header: Model, xyz: Floats, axes: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Places in the laboratory (mm), what takes lab vectors to indices, s0, and steps of a px (mm)."""
    detector = header.detector
    steps = np.array([detector.fast, detector.slow]) * np.array(detector.pixel_size)[:, None]
    lab = np.array(detector.origin) + on_surface(header, xyz[:, :2]) @ steps
    axis, phi = np.array(unit(header.goniometer.lab_axis)), -spindle(header, xyz[:, 2])
    columns = [
        turned(np.tile(np.eye(3)[i], (len(xyz), 1)), axis, phi) @ turn_at_zero(header) for i in range(3)
    ]
    to_index = np.einsum("ij,knj->nik", axes, np.array(columns))
    return lab, np.ascontiguousarray(to_index), incident(header), steps


@njit(cache=True, nogil=True)
def _sums(lab: Floats, to_index: Floats, s0: Floats, steps: Floats, grid: Floats) -> Floats:
    """Mean of cos(2 pi v.q) over spots and the three vectors, at every shift of the grid, (fast, slow)."""
    n, result = grid.shape[0], np.zeros((grid.shape[0], grid.shape[0]))
    length, r = math.sqrt(s0[0] ** 2 + s0[1] ** 2 + s0[2] ** 2), np.empty(3)
    for i in range(n):
        for j in range(n):
            for spot in range(lab.shape[0]):
                for axis in range(3):
                    r[axis] = lab[spot, axis] - grid[i] * steps[0, axis] - grid[j] * steps[1, axis]
                scale = length / math.sqrt(r[0] ** 2 + r[1] ** 2 + r[2] ** 2)
                for vector in range(3):
                    along = 0.0
                    for axis in range(3):
                        along += to_index[spot, vector, axis] * (r[axis] * scale - s0[axis])
                    result[i, j] += math.cos(2.0 * math.pi * along)
    result /= 3 * lab.shape[0]
    return result


def _followed(
    model: Model, a_matrix: Floats, spots: Strong, wedge: Mask, shift: tuple[float, float]
) -> Centre:
    """The lattice fitted to more and more of the scan with the beam at a place."""
    z, phi = spots.xyz[:, 2], spots.xyz[:, 2] * model.width
    middle, end = float(np.median(z[wedge])), RANGE / 2 / model.width
    reach = WEDGE / 2 / model.width
    size = np.linalg.norm(vectors(model, spots.xyz[wedge]), axis=1)
    near = np.abs(z - middle) <= end
    some = spots.only(near)
    some_phi, q = phi[near], vectors(model, some.xyz)
    away, limit = np.abs(some.xyz[:, 2] - middle), float(np.median(size))
    while True:
        now = away <= reach
        used = now & (np.linalg.norm(q, axis=1) <= limit) if reach < end else now
        for _ in range(2):
            found = assign(q[used], a_matrix, some_phi[used])
            if np.linalg.matrix_rank(found.hkl[found.indexed]) < 3:
                break
            a_matrix = fit_matrix(q[used][found.indexed], found.hkl[found.indexed])
        if reach >= end:
            break
        reach, limit = 1.5 * reach, 1.5 * limit
    off = assign(q, a_matrix, some_phi).off
    return Centre(replace(model, a_matrix=a_matrix), shift, float(np.maximum(0, 1 - off / TOLERANCE).mean()))
