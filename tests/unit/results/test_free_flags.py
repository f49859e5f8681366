"""The free-R set: by the index alone, in every space group, for good."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from beampace.results.free_flags import free_flags


def test_test_set_is_one_in_twenty(synthetic) -> None:
    observed = synthetic("P 21 21 21", d_min=2.0, multiplicity=1)
    unique = gemmi.make_miller_array(observed.cell, observed.group, 2.0)
    flags = free_flags(unique, observed.group)
    assert flags.min() == 0 and flags.max() == 19
    share = (flags == 0).mean()
    assert share == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / len(unique)))


def test_twin_related_reflections_share_a_flag() -> None:
    hkl = np.array([(1, 2, 3), (2, 1, 3), (-1, -2, 3), (1, 2, -3), (3, 1, 2)], dtype=np.int32)
    low = free_flags(hkl, gemmi.SpaceGroup("P 41"))
    assert len(set(low[:4])) == 1
    assert (free_flags(hkl, gemmi.SpaceGroup("P 41 21 2")) == low).all()
    cubic = free_flags(hkl, gemmi.SpaceGroup("P 21 3"))
    assert len(set(cubic)) == 1


@pytest.mark.parametrize("group", list(gemmi.spacegroup_table()), ids=lambda group: group.xhm())
def test_equivalents_share_a_flag_in_every_space_group(group) -> None:
    hkl = (-1, 3, 7)
    equivalents = [op.apply_to_hkl(hkl) for op in group.operations().sym_ops]
    assert len(set(free_flags(np.array(equivalents, dtype=np.int32), group))) == 1


def splitmix64(key: int) -> int:
    """The hash in whole numbers, without numpy."""
    whole = 2**64 - 1
    z = (key + 0x9E3779B97F4A7C15) & whole
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & whole
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & whole
    return z ^ (z >> 31)


def test_flags_are_the_hash_of_the_index_and_never_change() -> None:
    """A free set must be the same in every version: these values are fixed for good."""
    hkl = np.array([(1, 0, 0), (0, 1, 0), (1, -2, 3), (4, 5, -6), (-10, 20, 30)], dtype=np.int32)
    flags = free_flags(hkl, gemmi.SpaceGroup("P 21 21 21")).tolist()
    span = 2**21
    packed = [(abs(row[0]) * span + abs(row[1])) * span + abs(row[2]) for row in hkl.tolist()]
    assert flags == [splitmix64(key) % 20 for key in packed]
    assert flags == FIXED


FIXED = [9, 3, 13, 3, 7]
