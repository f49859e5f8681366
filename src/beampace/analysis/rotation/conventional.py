"""The conventional cell of a group of rotations, from any primitive cell.

The axes are lattice vectors along the rotation axes, or the shortest ones across them, as International
Tables for Crystallography A, chapter 2.1 and 9.1, have them: b the unique axis of monoclinic cells, a < b < c
in orthorhombic ones but for the centring of C, hexagonal axes (obverse) for rhombohedral lattices.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.analysis.laue_group import Group, Rotation, rotations_of
from beampace.core.cell import UnitCell

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

REACH = 4
"""Conventional axes have smaller coefficients than this in a reduced cell."""
VECTORS: Integers = np.array(
    [v for v in itertools.product(range(-REACH, REACH + 1), repeat=3) if any(v)], dtype=np.int64
)
ORDERS = {3: 1, -1: 2, 0: 3, 1: 4, 2: 6}
"""Order of a rotation by its trace."""
FACES = {"A": (0, 1, 1), "B": (1, 0, 1), "C": (1, 1, 0)}


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A conventional basis.

    Attributes:
        change: rows are the new axes in terms of the old ones, (3, 3); indices (n, 3) become hkl change'.
        cell: of the new basis, with the symmetry of the group.
        group: of the rotations without screws, in the new basis.
    """

    change: Integers
    cell: UnitCell
    group: gemmi.SpaceGroup

    def indices(self, hkl: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Indices in the new basis."""
        return np.asarray(hkl.astype(np.int64) @ self.change.T, dtype=np.int32)

    def a_matrix(self, a_matrix: Floats) -> Floats:
        """The matrix with columns a*, b*, c* of the new basis."""
        return np.asarray(a_matrix @ np.linalg.inv(self.change))


def niggli(cell: UnitCell) -> tuple[Integers, UnitCell]:
    """(rows of the reduced axes in terms of the given ones, reduced cell) of a primitive cell."""
    vector = gemmi.GruberVector(gemmi.UnitCell(*cell.parameters), "P", track_change_of_basis=True)
    vector.niggli_reduce()
    change = np.array(vector.change_of_basis.rot, dtype=np.int64).T // gemmi.Op.DEN
    if np.linalg.det(change) < 0:
        change = -change
    return change, cell_of(change @ metric_of(cell) @ change.T)


def conventional(rotations: Group, cell: UnitCell) -> Setting:
    """The conventional basis of a group of rotations of a lattice.

    Args:
        rotations: in the basis of `cell`.
        cell: reduced and primitive.
    """
    metric = _average(metric_of(cell), rotations)
    axes = _axes(rotations, metric)
    if np.linalg.det(axes) < 0:
        axes = _other_hand(rotations, axes)
    centring, axes = _centred(axes, rotations, metric)
    turned = frozenset(_turned(rotation, axes) for rotation in rotations)
    return Setting(axes, cell_of(axes @ metric @ axes.T), _groups()[centring, turned])


def metric_of(cell: UnitCell) -> Floats:
    """Scalar products of the axes, square angstrom, (3, 3)."""
    edges = np.array(cell.parameters[:3])
    alpha, beta, gamma = np.cos(np.radians(cell.parameters[3:]))
    cosines = np.array([[1, gamma, beta], [gamma, 1, alpha], [beta, alpha, 1]])
    return np.asarray(cosines * np.outer(edges, edges))


def cell_of(metric: Floats) -> UnitCell:
    """The cell of a metric; angles are rounded at 1e-7 degrees so that right ones are 90."""
    edges = np.sqrt(np.diag(metric))
    cosines = (metric / np.outer(edges, edges))[[1, 0, 0], [2, 2, 1]]
    angles = np.round(np.degrees(np.arccos(np.clip(cosines, -1, 1))), 7)
    return UnitCell(*(float(value) for value in (*edges, *angles)))


def _average(metric: Floats, rotations: Group) -> Floats:
    matrices = [_matrix(rotation) for rotation in sorted(rotations)]
    return np.asarray(sum(r.T @ metric @ r for r in matrices) / len(matrices))


def _matrix(rotation: Rotation) -> Integers:
    return np.array(rotation, dtype=np.int64).reshape(3, 3)


def _axes(rotations: Group, metric: Floats) -> Integers:
    """Rows: axes of the conventional cell, up to hand, centring and order."""
    by_order: dict[int, list[Integers]] = {order: [] for order in ORDERS.values()}
    for rotation in sorted(rotations):
        matrix = _matrix(rotation)
        by_order[ORDERS[int(np.trace(matrix))]].append(matrix)
    twofold, threefold, fourfold, sixfold = (by_order[order] for order in (2, 3, 4, 6))
    if len(threefold) == 8:
        main = [r @ r for r in fourfold] or twofold
        return _sorted_axes({tuple(_axis(r, metric)) for r in main}, metric)
    if threefold or fourfold:
        turn = (fourfold or [r @ r for r in sixfold] or threefold)[0]
        a = _across(turn, metric)[0]
        return np.stack([a, turn @ a, _axis(turn, metric)])
    if len(twofold) == 3:
        return _sorted_axes({tuple(_axis(r, metric)) for r in twofold}, metric)
    if twofold:
        return _monoclinic(twofold[0], metric)
    return np.eye(3, dtype=np.int64)


def _sorted_axes(axes: Iterable[tuple[int, ...]], metric: Floats) -> Integers:
    """By length, then by coefficients."""
    return _by_length(np.array(sorted(axes), dtype=np.int64), metric)


def _by_length(vectors: Integers, metric: Floats) -> Integers:
    """Shortest first; of equal ones, those of positive coefficients."""
    squares = np.round(np.einsum("ij,jk,ik->i", vectors, metric, vectors), 6)
    order = np.lexsort((-vectors[:, 2], -vectors[:, 1], -vectors[:, 0], squares))
    return np.asarray(vectors[order])


def _axis(rotation: Integers, metric: Floats) -> Integers:
    """The shortest lattice vector along the axis of a rotation."""
    along = VECTORS[np.all(VECTORS @ rotation.T == VECTORS, axis=1)]
    return np.asarray(_by_length(along, metric)[0])


def _across(rotation: Integers, metric: Floats) -> Integers:
    """Lattice vectors across the axis of a rotation, shortest first."""
    powers = [np.eye(3, dtype=np.int64)]
    while not np.array_equal(turned := powers[-1] @ rotation, powers[0]):
        powers.append(turned)
    total = sum(powers[1:], powers[0])
    return _by_length(VECTORS[np.all(VECTORS @ total.T == 0, axis=1)], metric)


def _monoclinic(twofold: Integers, metric: Floats) -> Integers:
    """P or C: a and c the shortest that leave the centring on C."""
    b = _axis(twofold, metric)
    across = _across(twofold, metric)
    u = across[0]
    v = next(w for w in across if np.any(np.cross(u, w)))
    if abs(round(float(np.linalg.det(np.stack([u, b, v]))))) == 1:
        return _obtuse(u, b, v, metric)
    ways = [(u, v), (v, u), (u + v, u), (u - v, u)]
    centred = [(a, c) for a, c in ways if not np.any((a + b) % 2)]
    a, c = min(centred, key=lambda pair: float(pair[0] @ metric @ pair[0]))
    return _obtuse(a, b, c, metric)


def _obtuse(a: Integers, b: Integers, c: Integers, metric: Floats) -> Integers:
    """With beta at or above 90 degrees."""
    return np.stack([a, b, -c if float(a @ metric @ c) > 1e-6 else c])


def _other_hand(rotations: Group, axes: Integers) -> Integers:
    """Right-handed: the axis that is fixed by convention alone turns round."""
    signs = np.ones(3, dtype=np.int64)
    signs[1 if len(rotations) == 2 else 2] = -1
    return axes * signs[:, None]


def _centred(axes: Integers, rotations: Group, metric: Floats) -> tuple[str, Integers]:
    """(letter of the lattice, axes with the centring where convention has it)."""
    points = abs(round(float(np.linalg.det(axes))))
    if points == 1:
        return "P", axes
    if points == 3:
        obverse = not np.any((2 * axes[0] + axes[1] + axes[2]) % 3)
        return "R", axes if obverse else axes * np.array([[-1], [-1], [1]])
    if points == 4:
        return "F", axes
    face = next((letter for letter, use in FACES.items() if not np.any((use @ axes) % 2)), "I")
    if face in "AB":
        axes = np.stack([axes[1], axes[2], axes[0]] if face == "A" else [axes[2], axes[0], axes[1]])
        face = "C"
    if face == "C" and len(rotations) == 4 and _square(axes[0], metric) > _square(axes[1], metric):
        axes = np.stack([axes[1], axes[0], -axes[2]])
    return face, axes


def _square(vector: Integers, metric: Floats) -> float:
    return round(float(vector @ metric @ vector), 6)


def _turned(rotation: Rotation, axes: Integers) -> Rotation:
    """A rotation in the basis of the axes: with x = N' x', R' = N'^-1 R N'."""
    matrix = np.linalg.inv(axes.T) @ _matrix(rotation) @ axes.T
    return tuple(int(value) for value in np.rint(matrix).ravel())


@lru_cache(maxsize=1)
def _groups() -> dict[tuple[str, Group], gemmi.SpaceGroup]:
    """Groups without screws, by centring and rotations."""
    found: dict[tuple[str, Group], gemmi.SpaceGroup] = {}
    for group in gemmi.spacegroup_table():
        if group.is_sohncke() and not any(any(op.tran) for op in group.operations().sym_ops):
            found.setdefault((group.centring_type(), rotations_of(group)), group)
    return found
