"""Standard crystals in eight space groups, one for every way in which symmetry changes processing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.scenario import LYSOZYME, Lattice, Scenario

B_FACTOR = 20.0
DISTANCE = 85.0
"""mm at which the corners of a 1M detector reach 1.8 angstrom, its edges 2.4."""


def _crystal(name: str, *cell: float) -> CrystalSpec:
    return CrystalSpec(UnitCell(*cell), name, b_factor=B_FACTOR, seed=5)


CRYSTALS: Mapping[str, CrystalSpec] = MappingProxyType(
    {
        spec.space_group: spec
        for spec in (
            _crystal("P1", 27.07, 31.25, 33.76, 87.98, 72.00, 67.89),
            _crystal("P21", 38.1, 55.3, 48.6, 90, 103.2, 90),
            _crystal("C2", 78.4, 38.7, 46.3, 90, 103.5, 90),
            _crystal("P212121", 38.3, 51.8, 66.6, 90, 90, 90),
            _crystal("P43212", *LYSOZYME.unit_cell.parameters),
            _crystal("P3221", 46.8, 46.8, 76.4, 90, 90, 120),
            _crystal("P6122", 52.4, 52.4, 80.3, 90, 90, 120),
            _crystal("I23", 68.3, 68.3, 68.3, 90, 90, 90),
        )
    }
)
"""By name of the space group, in its standard setting; the lattices have no symmetry beyond their system's.

P1 is the reduced cell of triclinic lysozyme (PDB 2VB1), P43212 tetragonal lysozyme's; the others are cells
of a usual size and nobody's protein. P3221 and I23 are less symmetric than their lattices: they can be
indexed in two ways.
"""


def group_scenario(
    name: str, *, width: float = 0.5, degrees: float = 180.0, distance: float = DISTANCE, seed: int = 9
) -> Scenario:
    """A rotation of a standard crystal in a general orientation, on the 1M detector.

    Args:
        name: of its space group, a key of `CRYSTALS`.
        width: degrees per frame.
        degrees: of the whole scan.
        distance: of the detector, mm.
        seed: chooses the orientation and the noise.

    Raises:
        InputError: there is no such crystal.
    """
    if name not in CRYSTALS:
        raise failure(Failure.BAD_REQUEST, f"{name!r} is none of {', '.join(CRYSTALS)}.")
    return Scenario(
        name=name,
        crystal=CRYSTALS[name],
        lattices=(Lattice(seed=seed),),
        distance=distance,
        mosaicity=0.15,
        width=width,
        n_frames=round(degrees / width),
        seed=seed,
    )
