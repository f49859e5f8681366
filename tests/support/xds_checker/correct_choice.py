"""CORRECT of the checker: what a space group is to it, and what the choice of one consists of.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import gemmi
import numpy as np

from tests.support.xds_checker.correct_input import CheckerStop
from tests.support.xds_checker.correct_lattice import Integers, Matrix
from tests.support.xds_checker.correct_orbits import Agreement, Vector, agreement, orbits_of

ILLEGAL = "ILLEGAL SPACE GROUP NUMBER OR UNIT CELL"
LATTICE_POINTS = {"P": 1, "A": 2, "B": 2, "C": 2, "I": 2, "R": 3, "F": 4}
"""By centring. It is also IDXV: what divides the twelve numbers of REIDX."""


@dataclass(frozen=True, slots=True)
class Tested:
    """A line of one of the two tables: a group or a setting, and how its reflections agree."""

    number: int
    lattice: str
    cell: tuple[float, ...]
    agreement: Agreement
    reindex: Matrix
    esd: float
    selected: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The space group and what leads there.

    Attributes:
        reindex: takes index columns of INTEGRATE.HKL to the new ones, which `shift` is added to.
        divisor: IDXV.
        axes: refined: constrained by the group; `given_cell` what the user asked for, else theirs.
    """

    group: gemmi.SpaceGroup
    reindex: Matrix
    shift: Integers
    divisor: int
    axes: Matrix
    selected_cell: tuple[float, ...]
    automatic: bool
    tested: list[Tested] = field(default_factory=list)
    acceptable: bool = True

    @property
    def rotations(self) -> Integers:
        """What takes index columns to equivalent ones."""
        return index_rotations(self.group)


@dataclass(frozen=True, slots=True)
class TestData:
    """Strong reflections within the test resolution range, indexed as on INTEGRATE.HKL."""

    hkl: Integers
    intensity: Vector

    def agreement(self, reindex: Matrix, rotations: Integers) -> Agreement:
        """Rmeas of the reindexed reflections under rotations; Friedel mates are merged."""
        hkl = np.rint(self.hkl @ reindex.T).astype(int)
        return agreement(orbits_of(hkl, rotations).key, self.intensity)


def space_group(number: int) -> gemmi.SpaceGroup:
    """The standard setting of a number.

    Raises:
        CheckerStop: there is no such number.
    """
    group = gemmi.find_spacegroup_by_number(number) if 1 <= number <= 230 else None
    if group is None:
        raise CheckerStop(ILLEGAL)
    return group


def index_rotations(group: gemmi.SpaceGroup) -> Integers:
    """Rotations of a group as matrices for index columns."""
    operations = group.operations().derive_symmorphic().sym_ops
    return np.array([np.array(each.rot).T // gemmi.Op.DEN for each in operations])


def lattice_name(group: gemmi.SpaceGroup) -> str:
    """Bravais lattice, such as `tP`."""
    family = {
        "triclinic": "a", "monoclinic": "m", "orthorhombic": "o", "tetragonal": "t", "trigonal": "h",
        "hexagonal": "h", "cubic": "c",
    }[group.crystal_system_str()]  # fmt: skip
    return family + group.centring_type()
