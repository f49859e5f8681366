"""Indexing: spots laid on the true lattice with the geometry XDS.INP gives, and refined as XDS would."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tests.support.xds_checker.geometry import Floats, Geometry, crossings, matrix, turned, unit
from tests.support.xds_checker.truth import Truth

FAR = 0.2
"""Spots whose indices are further from integers than this are not of the lattice."""
_ERROR = 2e-4  # 1/angstrom, of a spot in reciprocal space
_PRIORS = {"cell": 0.02, "orientation": 0.05, "beam": 0.01, "axis": 0.01, "position": 3.0, "distance": 0.02}


@dataclass(frozen=True, eq=False)
class Solution:
    """A lattice and a geometry.

    Attributes:
        geometry: refined.
        reciprocal: columns a*, b*, c* at spindle zero.
    """

    geometry: Geometry
    reciprocal: Floats

    def indices(self, spots: Floats) -> Floats:
        """Fractional indices of spots (n, 3)."""
        r = self.geometry.reciprocal(spots[:, 0], spots[:, 1], spots[:, 2])
        return r @ np.linalg.inv(self.reciprocal).T

    def departures(self, spots: Floats) -> Floats:
        """(n, 3): pixels, pixels and degrees from where the nearest reflection ought to be."""
        hkl = np.rint(self.indices(spots))
        r0 = hkl @ self.reciprocal.T
        g = self.geometry
        best = np.full((len(spots), 3), np.inf)
        for phi in crossings(g, r0):
            z = g.z_of(phi)
            z = z + np.round((spots[:, 2] - z) * g.width / 360.0) * 360.0 / g.width
            x, y = g.place(g.s0 + turned(r0, g.axis, g.angle(z)))
            off = np.stack([x - spots[:, 0], y - spots[:, 1], (z - spots[:, 2]) * g.width], axis=1)
            off = np.where(np.isfinite(off), off, np.inf)
            nearer = np.abs(off[:, 2]) < np.abs(best[:, 2])
            best[nearer] = off[nearer]
        return best


def start(geometry: Geometry, truth: Truth, lattice: int, z: float) -> Solution:
    """The true lattice at z, carried to spindle zero by the given spindle.

    A wrong starting angle is a mere rotation about the spindle: it drops out here, as it does in XDS.
    """
    at = np.array([z])
    columns = truth.tilted(truth.reciprocal[lattice].T, np.repeat(at, 3)).T
    there = matrix(truth.geometry.axis, float(truth.geometry.angle(at)[0])) @ columns
    return Solution(geometry, matrix(geometry.axis, -float(geometry.angle(at)[0])) @ there)


def aimed(solution: Solution, pixel: tuple[float, float]) -> Solution:
    """The beam sent to a pixel."""
    g = solution.geometry
    beam = g.rays(np.array([pixel[0]]), np.array([pixel[1]]))[0]
    return replace(solution, geometry=replace(g, s0=beam))


def displaced(solution: Solution, origin: Floats, z: float) -> Floats:
    """The incident wave vector, of any length, for which every spot's indices move by `origin`."""
    g = solution.geometry
    return g.s0 + matrix(g.axis, float(g.angle(z))) @ solution.reciprocal @ origin


def nearest_origin(solution: Solution, given: Floats, z: float) -> Floats:
    """The origin that a program takes for 0 0 0 when it begins with the given beam.

    Difference vectors tell the lattice whatever the beam, but where the indices begin is only known by the
    beam that was given. The checker is strict: a beam off by half the shortest separation of spots is taken
    for another origin's whatever way it is off.
    """
    if np.linalg.norm(solution.geometry.s0 - given) < 0.5 * np.linalg.norm(solution.reciprocal, axis=0).min():
        return np.zeros(3)
    origins = np.array([one for one in itertools.product((-2, -1, 0, 1, 2), repeat=3) if any(one)], float)
    away = [np.linalg.norm(displaced(solution, origin, z) - given) for origin in origins]
    return origins[int(np.argmin(away))]


