"""CORRECT of the checker: bases of a lattice, from its metric alone.

Rows of a matrix are basis vectors; `basis @ axes` are the axes of another basis, and the same matrix takes
indices (columns) from the old basis to the new one. This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]

_THIRD = 1 / 3
PRIMITIVE_ROWS: dict[str, Matrix] = {
    "P": np.eye(3),
    "A": np.array([[1, 0, 0], [0, 0.5, 0.5], [0, -0.5, 0.5]]),
    "B": np.array([[0.5, 0, 0.5], [0, 1, 0], [-0.5, 0, 0.5]]),
    "C": np.array([[0.5, 0.5, 0], [-0.5, 0.5, 0], [0, 0, 1]]),
    "I": np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]),
    "F": np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]),
    "R": _THIRD * np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]),
}
"""A primitive basis in terms of the conventional one, by centring (R: hexagonal axes, obverse)."""

_TWELFTHS: dict[frozenset[tuple[int, ...]], str] = {
    frozenset({(0, 0, 0)}): "P",
    frozenset({(0, 0, 0), (0, 6, 6)}): "A",
    frozenset({(0, 0, 0), (6, 0, 6)}): "B",
    frozenset({(0, 0, 0), (6, 6, 0)}): "C",
    frozenset({(0, 0, 0), (6, 6, 6)}): "I",
    frozenset({(0, 0, 0), (0, 6, 6), (6, 0, 6), (6, 6, 0)}): "F",
    frozenset({(0, 0, 0), (8, 4, 4), (4, 8, 8)}): "R",
}

SMALL_VECTORS: Integers = np.array([v for v in itertools.product(range(-3, 4), repeat=3) if any(v)])


def cell_of(axes: Matrix) -> tuple[float, ...]:
    """The six cell constants of axes."""
    lengths = np.linalg.norm(axes, axis=1)
    unit = axes / lengths[:, None]
    cosines = [unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]]
    return (*lengths.tolist(), *np.degrees(np.arccos(np.clip(cosines, -1, 1))).tolist())


def axes_of(cell: tuple[float, ...]) -> Matrix:
    """Axes of a cell in a standard orientation: a along x, b in the plane of x and y."""
    a, b, c = cell[:3]
    ca, cb, cg = np.cos(np.radians(cell[3:]))
    sg = np.sin(np.radians(cell[5]))
    cy = (ca - cb * cg) / sg
    return np.array([[a, 0, 0], [b * cg, b * sg, 0], [c * cb, c * cy, c * np.sqrt(1 - cb**2 - cy**2)]])


def reduction(axes: Matrix) -> Integers:
    """The basis of shortest vectors of the lattice of axes, of the same hand."""
    rows = np.eye(3, dtype=int)
    for _ in range(200):
        rows, before = _shorter(rows[np.argsort(_lengths(rows, axes), kind="stable")], axes), rows
        if np.array_equal(rows, before):
            break
    return rows if np.linalg.det(rows) > 0 else -rows


def _lengths(rows: Integers, axes: Matrix) -> Matrix:
    return np.asarray(np.linalg.norm(rows @ axes, axis=-1))


def _shorter(rows: Integers, axes: Matrix) -> Integers:
    """Each of the two longer vectors made shorter by the ones before it."""
    rows = rows.copy()
    for which in (1, 2):
        steps = np.array(list(itertools.product((0, -1, 1), repeat=which)))
        tried = rows[which] + steps @ rows[:which]
        best = int(np.argmin(np.round(_lengths(tried, axes), 9)))
        rows[which] = tried[best]
    return rows


def bases_like(
    axes: Matrix, cell: tuple[float, ...], axis_error: float, angle_error: float, volume: int
) -> Integers:
    """All right-handed bases of a reduced lattice that look like a cell of so many lattice points."""
    vectors = SMALL_VECTORS @ axes
    lengths = np.linalg.norm(vectors, axis=1)
    near = [np.flatnonzero(np.abs(lengths / edge - 1) <= axis_error) for edge in cell[:3]]
    unit = vectors / lengths[:, None]
    angles = np.degrees(np.arccos(np.clip(unit @ unit.T, -1, 1)))
    fits = [np.abs(angles - angle) <= angle_error for angle in cell[3:]]
    found = []
    for a in near[0]:
        for b in near[1][fits[2][a, near[1]]]:
            third = near[2][fits[1][a, near[2]] & fits[0][b, near[2]]]
            found.extend(SMALL_VECTORS[[a, b, c]] for c in third)
    if not found:
        return np.empty((0, 3, 3), dtype=int)
    bases = np.array(found)
    return np.asarray(bases[np.rint(np.linalg.det(bases)).astype(int) == volume])


def centring_of(basis: Integers) -> str | None:
    """How the primitive lattice centres a basis given in terms of it; None if not in a standard way."""
    points = np.vstack([np.zeros((1, 3)), SMALL_VECTORS]) @ np.linalg.inv(basis)
    twelfths = np.unique(np.rint(12 * points).astype(int) % 12, axis=0)
    return _TWELFTHS.get(frozenset(tuple(row) for row in twelfths.tolist()))


def symmetrised(axes: Matrix, operations: Integers) -> Matrix:
    """The axes nearest to these whose metric all operations (bases in terms of the axes) leave alone."""
    metric = axes @ axes.T
    ideal = np.mean([operation @ metric @ operation.T for operation in operations], axis=0)
    return np.asarray(_root(ideal, 0.5) @ _root(metric, -0.5) @ axes)


def _root(matrix: Matrix, power: float) -> Matrix:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * values**power) @ vectors.T)


def deviation(cell: tuple[float, ...], ideal: tuple[float, ...]) -> tuple[float, float]:
    """Largest relative difference of an edge, and largest difference of an angle in degrees."""
    pairs = list(zip(cell, ideal, strict=True))
    edges = max(abs(one / other - 1) for one, other in pairs[:3])
    return edges, max(abs(one - other) for one, other in pairs[3:])
