import itertools

import gemmi
import numpy as np
import pytest

from beampace.core.cell import UnitCell
from beampace.core.errors import InputError
from beampace.simulate.crystal import CrystalSpec, orthogonalisation_b, reflections

CRYSTALS = {
    "P212121": (31, 37, 43, 90, 90, 90),
    "P43212": (40, 40, 30, 90, 90, 90),
    "C2": (50, 30, 40, 90, 105, 90),
    "P3221": (35, 35, 50, 90, 90, 120),
    "I23": (45, 45, 45, 90, 90, 90),
    "P1": (25, 28, 33, 85, 95, 105),
    "R32": (50, 50, 60, 90, 90, 120),
}


def spec(name, **kwargs):
    return CrystalSpec(UnitCell(*CRYSTALS[name]), name, **kwargs)


@pytest.mark.parametrize("name", CRYSTALS)
def test_symmetry_and_absences_are_exact(name):
    table = reflections(spec(name), 4.0)
    squared = {tuple(row): value for row, value in zip(table.hkl.tolist(), table.f_squared, strict=True)}
    operations = gemmi.find_spacegroup_by_name(name).operations()
    for hkl, value in squared.items():
        assert not operations.is_systematically_absent(hkl)
        for operation in operations:
            assert squared[tuple(operation.apply_to_hkl(hkl))] == value
        assert squared[tuple(-index for index in hkl)] == value


@pytest.mark.parametrize("name", CRYSTALS)
def test_the_sphere_is_complete(name):
    table, crystal = reflections(spec(name), 4.03), spec(name)
    have = {tuple(row) for row in table.hkl.tolist()}
    operations = crystal.group.operations()
    span = range(-16, 17)
    expected = {
        hkl
        for hkl in itertools.product(span, repeat=3)
        if hkl != (0, 0, 0)
        and crystal.cell.calculate_d(hkl) > 4.03
        and not operations.is_systematically_absent(hkl)
    }
    assert have == expected


def test_against_direct_summation():
    crystal = spec("P43212", max_atoms=40)
    table = reflections(crystal, 3.0)
    from beampace.simulate import crystal as module

    structure = module._structure(crystal, crystal.group)
    direct = gemmi.StructureFactorCalculatorX(structure.cell)
    for row in range(0, len(table.hkl), 97):
        exact = abs(direct.calculate_sf_from_model(structure[0], table.hkl[row].tolist())) ** 2
        assert table.f_squared[row] == pytest.approx(exact, rel=0.01, abs=0.01 * table.f_squared.mean())


def test_wilson_statistics_and_b():
    crystal = spec("P212121", b_factor=20.0)
    table = reflections(crystal, 2.0)
    s2 = crystal.cell.calculate_1_d2_array(table.hkl)
    bins = np.digitize(s2, np.linspace(s2.min(), s2.max(), 15))
    normalised = table.f_squared / np.array([table.f_squared[bins == b].mean() for b in bins])
    acentric = (table.hkl != 0).all(axis=1)
    assert np.mean(normalised[acentric] ** 2) == pytest.approx(2.0, abs=0.12)
    assert np.mean(normalised[~acentric] ** 2) == pytest.approx(3.0, abs=0.5)
    high = [s2 > 1 / 9, table.f_squared > 0]
    use = np.all(high, axis=0)
    slope = np.polyfit(s2[use], np.log(table.f_squared[use]), 1)[0]
    form_factor = 2 * 1.4  # carbon's own fall-off between 3 and 2 A, about B = 6 in ln f^2
    assert 20.0 / 2 < -slope < 20.0 / 2 + 2 * form_factor + 4


def test_friedel_differences_only_with_sites():
    plain, anomalous = (
        reflections(spec("P212121", anomalous_sites=sites, f_double_prime=8.0), 4.0) for sites in (0, 2)
    )
    values = {
        tuple(row): value for row, value in zip(anomalous.hkl.tolist(), anomalous.f_squared, strict=True)
    }
    acentric = [(3, 2, 1), (1, 4, 2), (5, 1, 3)]
    assert all(abs(values[h] - values[tuple(-i for i in h)]) > 1e-6 * values[h] for h in acentric)
    assert values[3, 2, 0] == pytest.approx(values[-3, -2, 0], rel=1e-6)  # centric zone of 222
    operations = gemmi.find_spacegroup_by_name("P212121").operations()
    for hkl, value in values.items():
        assert all(values[tuple(op.apply_to_hkl(hkl))] == value for op in operations)
    assert len(plain.hkl) == len(anomalous.hkl)


def test_same_seed_same_crystal():
    one, two = reflections(spec("C2"), 4.0), reflections.__wrapped__(spec("C2"), 4.0)
    other = reflections(spec("C2", seed=2), 4.0)
    assert np.array_equal(one.f_squared, two.f_squared)
    assert np.corrcoef(one.f_squared, other.f_squared)[0, 1] < 0.7


def test_b_matrix_lengths():
    cell = UnitCell(50, 30, 40, 80, 105, 95)
    b = orthogonalisation_b(cell)
    exact = gemmi.UnitCell(*cell.parameters).calculate_1_d2([3, -2, 5])
    assert np.sum((b @ [3, -2, 5]) ** 2) == pytest.approx(exact, rel=1e-12)
    assert np.linalg.det(b) == pytest.approx(1 / cell.volume)


@pytest.mark.parametrize(
    ("name", "cell"), [("P9", (1, 1, 1, 90, 90, 90)), ("P43212", (40, 50, 30, 90, 90, 90))]
)
def test_impossible_crystals_are_refused(name, cell):
    with pytest.raises(InputError):
        reflections(CrystalSpec(UnitCell(*cell), name), 4.0)
