"""The symmetry that a lattice may have, and its conventional cell.

The rotations of a lattice are found from its twofold axes (Le Page 1982, J. Appl. Cryst. 15, 255; gemmi's
`find_lattice_symmetry`); the angle by which the worst of them misses, its obliquity, is the penalty. The
conventional cell is built from the shortest lattice vectors along the axes of the rotations (International
Tables A, 3.1), and the centring is read from its volume. Everything is in the basis of a reduced cell.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.basis import cell_of, reduced
from beampace.analysis.rotation.freedom import symmetrised
from beampace.analysis.rotation.model import Floats
from beampace.core.cell import UnitCell

Ints = npt.NDArray[np.int64]

MOST_OBLIQUE = 3.0
"""Degrees by which a twofold axis may miss."""

SYSTEMS = {1: "a", 2: "m", 4: "o", 6: "R", 8: "t", 12: "h", 24: "c"}
"""Order of the rotations of a lattice to the letter of its Bravais type."""

ROTATION_GROUPS = {
    "aP": "P 1", "mP": "P 1 2 1", "mC": "C 1 2 1", "mI": "I 1 2 1", "oP": "P 2 2 2", "oC": "C 2 2 2",
    "oI": "I 2 2 2", "oF": "F 2 2 2", "tP": "P 4 2 2", "tI": "I 4 2 2", "hR": "R 3 2 :H", "hP": "P 6 2 2",
    "cP": "P 4 3 2", "cI": "I 4 3 2", "cF": "F 4 3 2",
}  # fmt: skip
"""Bravais type to the largest group of rotations with that lattice."""


@dataclass(frozen=True, slots=True, eq=False)
class LatticeSymmetry:
    """What a lattice may be.

    Attributes:
        bravais: type, e.g. `tP`; monoclinic is `mC` or `mI`, whichever is less oblique.
        space_group: its largest group of rotations, Hermann-Mauguin, e.g. `P 4 2 2`.
        operators: its rotations in the basis a, b, c of the lattice, (n, 3, 3).
        change: rows: conventional axes as combinations of a, b, c, (3, 3).
        cell: conventional, of the lattice made exactly symmetric.
        penalty: obliquity of the worst twofold axis, degrees.
    """

    bravais: str
    space_group: str
    operators: Ints
    change: Ints
    cell: UnitCell
    penalty: float

    @property
    def order(self) -> int:
        """Number of rotations."""
        return len(self.operators)

    def conventional(self, a_matrix: Floats) -> Floats:
        """A of the conventional cell: columns a*, b*, c*."""
        return np.asarray(a_matrix @ np.linalg.inv(self.change))

    def reindexed(self, hkl: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Indices (n, 3) in the conventional cell."""
        return np.asarray(hkl @ self.change.T, dtype=np.int32)


def lattice_symmetries(a_matrix: Floats, most: float = MOST_OBLIQUE) -> list[LatticeSymmetry]:
    """What a lattice may be, the most symmetric first; the last is triclinic.

    Args:
        a_matrix: of a reduced cell; columns a*, b*, c*.
        most: obliquity, degrees.
    """
    cell = gemmi.UnitCell(*cell_of(np.asarray(np.linalg.inv(a_matrix))))
    twofolds = gemmi.find_lattice_2fold_ops(cell, most)
    found: dict[int, LatticeSymmetry] = {}
    for limit in sorted({angle for _, angle in twofolds}, reverse=True):
        one = _with(a_matrix, cell, limit)
        if one is not None:
            found[one.order] = one
    found[1] = _made(a_matrix, np.eye(3, dtype=np.int64)[None], np.eye(3, dtype=np.int64), "aP", 0.0)
    return sorted(found.values(), key=lambda one: -one.order)


def _with(a_matrix: Floats, cell: gemmi.UnitCell, limit: float) -> LatticeSymmetry | None:
    group = gemmi.find_lattice_symmetry_r(cell, limit + 1e-6)
    operators = np.array([op.rot for op in group.sym_ops], dtype=np.int64) // gemmi.Op.DEN
    system = SYSTEMS.get(len(operators))
    if system is None or system == "a":
        return None
    exact = symmetrised(a_matrix, operators)
    change = _axes(operators, np.asarray(np.linalg.inv(exact)), system)
    if change is None:
        return None
    bravais = _bravais(system, change)
    return None if bravais is None else _made(a_matrix, operators, change, bravais, limit)


def _made(a_matrix: Floats, operators: Ints, change: Ints, bravais: str, penalty: float) -> LatticeSymmetry:
    axes = change @ np.linalg.inv(symmetrised(a_matrix, operators))
    cell = UnitCell(*_tidied(cell_of(axes), bravais))
    return LatticeSymmetry(bravais, ROTATION_GROUPS[bravais], operators, change, cell, penalty)


def _tidied(cell: tuple[float, ...], bravais: str) -> tuple[float, ...]:
    """Angles that symmetry makes 90 or 120 degrees, written so."""
    if bravais[0] == "a":
        return cell
    angles = [90.0, cell[4] if bravais[0] == "m" else 90.0, 120.0 if bravais[0] == "h" else 90.0]
    return (*cell[:3], *angles)


