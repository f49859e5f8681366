"""When in a full turn each reflection crosses the Ewald sphere and reaches the detector.

The crossing is that of `beampace.analysis.predict` (Kabsch (2010) Acta Cryst. D66, 133) in another form: with
m1 = m2 x s0 / |m2 x s0| and m3 = m1 x m2, a point keeps its distance rho from the axis m2, and on the sphere
p.m3 = (-p**2/2 - (p.m2)(s0.m2)) / (s0.m3), p.m1 = +- sqrt(rho**2 - (p.m3)**2); no root means blind region.

Unique reflections are those of the asymmetric unit of the Laue group: Friedel mates are one reflection, and
a sign tells I+ from I-. With more than `MOST_UNIQUE` of them, or more than `MOST_POINTS` points in all, a
random share of the *unique* reflections is taken with all their mates: each has the same chance, so
completeness and multiplicity keep their expectation, and the completeness of n reflections is known to
sqrt(C (1 - C) / n): 0.1 % near C = 0.99 for the 8 000 that are left in the worst case (point group 432).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.analysis.predict import SMALLEST_ZETA
from beampace.analysis.strategy.listing import list_unique
from beampace.analysis.strategy.sphere import cross_sphere
from beampace.core.geometry import Beam, Detector, Goniometer, multiply, unit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

MOST_UNIQUE = 60_000
MOST_POINTS = 400_000
MOST_VISITED = 300_000_000
"""Lattice points of the enclosing box that are counted through; a larger one is followed less far out."""


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Crossings of the Ewald sphere in a full turn, in the order of the spindle.

    Attributes:
        unique_id: which unique reflection, (n,) int32.
        sign: +1 for I+, -1 for I-, 0 for a centric reflection, (n,) int8.
        phi: spindle angle of the crossing, degrees in [0, 360), ascending.
        inverse_d2: 1/d**2 of each unique reflection, 1/angstrom**2, (n_unique,).
        centric: whether each unique reflection has no anomalous difference, (n_unique,).
        hkl: indices of each unique reflection, (n_unique, 3) int32.
        d_min: resolution to which reflections were followed, angstrom.
        share: share of all unique reflections that was looked at; 1 unless there were too many.
    """

    unique_id: Ints
    sign: npt.NDArray[np.int8]
    phi: Floats
    inverse_d2: Floats
    centric: npt.NDArray[np.bool_]
    hkl: Ints
    d_min: float
    share: float

    @property
    def n_unique(self) -> int:
        """Unique reflections possible to `d_min` (of the share that was looked at)."""
        return len(self.inverse_d2)

    @property
    def n_pairs(self) -> int:
        """Acentric unique reflections: Friedel pairs possible to `d_min`."""
        return int(np.count_nonzero(~self.centric))


def find_events(
    a_matrix: npt.ArrayLike,
    space_group: gemmi.SpaceGroup,
    goniometer: Goniometer,
    beam: Beam,
    detector: Detector,
    d_min: float,
    mask: npt.NDArray[np.bool_] | None = None,
    seed: int = 1,
) -> Events:
    """Every crossing that reaches the detector in 360 degrees.

    Args:
        a_matrix: 3x3, columns a*, b*, c* (1/angstrom) at spindle zero before the goniometer, in the setting
            of `space_group` (conventional axes of a centred lattice have its absences).
        space_group: gives the unique reflections and those absent.
        goniometer: the rotation.
        beam: the beam.
        detector: where it is.
        d_min: resolution limit, angstrom.
        mask: shape (slow, fast), True where a pixel is not trusted; may be coarser than the detector.
        seed: chooses the share of a large cell.

    Raises:
        ValueError: the matrix is no cell, or d_min no resolution.
    """
    matrix = _checked(np.asarray(a_matrix, np.float64), d_min)
    d_min = _reachable(matrix, d_min)
    rotations, shifts, centrings = _operations(space_group)
    share = _share(matrix, d_min, len(rotations), len(centrings))
    hkl, centric = list_unique(matrix, 1 / d_min**2, rotations, shifts, centrings, share, seed)
    turn = np.array(multiply(goniometer.setting, goniometer.fixed))
    apparatus = _apparatus(goniometer, beam, detector)
    unsure = np.zeros((1, 1), np.bool_) if mask is None else np.ascontiguousarray(mask, np.bool_)
    unique, sign, phi = cross_sphere(hkl, centric, rotations, turn @ matrix, apparatus, unsure, SMALLEST_ZETA)
    order = np.argsort(phi, kind="stable")
    inverse_d2 = ((hkl @ matrix.T) ** 2).sum(axis=1)
    return Events(unique[order], sign[order], phi[order], inverse_d2, centric, hkl, d_min, share)


def _checked(matrix: Floats, d_min: float) -> Floats:
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise ValueError("the orientation is no 3x3 matrix of finite numbers")
    volume = 1 / max(abs(float(np.linalg.det(matrix))), 1e-30)
    edges = np.linalg.norm(np.linalg.inv(matrix), axis=1) if volume < 1e12 else np.array([math.inf])
    if not (volume > 1.0 and edges.max() < 1e4):
        raise ValueError(f"a cell of {volume:g} cubic angstrom is none")
    if not (math.isfinite(d_min) and d_min > 0.1):
        raise ValueError(f"{d_min} angstrom is no resolution limit")
    return matrix


def _reachable(matrix: Floats, d_min: float) -> float:
    """The resolution whose box of lattice points can be counted through."""
    edges = np.linalg.norm(np.linalg.inv(matrix), axis=1)
    boxes = float(np.prod(2 * edges / d_min + 1)) / 2
    return float(d_min * max(1.0, boxes / MOST_VISITED) ** (1 / 3))


def _share(matrix: Floats, d_min: float, n_rotations: int, n_centrings: int) -> float:
    """Share of the unique reflections that keeps within the limits."""
    points = 4 / 3 * math.pi / abs(float(np.linalg.det(matrix))) / d_min**3 / n_centrings
    unique = points / (2 * n_rotations)
    return min(1.0, MOST_UNIQUE / max(unique, 1.0), MOST_POINTS / max(points, 1.0))


def _operations(space_group: gemmi.SpaceGroup) -> tuple[Ints, Ints, Ints]:
    """Rotations (n, 3, 3), their translations and those of the centring, both in 24ths of the cell."""
    group = space_group.operations()
    rotations = np.array([operation.rot for operation in group.sym_ops], np.int32) // gemmi.Op.DEN
    shifts = np.array([operation.tran for operation in group.sym_ops], np.int32)
    return rotations, shifts, np.array(group.cen_ops, np.int32)


def _apparatus(goniometer: Goniometer, beam: Beam, detector: Detector) -> Floats:
    """Rows: axis, beam (1/angstrom), origin (mm), fast, slow, (pixel sizes in mm, 0), (pixels, 0)."""
    return np.array(
        [
            unit(goniometer.lab_axis),
            np.array(unit(beam.direction)) / beam.wavelength,
            detector.origin,
            detector.fast,
            detector.slow,
            (*detector.pixel_size, 0.0),
            (*detector.image_size, 0.0),
        ],
        np.float64,
    )
