"""The Laue group by correlation of operators, against crystals whose symmetry is known."""

import gemmi
import numpy as np
import pytest

from beampace.analysis.laue_group import IDENTITY, find_laue_group, rotations_of, subgroups
from beampace.analysis.scaled import Scaled
from beampace.simulate.crystal import reflections
from beampace.simulate.groups import CRYSTALS


def observed(name: str, noise: float = 0.1, part: float = 1.0, seed: int = 3):
    """Observations of a standard crystal to 3 A; `noise` relative to the mean intensity."""
    spec = CRYSTALS[name]
    table = reflections(spec, 3.0)
    rng = np.random.default_rng(seed)
    kept = rng.random(len(table.hkl)) < part
    mean = float(table.f_squared.mean())
    sigma = np.full(int(kept.sum()), noise * mean)
    intensity = table.f_squared[kept] + sigma * rng.standard_normal(len(sigma))
    d = 1 / np.sqrt(spec.cell.calculate_1_d2_array(table.hkl[kept]))
    return spec.cell, Scaled(table.hkl[kept], intensity, sigma, d)


@pytest.mark.parametrize("name", sorted(CRYSTALS))
@pytest.mark.parametrize("noise", [0.05, 0.5])
def test_the_eight_groups(name, noise):
    cell, data = observed(name, noise)
    group = CRYSTALS[name].group
    found = find_laue_group(cell, group.centring_type(), data)
    assert found.rotations == rotations_of(group)
    assert found.likelihood > 0.8  # one operator alone gives no more, as in pointless
    assert found.pairs > 50 or name == "P1"


def test_a_lattice_without_symmetry_has_the_trivial_group():
    cell, data = observed("P1")
    assert find_laue_group(cell, "P", data).rotations == frozenset({IDENTITY})


def test_pseudosymmetry_is_not_taken_for_symmetry():
    """A monoclinic crystal whose cell is orthorhombic: the two false axes correlate by half."""
    _, data = observed("P212121", 0.05)
    cell = CRYSTALS["P212121"].cell
    group = gemmi.SpaceGroup("P 1 2 1")
    rng = np.random.default_rng(5)
    asu, ops = gemmi.ReciprocalAsu(group), group.operations()
    keys = [tuple(asu.to_asu([int(i) for i in hkl], ops)[0]) for hkl in data.hkl]
    factor = {key: rng.exponential() for key in set(keys)}
    spoilt = data.intensity * np.array([factor[key] for key in keys])
    found = find_laue_group(cell, "P", Scaled(data.hkl, spoilt, data.sigma, data.d))
    assert found.rotations == rotations_of(group)


def test_few_reflections_are_not_told_as_sure():
    cell, data = observed("P43212", 1.0, part=0.01)
    assert find_laue_group(cell, "P", data).likelihood < 0.9


def test_subgroups_of_the_cube():
    """The cubic group 432 has 30 subgroups."""
    assert len(subgroups(sorted(rotations_of(gemmi.SpaceGroup("P 4 3 2"))))) == 30
