"""What refinement may move, by how much, and moving it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.model import Drift, Floats, Model
from beampace.analysis.rotation.reciprocal import turned_by
from beampace.core.geometry import Vec3, cross, unit

STRAIN = 0.02
"""Relative change of the cell in one step that is damped, (rad for shears)."""


@dataclass(frozen=True, slots=True)
class Freedom:
    """E.s.d. of what is known beforehand of each parameter; 0 for one that is not moved.

    Attributes:
        beam: rotation out of the plane of spindle and beam, and within it, rad.
        shift: of the detector along fast and slow, mm.
        distance: mm.
        tilt: of the detector about its normal, fast and slow axes, rad.
        knots: degrees from one knot of the drift to the next; 0 for a crystal that does not drift.
        bend: change of the drift's slope at a knot, rad per knot.
    """

    beam: float = 0.0
    shift: float = 0.5
    distance: float = 0.0
    tilt: float = 0.0
    knots: float = 0.0
    bend: float = 1e-3

    @classmethod
    def of_scan(cls, degrees: float) -> Freedom:
        """What a range of rotation can tell apart (`rotation-methods`, 4.3)."""
        if degrees < 3:
            return cls(shift=0.2)
        if degrees < 15:
            return cls(beam=1e-4, shift=0.75, distance=0.3)
        if degrees < 30:
            return cls(beam=1e-4, shift=1.0, distance=0.3)
        return cls(beam=1e-4, shift=1.0, distance=0.5, tilt=1e-3)

    @property
    def sigmas(self) -> Floats:
        """In the order of the parameters of the geometry, (8,)."""
        return np.array([self.beam] * 2 + [self.shift] * 2 + [self.distance] + [self.tilt] * 3)


def beam_axes(model: Model) -> Floats:
    """The axes about which the beam turns out of the plane of spindle and beam, and within it, (2, 3)."""
    m, along = np.array(unit(model.goniometer.lab_axis)), np.array(unit(model.beam.direction))
    first = m - along * (m @ along)
    first /= np.linalg.norm(first)
    return np.array([first, cross(_vec(along), _vec(first))])


def middle(model: Model) -> Floats:
    """The middle of the detector, mm."""
    nx, ny = model.detector.image_size
    return np.array(model.detector.lab(nx / 2, ny / 2))


def departure(model: Model, reference: Model) -> Floats:
    """The parameters of the geometry of a model counted from another, (8,)."""
    axes, detector = _frame(reference), reference.detector
    turn = np.array(cross(reference.beam.direction, model.beam.direction))
    shift = axes @ (middle(model) - middle(reference))
    pairs = zip(axes, _frame(model), strict=True)
    tilt = 0.5 * np.sum([cross(_vec(one), _vec(other)) for one, other in pairs], axis=0)
    order = np.array([detector.normal, detector.fast, detector.slow])
    return np.concatenate([beam_axes(reference) @ turn, shift, order @ tilt])


def moved(model: Model, rotations: Floats, strain: Floats, geometry: Floats) -> Model:
    """The model after a step.

    Args:
        model: before it.
        rotations: of the crystal (1, 3), or to be added to the drift at its knots (k, 3), rad.
        strain: symmetric T, A becomes exp(T) A.
        geometry: beam and detector, (8,).
    """
    a_matrix = exponential(strain) @ model.a_matrix
    drift = model.drift
    if len(drift.z):
        drift = Drift(drift.z, drift.vectors + rotations)
    else:
        a_matrix = turned_by(a_matrix.T, rotations[0]).T
    return _with_geometry(replace(model, a_matrix=a_matrix, drift=drift), geometry)


def exponential(symmetric: Floats) -> Floats:
    """Exp of a symmetric matrix."""
    values, basis = np.linalg.eigh(symmetric)
    return np.asarray(basis * np.exp(values) @ basis.T)


def strains(a_matrix: Floats, operators: npt.NDArray[np.int64] | None) -> Floats:
    """Symmetric strains that leave a lattice its symmetry, (k, 3, 3), orthonormal.

    1 for cubic, 2 for tetragonal, trigonal and hexagonal, 3, 4 and 6 for the less symmetric: the dimension of
    the space that the mean over the operators projects onto.

    Args:
        a_matrix: of a lattice that has the symmetry exactly.
        operators: rotations in the basis a, b, c, (n, 3, 3); None for none.
    """
    units = np.zeros((6, 3, 3))
    for row, (i, j) in enumerate(((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))):
        units[row, i, j] = units[row, j, i] = 1.0 if i == j else np.sqrt(0.5)
    if operators is None:
        return units
    real = np.linalg.inv(a_matrix).T
    turns = real @ operators @ a_matrix.T
    means = np.einsum("nij,ujk,nlk->uil", turns, units, turns) / len(turns)
    _, sizes, basis = np.linalg.svd(means.reshape(6, 9))
    return np.asarray(basis[: len(sizes)][sizes > 0.5].reshape(-1, 3, 3))


def symmetrised(a_matrix: Floats, operators: npt.NDArray[np.int64]) -> Floats:
    """The nearest lattice that has a symmetry: the mean of the metric over its operators."""
    real = np.linalg.inv(a_matrix)
    metric = real @ real.T
    mean = np.einsum("nji,jk,nkl->il", operators, metric, operators) / len(operators)
    stretch = real.T @ np.linalg.inv(mean) @ real
    values, basis = np.linalg.eigh((stretch + stretch.T) / 2)
    return np.asarray(basis * np.sqrt(values) @ basis.T @ a_matrix)


def with_knots(model: Model, first: float, last: float, degrees: float) -> Model:
    """The model with knots of the drift evenly between two places in frames, about `degrees` apart."""
    n = max(2, round((last - first) * model.width / degrees) + 1)
    z = np.linspace(first, last, n)
    return replace(model, drift=Drift(z, model.drift.at(z)))


def anchored(model: Model) -> Model:
    """The same with a drift that begins with nothing: its first rotation goes into A."""
    if not len(model.drift.z):
        return model
    first = model.drift.vectors[0]
    a_matrix = turned_by(model.a_matrix.T, first).T
    vectors = np.array([composed(vector, -first) for vector in model.drift.vectors])
    return replace(model, a_matrix=a_matrix, drift=Drift(model.drift.z, vectors))


def composed(second: Floats, first: Floats) -> Floats:
    """The rotation vector of two rotations in turn (quaternions)."""
    (b, v), (a, u) = (_quaternion(second), _quaternion(first))
    scalar, vector = a * b - u @ v, b * u + a * v + np.cross(v, u)
    size = float(np.linalg.norm(vector))
    return vector * (2.0 if size < 1e-12 else 2 * np.arctan2(size, scalar) / size)


def _quaternion(w: Floats) -> tuple[float, Floats]:
    angle = float(np.linalg.norm(w))
    half = 0.5 - angle * angle / 48 if angle < 1e-6 else np.sin(angle / 2) / angle
    return float(np.cos(angle / 2)), w * half


def _frame(model: Model) -> Floats:
    detector = model.detector
    return np.array([detector.fast, detector.slow, detector.normal])


def _with_geometry(model: Model, step: Floats) -> Model:
    if not step.any():
        return model
    detector, beam = model.detector, model.beam
    fast, slow, normal = axes = _frame(model)
    centre = middle(model)
    tilt = step[5] * normal + step[6] * fast + step[7] * slow
    arm = turned_by(np.array([np.array(detector.origin) - centre, fast, slow]), tilt)
    direction = turned_by(np.array([beam.direction]), step[:2] @ beam_axes(model))[0]
    return replace(
        model,
        beam=replace(beam, direction=unit(_vec(direction))),
        detector=replace(
            detector,
            origin=_vec(arm[0] + centre + step[2:5] @ axes),
            fast=unit(_vec(arm[1])),
            slow=unit(_vec(arm[2])),
        ),
    )


def _vec(vector: Floats) -> Vec3:
    x, y, z = (float(value) for value in vector)
    return (x, y, z)
