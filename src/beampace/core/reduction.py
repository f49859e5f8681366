"""Reduced cells: one for each lattice, in whatever setting it was found."""

from __future__ import annotations

import gemmi

from beampace.core.cell import UnitCell


def reduced(cell: UnitCell, centring: str = "P") -> gemmi.UnitCell:
    """The Niggli-reduced primitive cell of a cell with a centring."""
    vector = gemmi.GruberVector(gemmi.UnitCell(*cell.parameters), centring)
    vector.niggli_reduce()
    return vector.get_cell()
