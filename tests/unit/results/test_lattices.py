"""Cells of one lattice in several settings, and of lattices that are part of one another."""

from __future__ import annotations

import math
from fractions import Fraction

import gemmi
import numpy as np
import pytest

from beampace.results.lattices import Lattice, lattice_of, ratio

C2 = ((60.0, 40.0, 50.0, 90.0, 105.0, 90.0), "C 1 2 1")


def cell_of(rows: np.ndarray) -> tuple[float, ...]:
    edges = np.linalg.norm(rows, axis=1)
    cosines = [rows[i] @ rows[j] / edges[i] / edges[j] for i, j in ((1, 2), (0, 2), (0, 1))]
    return (*edges.tolist(), *(math.degrees(math.acos(one)) for one in cosines))


def vectors(cell: tuple[float, ...]) -> np.ndarray:
    """Basis vectors as rows."""
    return np.array(gemmi.UnitCell(*cell).orth.mat.tolist()).T


def i2() -> tuple[tuple[float, ...], str]:
    """The I setting of `C2`: a' = -c, c' = a + c."""
    a, b, c = vectors(C2[0])
    return cell_of(np.array([-c, b, a + c])), "I 1 2 1"


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        (C2, C2, 1),
        (C2, i2(), 1),
        (C2, (C2[0], "P 1 2 1"), Fraction(2)),
        (((40, 50, 60, 90, 90, 90), "P 21 21 2"), ((60, 40.2, 49.8, 90, 90, 90), "P 2 21 21"), 1),
        (((40, 50, 60, 80, 95, 100), "P 1"), ((50, 60, 40, 95, 100, 80), "P 1"), 1),
        (((40, 50, 60, 80, 95, 100), "P 1"), ((50, 60, 40, 80, 95, 100), "P 1"), None),
        (((50, 50, 90, 90, 90, 120), "P 32 2 1"), ((50, 50 * math.sqrt(3), 90, 90, 90, 90), "C 2 2 21"), 1),
        (
            ((60, 60, 80, 90, 90, 120), "R 3:H"),
            ((43.716, 43.716, 43.716, 86.667, 86.667, 86.667), "R 3:R"),
            1,
        ),
        (((78, 78, 78, 90, 90, 90), "I 2 3"), ((78, 78, 78, 90, 90, 90), "P 2 3"), 2),
        (((78.5, 78.5, 37, 90, 90, 90), "P 4"), ((78.5, 78.5, 74, 90, 90, 90), "P 4"), 2),
        (((78.5, 78.5, 74, 90, 90, 90), "P 4"), ((78.5, 78.5, 37, 90, 90, 90), "P 4"), Fraction(1, 2)),
        (((40, 50, 60, 90, 90, 90), "P 1"), ((120, 50, 60, 90, 90, 90), "P 1"), 3),
        (((40, 50, 60, 90, 90, 90), "P 1"), ((80, 100, 60, 90, 90, 90), "P 1"), 4),
        (((40, 50, 60, 90, 90, 90), "P 1"), ((40.3, 49.6, 60.5, 90.9, 89.1, 90.9), "an odd symbol"), 1),
        (((40, 50, 60, 90, 90, 90), "P 1"), ((40.5, 50, 60, 90, 90, 90), "P 1"), None),
        (((40, 50, 60, 90, 90, 90), "P 1"), ((40, 50, 60, 91.2, 90, 90), "P 1"), None),
        (((50, 50, 90, 90, 90, 120.3), "P 1"), ((50, 50, 90, 90, 90, 119.8), "P 1"), 1),
    ],
)
def test_how_two_cells_are_related(one, two, expected) -> None:
    assert ratio(lattice_of(*one), lattice_of(*two)) == expected


def test_any_basis_of_a_lattice_is_known_as_such() -> None:
    """Lattices on the edge of a kind of reduced cell, distorted by 0.2 %, in any basis."""
    rng = np.random.default_rng(0)
    n = 0
    while n < 300:
        edges, angles = rng.uniform(30, 60, 3), rng.choice([60.0, 70.0, 90.0, 100.0, 120.0], 3)
        if sum(angles) > 355 or 2 * max(angles) > sum(angles) - 5:
            continue
        rows = vectors((*edges, *angles))
        change = rng.integers(-2, 3, (3, 3))
        if abs(round(np.linalg.det(change))) != 1:
            continue
        n += 1
        other = change @ (rows * (1 + rng.normal(0, 0.002, (3, 1))))
        assert ratio(Lattice((*edges, *angles)), Lattice(cell_of(other))) == 1, (edges, angles, change)
