"""A lattice whose cell is known: few spots are enough to find it."""

from __future__ import annotations

import gemmi
import numpy as np

from beampace.analysis.rotation.basis import Basis, bases, is_like
from beampace.analysis.rotation.lattice_search import find_known
from beampace.analysis.rotation.model import Floats
from beampace.core.cell import UnitCell

CENTRINGS = "PCAIFR"
SAME = 0.5
"""Angstrom within which edges are looked for together."""


def reduced_cells(cell: UnitCell) -> list[UnitCell]:
    """The reduced cells of a cell with every centring that it can have, the primitive one first.

    Args:
        cell: conventional, or reduced; its centring is not known.
    """
    found: list[UnitCell] = []
    for centring in CENTRINGS:
        if centring == "R" and not _is_hexagonal(cell):
            continue
        vector = gemmi.GruberVector(gemmi.UnitCell(*cell.parameters), centring, track_change_of_basis=False)
        vector.niggli_reduce(epsilon=1e-6)
        one = UnitCell(*vector.cell_parameters())
        if not any(one.worst_deviation(other) < 1e-3 for other in found):
            found.append(one)
    return found


def known_bases(q: Floats, cell: UnitCell) -> list[Basis]:
    """Lattices with the cell among spots, the most likely first.

    Args:
        q: reciprocal vectors, 1/angstrom, (n, 3).
        cell: in any setting.
    """
    targets = reduced_cells(cell)
    edges = sorted({edge for one in targets for edge in one.parameters[:3]})
    lengths = [edge for index, edge in enumerate(edges) if index == 0 or edge - edges[index - 1] > SAME]
    return bases(find_known(q, np.array(lengths)), targets)


def has_cell(axes: Floats, cell: UnitCell) -> bool:
    """Whether a reduced basis (rows, angstrom) is of a cell, whatever its centring."""
    return any(is_like(axes, one) for one in reduced_cells(cell))


def _is_hexagonal(cell: UnitCell) -> bool:
    a, b, _, alpha, beta, gamma = cell.parameters
    return abs(a / b - 1) < 0.02 and abs(gamma - 120) < 2 and abs(alpha - 90) < 2 and abs(beta - 90) < 2
