"""Lattices from vectors that the spots agree on: three of them, reduced and ranked.

As in DIALS (`basis_vector_search/combinations.py`): of the cells that index nearly as many spots as the best
one, the smallest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation import fourier
from beampace.analysis.rotation.model import Floats
from beampace.core.cell import UnitCell

Ints = npt.NDArray[np.int64]

LEAST_ANGLE = math.sin(math.radians(17))
"""Of two vectors, and of one with the plane of two others."""
TOLERANCE = 0.3
NEARLY, NEARLY_FREE = 0.9, 0.97
"""A smaller cell is preferred when it indexes this share of what the best one does; with free phases, which
fit more, it must be more."""
MOST_BASES = 6
FLAT = 2e-3
"""Volume over the product of the edges below which three vectors lie in a plane."""


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Vectors that the spots agree on, the shortest first.

    Attributes:
        v: angstrom, (n, 3).
        f: mean cosine of 2 pi q.v, (n,).
        phase: of the sums in turns, zeros unless it was free, (n,).
        q: the spots that were summed, (m, 3).
    """

    v: Floats
    f: Floats
    phase: Floats
    q: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """A lattice.

    Attributes:
        axes: rows a, b, c in angstrom, reduced and right-handed.
        share: of the summed spots that it indexes.
        origin: indices of the point from which q is counted, (3,): zeros unless phases were free.
        reach: 1/angstrom, to which spots were summed.
    """

    axes: Floats
    share: float
    origin: Floats
    reach: float

    @property
    def a_matrix(self) -> Floats:
        """Columns a*, b*, c*."""
        return np.asarray(np.linalg.inv(self.axes))


def bases(found: Vectors, targets: list[UnitCell] | None = None) -> list[Basis]:
    """Lattices spanned by three of the vectors, the most likely first.

    Args:
        found: the vectors.
        targets: reduced cells, of which a lattice must have one; None for any.
    """
    n = len(found.v)
    if n < 3:
        return []
    along = found.v @ found.q.T - found.phase[:, None]
    off = (along - np.round(along)).astype(np.float32)
    normals = found.v / np.linalg.norm(found.v, axis=1)[:, None]
    table = fourier.triples(off, normals, LEAST_ANGLE, TOLERANCE)
    chosen = table[:, :3].astype(np.int64)
    return list(_ranked(found, chosen, table[:, 3], targets))


def reduced(axes: Floats) -> Floats:
    """The Niggli-reduced, right-handed basis of a lattice; rows a, b, c in angstrom.

    Raises:
        ValueError: the rows span no lattice.
    """
    edges = np.linalg.norm(axes, axis=1)
    if not np.isfinite(axes).all() or abs(np.linalg.det(axes)) < FLAT * edges.prod():
        raise ValueError("three vectors in a plane are no basis")
    vector = gemmi.GruberVector(gemmi.UnitCell(*cell_of(axes)), "P", track_change_of_basis=True)
    vector.niggli_reduce(epsilon=1e-6)
    result = (np.array(vector.change_of_basis.rot) / gemmi.Op.DEN).T @ axes
    return np.asarray(result if np.linalg.det(result) > 0 else -result)


def cell_of(axes: Floats) -> tuple[float, ...]:
    """a, b, c, alpha, beta, gamma of rows."""
    edges = np.linalg.norm(axes, axis=1)
    cosines = np.clip((axes @ axes.T) / np.outer(edges, edges), -1, 1)
    angles = np.degrees(np.arccos([cosines[1, 2], cosines[0, 2], cosines[0, 1]]))
    return tuple(float(value) for value in (*edges, *angles))


def _ranked(found: Vectors, chosen: Ints, counts: Floats, targets: list[UnitCell] | None) -> Iterator[Basis]:
    """One basis per lattice: the smallest volume among those with nearly the largest count, and so on."""
    volumes = np.abs(np.linalg.det(found.v[chosen].reshape(-1, 3, 3)))
    left, given = np.ones(len(chosen), np.bool_), 0
    nearly = NEARLY_FREE if found.phase.any() else NEARLY
    while left.any() and given < MOST_BASES:
        near = left & (counts >= nearly * counts[left].max())
        smallest = near & (volumes <= 1.02 * volumes[near].min())
        row = int(np.flatnonzero(smallest)[np.argmax(counts[smallest])])
        inside = _of_lattice(found.v, found.v[chosen[row]])
        left &= ~(inside[chosen].all(axis=1) & (volumes > 0.5 * volumes[row]))
        left[row] = False
        basis = _basis(found, chosen[row], float(counts[row]) / max(1, len(found.q)))
        if basis is not None and (targets is None or any(is_like(basis.axes, cell) for cell in targets)):
            given += 1
            yield basis


def _of_lattice(vectors: Floats, axes: Floats) -> npt.NDArray[np.bool_]:
    """Which vectors are whole combinations of the axes."""
    whole = vectors @ np.linalg.inv(axes)
    return np.asarray((np.abs(whole - np.round(whole)) < 0.1).all(axis=1))


def is_like(axes: Floats, cell: UnitCell, edges: float = 0.04, angles: float = 3.5) -> bool:
    """Whether a reduced basis has a reduced cell, up to the order and the signs of its axes."""
    mine = cell_of(axes)
    longer = np.sort(mine[:3]) / np.sort(cell.parameters[:3])
    if bool(np.any(np.abs(longer - 1) > edges)):
        return False
    lean = [np.sort([abs(90 - angle) for angle in six[3:]]) for six in (mine, cell.parameters)]
    volumes = abs(np.linalg.det(axes)) / cell.volume
    return bool((np.abs(lean[0] - lean[1]) < angles).all() and abs(volumes - 1) < 3 * edges)


def _basis(found: Vectors, rows: Ints, share: float) -> Basis | None:
    axes = found.v[rows]
    try:
        result = reduced(axes)
    except ValueError:
        return None
    origin = np.round(result @ np.linalg.inv(axes)) @ found.phase[rows]
    return Basis(result, share, origin, float(np.linalg.norm(found.q, axis=1).max()))