def refine(solution: Solution, spots: Floats, parts: Sequence[str], group: int) -> Solution:
    """Least squares, from the lowest resolution outwards."""
    fraction = solution.indices(spots)
    size = np.linalg.norm(fraction @ solution.reciprocal.T, axis=1)
    for share in (0.25, 0.5, 0.75, 1.0, 1.0, 1.0):
        limit = np.quantile(size, share)
        fraction = solution.indices(spots)
        good = (np.abs(fraction - np.rint(fraction)).max(axis=1) < 0.3) & (size <= limit)
        if good.sum() >= 12:
            solution = _stepped(solution, spots[good], np.rint(fraction[good]), parts)
            solution = _with_symmetry(solution, group)
    return solution


def misindexed(
    solution: Solution, spots: Floats, origin: Floats, parts: Sequence[str], group: int
) -> Solution:
    """What refinement makes of indices that are all off by a constant."""
    fraction = solution.indices(spots)
    good = np.abs(fraction - np.rint(fraction)).max(axis=1) < FAR
    if good.sum() < 12:
        return solution
    for _ in range(4):
        solution = _stepped(solution, spots[good], np.rint(fraction[good]) + origin, parts)
        solution = _with_symmetry(solution, group)
    return solution


def _with_symmetry(solution: Solution, group: int) -> Solution:
    from tests.support.xds_checker.setting import symmetrised

    if group <= 2:
        return solution
    return replace(solution, reciprocal=np.linalg.inv(symmetrised(np.linalg.inv(solution.reciprocal), group)))


def _stepped(solution: Solution, spots: Floats, hkl: Floats, parts: Sequence[str]) -> Solution:
    """One step of Gauss and Newton over what may be refined; weak priors hold what the spots do not tell."""
    names = _parameters(parts)
    scale = np.array([_PRIORS[name] for name, _ in names])

    def residual(values: Floats) -> Floats:
        moved = _moved(solution, names, values)
        r = moved.geometry.reciprocal(spots[:, 0], spots[:, 1], spots[:, 2])
        return ((hkl @ moved.reciprocal.T) - r).ravel() / _ERROR

    zero = np.zeros(len(names))
    here = residual(zero)
    columns = [(residual(tiny) - here) / 1e-3 for tiny in 1e-3 * np.diag(scale)]
    jacobian = np.concatenate([np.stack(columns, axis=1), np.eye(len(names))])
    wanted = np.concatenate([-here, zero])
    values = np.linalg.lstsq(jacobian, wanted, rcond=None)[0] * scale
    return _moved(solution, names, values)


def _parameters(parts: Sequence[str]) -> list[tuple[str, int]]:
    names = []
    if "CELL" in parts:
        names += [("cell", index) for index in range(9)]
    elif "ORIENTATION" in parts:
        names += [("orientation", index) for index in range(3)]
    names += [("beam", index) for index in range(2) if "BEAM" in parts]
    names += [("axis", index) for index in range(2) if "AXIS" in parts]
    names += [("position", index) for index in range(2) if "POSITION" in parts]
    names += [("distance", 0) for _ in range(1) if "POSITION" in parts or "DISTANCE" in parts]
    return names


def _moved(solution: Solution, names: list[tuple[str, int]], values: Floats) -> Solution:
    """The solution with its parameters changed."""
    given: dict[str, npt.NDArray[np.float64]] = {}
    for (name, index), value in zip(names, values, strict=True):
        given.setdefault(name, np.zeros(9))[index] = value
    g, reciprocal = solution.geometry, solution.reciprocal
    if "cell" in given:
        reciprocal = (np.eye(3) + given["cell"].reshape(3, 3)) @ reciprocal
    if "orientation" in given:
        turn = given["orientation"][:3]
        angle = float(np.linalg.norm(turn))
        reciprocal = (matrix(turn / angle, angle) if angle else np.eye(3)) @ reciprocal
    if "beam" in given:
        tilt = given["beam"][0] * g.frame[:, 0] + given["beam"][1] * g.frame[:, 1]
        g = replace(g, s0=unit(g.s0 * g.wavelength + tilt) / g.wavelength)
    if "axis" in given:
        across = unit(np.cross(g.axis, g.frame[:, 2]))
        tilt = given["axis"][0] * across + given["axis"][1] * np.cross(g.axis, across)
        g = replace(g, axis=unit(g.axis + tilt))
    if "position" in given:
        g = replace(g, org=(g.org[0] + given["position"][0], g.org[1] + given["position"][1]))
    if "distance" in given:
        g = replace(g, distance=g.distance * (1 + given["distance"][0]))
    return Solution(g, reciprocal)
