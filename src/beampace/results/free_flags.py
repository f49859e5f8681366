"""The free-R set: a flag for each reflection by its index alone, the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping

import gemmi
import numpy as np
from numpy.typing import NDArray

from beampace.results.reflections import Indices, representatives

FREE_SETS = 20
"""CCP4's convention: flags 0 to 19, 0 is the test set (5 %)."""

FREE_LABEL = "FreeR_flag"

HOLOHEDRY: Mapping[str, str] = {
    "orthorhombic": "P m m m",
    "tetragonal": "P 4/m m m",
    "trigonal": "P 6/m m m",
    "hexagonal": "P 6/m m m",
    "cubic": "P m -3 m",
}
"""Crystal system to a group of the highest point group of the lattice; with Friedel's law triclinic
and monoclinic groups have it themselves, whatever their setting."""


def add_free_flags(mtz: gemmi.Mtz) -> None:
    """Add `FreeR_flag` (0 to 19) unless the file has a free-R column already."""
    if mtz.rfree_column() is None:
        hkl = np.array(mtz.make_miller_array(), dtype=np.int32)
        put_flags(mtz, FREE_LABEL, free_flags(hkl, mtz.spacegroup))


def put_flags(mtz: gemmi.Mtz, label: str, flags: NDArray[np.int64]) -> None:
    """Add a column of flags."""
    mtz.add_column(label, "I", dataset_id=mtz.datasets[-1].id).array[:] = flags


def free_flags(hkl: Indices, group: gemmi.SpaceGroup, sets: int = FREE_SETS) -> NDArray[np.int64]:
    """Free-R flags from 0 to `sets` - 1 that depend on nothing but the index and the lattice's point group.

    Reflections related by the highest point group of the lattice share a flag, so twins, other
    settings of an indexing ambiguity and later datasets of the same lattice agree.
    """
    return (lots(hkl, group) % np.uint64(sets)).astype(np.int64)


def lots(hkl: Indices, group: gemmi.SpaceGroup) -> NDArray[np.uint64]:
    """A number for each reflection, evenly spread over 64 bits; see `free_flags` for what shares one."""
    return mixed(representatives(hkl, holohedry(group)).keys.astype(np.uint64))


def holohedry(group: gemmi.SpaceGroup) -> gemmi.SpaceGroup:
    """A group with the highest point group of the lattice, in the same axes."""
    if group.ext == "R":
        return gemmi.SpaceGroup("R -3 m:R")
    name = HOLOHEDRY.get(group.crystal_system_str())
    return gemmi.SpaceGroup(name) if name else group


def mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The splitmix64 hash (Steele, Lea & Flood 2014, OOPSLA): the same on every machine."""
    with np.errstate(over="ignore"):
        z = keys + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
