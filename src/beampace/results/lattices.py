"""Whether two cells describe one lattice, or a lattice and a part of it; pure."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import gemmi
import numpy as np
from numpy.typing import NDArray

EDGE = 0.01
"""Relative difference of the edges of reduced cells up to which lattices are the same."""

ANGLE = 1.0
"""Degrees of difference of their angles."""

MULTIPLES = (2, 3, 4)
"""How many times larger than the other's a primitive cell may be and still be known as its multiple."""

Cell = tuple[float, ...]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lattice:
    """A cell (a, b, c in angstrom, alpha, beta, gamma in degrees) and its centring, such as `C`."""

    cell: Cell
    centring: str = "P"


def lattice_of(cell: Cell, symbol: str) -> Lattice:
    """The lattice of a cell in a space group; a symbol gemmi does not know is taken as primitive."""
    group = gemmi.find_spacegroup_by_name(symbol)
    return Lattice(cell, "P" if group is None else group.centring_type())


@functools.lru_cache(maxsize=4096)
def ratio(one: Lattice, two: Lattice) -> Fraction | None:
    """How many times that of `one` the primitive cell of `two` is, where one lattice is part of the other.

    1: the lattices are the same, whatever the setting (C2 or I2, axes in another order). 2: the cell of `two`
    is doubled, its lattice has half the points. 1/2: the other way round. None: they are not related.
    """
    first, second = reduced(metric(one)), reduced(metric(two))
    if _same(first, second):
        return Fraction(1)
    for n in MULTIPLES:
        if any(_same(reduced(part), second) for part in _parts(first, n, second)):
            return Fraction(n)
        if any(_same(reduced(part), first) for part in _parts(second, n, first)):
            return Fraction(1, n)
    return None


def metric(lattice: Lattice) -> Matrix:
    """The metric tensor of a primitive cell, by Niggli reduction of what the centring makes of the cell."""
    cell = gemmi.UnitCell(*lattice.cell)
    return _metric(gemmi.GruberVector(cell, lattice.centring))


def reduced(tensor: Matrix) -> Matrix:
    """The metric tensor of the Niggli cell of a primitive lattice."""
    edges = np.sqrt(np.diag(tensor))
    cosines = tensor / np.outer(edges, edges)
    angles = np.degrees(np.arccos(np.clip(cosines[[1, 0, 0], [2, 2, 1]], -1, 1)))
    return _metric(gemmi.GruberVector(gemmi.UnitCell(*edges, *angles), "P"))


def _metric(vector: gemmi.GruberVector) -> Matrix:
    vector.niggli_reduce()
    a, b, c, xi, eta, zeta = vector.parameters
    return np.array([[a, zeta / 2, eta / 2], [zeta / 2, b, xi / 2], [eta / 2, xi / 2, c]])


def _same(one: Matrix, two: Matrix) -> bool:
    """Whether some basis of the second lattice has the edges and angles of the first's reduced cell.

    Reduced cells of lattices that hardly differ need not look alike (Gruber 1973, Acta Cryst. A29, 433);
    their bases do, within sums and differences of two or three vectors.
    """
    if not 0.94 < float(np.linalg.det(one) / np.linalg.det(two)) < 1.06:
        return False
    bases = _changes()
    turned = bases @ two @ bases.transpose(0, 2, 1)
    mine, others = np.sqrt(np.diag(one)), np.sqrt(np.diagonal(turned, axis1=1, axis2=2))
    near = (np.abs(mine - others) <= EDGE * np.maximum(mine, others)).all(axis=1)
    return bool((np.abs(_angles(one[None]) - _angles(turned[near])) <= ANGLE).all(axis=1).any())


def _angles(tensors: Matrix) -> Matrix:
    """Angles of bases in degrees, (n, 3)."""
    edges = np.sqrt(np.diagonal(tensors, axis1=1, axis2=2))
    cosines = tensors / (edges[:, :, None] * edges[:, None, :])
    angles: Matrix = np.degrees(np.arccos(np.clip(cosines[:, [1, 0, 0], [2, 2, 1]], -1, 1)))
    return angles


@functools.cache
def _changes() -> Matrix:
    """Changes of basis with entries -1, 0 and 1, (n, 3, 3)."""
    entries = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=9))).reshape(-1, 3, 3)
    chosen: Matrix = entries[np.abs(np.abs(np.linalg.det(entries)) - 1) < 0.5]
    return chosen


def _parts(tensor: Matrix, n: int, other: Matrix) -> Iterator[Matrix]:
    """Metric tensors of all sublattices of index n, if such a one can have the other's volume.

    One for each Hermite normal form (Cassels 1959, An introduction to the geometry of numbers, I.2).
    """
    if not 0.94 < float(np.linalg.det(tensor)) * n**2 / float(np.linalg.det(other)) < 1.06:
        return
    for a, d in itertools.product(range(1, n + 1), repeat=2):
        if n % (a * d) == 0:
            f = n // (a * d)
            for b, c, e in itertools.product(range(d), range(f), range(f)):
                change = np.array([[a, b, c], [0, d, e], [0, 0, f]], dtype=np.float64)
                yield change @ tensor @ change.T