def _axes(operators: Ints, axes: Floats, system: str) -> Ints | None:
    """Conventional axes as rows of whole numbers, right-handed."""
    by_order: dict[int, list[Ints]] = {}
    for operator in operators:
        order = {3: 1, -1: 2, 0: 3, 1: 4, 2: 6}[int(np.trace(operator))]
        if order > 1:
            vector = _axis(operator)
            known = by_order.setdefault(order, [])
            if not any((vector == one).all() or (vector == -one).all() for one in known):
                known.append(vector)
    build = {"m": _monoclinic, "o": _three, "c": _three, "t": _uniaxial, "h": _uniaxial, "R": _uniaxial}[
        system
    ]
    change = build(by_order, operators, axes)
    if change is None or round(float(np.linalg.det(change))) == 0:
        return None
    return change if np.linalg.det(change) > 0 else -change


def _axis(operator: Ints) -> Ints:
    """The shortest whole vector that a rotation leaves: the sum over its powers of some vector."""
    total, power = np.zeros((3, 3), np.int64), np.eye(3, dtype=np.int64)
    for _ in range(12):
        total, power = total + power, power @ operator
    column = total[:, np.argmax(np.abs(total).sum(axis=0))]
    return np.asarray(column // np.gcd.reduce(column))


def _length(vector: Ints, axes: Floats) -> float:
    return float(np.linalg.norm(vector @ axes))


def _three(by_order: dict[int, list[Ints]], _: Ints, axes: Floats) -> Ints | None:
    """Three perpendicular axes: fourfold ones in a cubic lattice, twofold in an orthorhombic one."""
    found = by_order.get(4) or by_order.get(2, [])
    if len(found) != 3:
        return None
    change = np.array(sorted(found, key=lambda vector: _length(vector, axes)))
    if round(abs(float(np.linalg.det(change)))) == 2 and by_order.get(4) is None:
        return _centred_last(change)
    return change


def _centred_last(change: Ints) -> Ints:
    """An orthorhombic cell with one centred face, that of a and b; unchanged if it is body-centred."""
    inverse = np.linalg.inv(change)
    for lone, pair in ((0, (1, 2)), (1, (0, 2)), (2, (0, 1))):
        half = (change[pair[0]] + change[pair[1]]) / 2
        if np.allclose(half, np.round(half)) and np.isfinite(inverse).all():
            return change[[*pair, lone]]
    return change


def _uniaxial(by_order: dict[int, list[Ints]], operators: Ints, axes: Floats) -> Ints | None:
    """Tetragonal, hexagonal and rhombohedral (obverse) axes: a is the shortest twofold one across c."""
    order = max(by_order)
    c = by_order[order][0]
    across = [
        v
        for v in by_order.get(2, [])
        if abs(v @ axes @ axes.T @ c) < 1e-6 * _length(v, axes) * _length(c, axes)
    ]
    if not across:
        return None
    a = min(across, key=lambda vector: _length(vector, axes))
    trace = 1 if order == 4 else 0
    turn = next(op for op in operators if np.trace(op) == trace and ((op @ c) == c).all())
    change = np.array([a, turn @ a, c])
    if np.linalg.det(change) < 0:
        change[2] = -c
    if order != 3:
        return change
    obverse = (2 * change[0] + change[1] + change[2]) / 3
    return (
        change if np.allclose(obverse, np.round(obverse)) else np.array([-change[0], -change[1], change[2]])
    )


def _monoclinic(by_order: dict[int, list[Ints]], _: Ints, axes: Floats) -> Ints | None:
    """The twofold axis is b, a and c the shortest across it; centred cells in the less oblique setting."""
    b = by_order[2][0]
    metric = axes @ axes.T
    grid = np.array(list(itertools.product(range(-3, 4), repeat=3)))
    across = [v for v in grid if v.any() and abs(v @ metric @ b) < 1e-6 * metric.trace()]
    across = [v for v in across if np.gcd.reduce(v) == 1]
    across.sort(key=lambda vector: _length(vector, axes))
    if not across:
        return None
    a = across[0]
    c = next((v for v in across if np.cross(a, v).any()), None)
    if c is None:
        return None
    options = [
        np.array([s, b, t]) for s, t in ((a, c), (a, c + a), (a, c - a), (c, a), (c, a + c), (c, a - c))
    ]
    options = [_obtuse(one, metric) for one in options if _bravais("m", one)]
    if not options:
        return None
    return min(options, key=lambda one: abs(float(one[0] @ metric @ one[2])) / _area(one, metric))


def _area(change: Ints, metric: Floats) -> float:
    return float(np.sqrt((change[0] @ metric @ change[0]) * (change[2] @ metric @ change[2])))


def _obtuse(change: Ints, metric: Floats) -> Ints:
    if change[0] @ metric @ change[2] > 0:
        change = np.array([change[0], change[1], -change[2]])
    return change if np.linalg.det(change) > 0 else np.array([change[0], -change[1], change[2]])


def _bravais(system: str, change: Ints) -> str | None:
    """The type, by the centring: the lattice points within the conventional cell."""
    volume = round(abs(float(np.linalg.det(change))))
    if system == "R":
        return "hR" if volume == 3 else None
    if volume == 1:
        return f"{system}P"
    if volume == 4 and system in "oc":
        return f"{system}F"
    if volume != 2:
        return None
    a, b, c = change
    body, face = (a + b + c) % 2, (a + b) % 2
    if not body.any():
        return f"{system}I"
    return f"{system}C" if not face.any() and system in "mo" else None


def reduced_matrix(a_matrix: Floats) -> Floats:
    """A of the reduced cell of a lattice.

    Raises:
        ValueError: it is no lattice.
    """
    axes: Floats = np.asarray(np.linalg.inv(a_matrix))
    return np.asarray(np.linalg.inv(reduced(axes)))
