"""Names of symmetry: Laue groups and standard settings."""

from __future__ import annotations

import gemmi

CYCLES = ("a,b,c", "b,c,a", "c,a,b", "-b,a,c", "a,-c,b", "-c,b,a")
"""Changes of basis that may bring an orthorhombic group to its standard setting."""


def group_of_hall(hall: str) -> gemmi.SpaceGroup:
    """The space group of a Hall symbol.

    Raises:
        ValueError: the operations are in no tabulated setting.
    """
    group = gemmi.find_spacegroup_by_ops(gemmi.symops_from_hall(hall.strip()))
    if group is None:
        raise ValueError(f"Hall symbol {hall!r} is no tabulated setting")
    return group


def short_laue(group: gemmi.SpaceGroup) -> str:
    """Short Laue symbol; trigonal P groups say where their twofold axes are (`-3m1`, `-31m`)."""
    symbol = str(group.laue_str())
    if symbol != "-3m" or group.hm.startswith("R"):
        return symbol
    return "-3m1" if group.hm.endswith(" 1") else "-31m"


def name_of(group: gemmi.SpaceGroup) -> str:
    """Hermann-Mauguin symbol with blanks, e.g. `P 43 21 2`."""
    return str(group.hm)


def to_standard(group: gemmi.SpaceGroup) -> tuple[str, gemmi.SpaceGroup] | None:
    """(change of basis for dials.reindex, group in its standard setting), or None when it is there."""
    if group.is_reference_setting() or group.crystal_system_str() != "orthorhombic":
        return None
    for text in CYCLES[1:]:
        operations = group.operations()
        operations.change_basis_forward(change_of_basis(text))
        found = gemmi.find_spacegroup_by_ops(operations)
        if found is not None and found.is_reference_setting():
            return text, found
    return None


def moved(groups: tuple[gemmi.SpaceGroup, ...], change: str) -> tuple[gemmi.SpaceGroup, ...]:
    """Groups after a change of basis that all of them have a tabulated setting for."""
    result = []
    for group in groups:
        operations = group.operations()
        operations.change_basis_forward(change_of_basis(change))
        found = gemmi.find_spacegroup_by_ops(operations)
        result.append(found if found is not None else group)
    return tuple(result)


def change_of_basis(text: str) -> gemmi.Op:
    """A change of basis such as `b,c,a`, as gemmi takes it."""
    return gemmi.Op(text.translate(str.maketrans("abc", "xyz")))
