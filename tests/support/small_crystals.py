"""Crystals of the eight groups with cells so small that a scan of them is processed in half a minute."""

from __future__ import annotations

from beampace.core.cell import UnitCell
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.scenario import Lattice, Scenario

_CELLS = {
    "P 21 21 21": UnitCell(36.1, 42.7, 51.3, 90, 90, 90),
    "P 43 21 2": UnitCell(44.5, 44.5, 58.2, 90, 90, 90),
    "C 1 2 1": UnitCell(58.4, 33.2, 41.8, 90, 103.5, 90),
    "P 32 2 1": UnitCell(43.6, 43.6, 55.9, 90, 90, 120),
    "P 1": UnitCell(31.2, 36.9, 40.4, 81.2, 95.3, 104.1),
    "P 1 21 1": UnitCell(34.1, 46.2, 40.7, 90, 103.2, 90),
    "P 61 2 2": UnitCell(47.5, 47.5, 71.3, 90, 90, 120),
    "I 2 3": UnitCell(61.7, 61.7, 61.7, 90, 90, 90),
}

SMALL_CRYSTALS = {group: CrystalSpec(cell, group, b_factor=20, seed=5) for group, cell in _CELLS.items()}
"""By space group."""


def small_scenario(group: str) -> Scenario:
    """180 degrees of a crystal in a general orientation."""
    return Scenario(
        name="set",
        crystal=SMALL_CRYSTALS[group],
        lattices=(Lattice(seed=9),),
        distance=130.0,
        width=0.5,
        n_frames=360,
        mosaicity=0.15,
    )
