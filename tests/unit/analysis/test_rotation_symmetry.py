"""Symmetry of data that were indexed without any."""

import itertools
from dataclasses import replace

import gemmi
import numpy as np
import pytest

from beampace.analysis.laue_group import rotations_of
from beampace.analysis.rotation.conventional import Setting, cell_of, conventional, metric_of, niggli
from beampace.analysis.rotation.laue import decide_symmetry, name_groups
from beampace.analysis.rotation.scaled_data import scale
from beampace.core.cell import UnitCell
from beampace.simulate.crystal import CrystalSpec, reflections
from beampace.simulate.groups import CRYSTALS
from tests.support.rotation_observations import Scan, as_primitive, measured

LAUE = {
    "P1": "P 1",
    "P21": "P 1 2 1",
    "C2": "C 1 2 1",
    "P212121": "P 2 2 2",
    "P43212": "P 4 2 2",
    "P3221": "P 3 2 1",
    "P6122": "P 6 2 2",
    "I23": "I 2 3",
}
LATTICES = {
    "P 1": (41, 47, 53, 82, 77, 71),
    "P 1 2 1": (41, 53, 47, 90, 104, 90),
    "C 1 2 1": (83, 41, 47, 90, 101, 90),
    "P 2 2 2": (31, 47, 61, 90, 90, 90),
    "C 2 2 2": (43, 97, 51, 90, 90, 90),
    "I 2 2 2": (41, 57, 83, 90, 90, 90),
    "F 2 2 2": (51, 73, 97, 90, 90, 90),
    "P 4 2 2": (79, 79, 37, 90, 90, 90),
    "I 4 2 2": (61, 61, 103, 90, 90, 90),
    "P 6 2 2": (57, 57, 83, 90, 90, 120),
    "R 3 2": (67, 67, 141, 90, 90, 120),
    "P 4 3 2": (71, 71, 71, 90, 90, 90),
    "I 4 3 2": (79, 79, 79, 90, 90, 90),
    "F 4 3 2": (113, 113, 113, 90, 90, 90),
}


def primitive(cell: UnitCell, group: gemmi.SpaceGroup, rng) -> UnitCell:
    """Some primitive cell of a lattice, far from reduced."""
    vector = gemmi.GruberVector(gemmi.UnitCell(*cell.parameters), group)
    vector.niggli_reduce()
    metric = metric_of(UnitCell(*vector.get_cell().parameters))
    for _ in range(4):
        i, j = rng.choice(3, 2, replace=False)
        change = np.eye(3)
        change[i, j] = rng.choice([-1, 1])
        metric = change @ metric @ change.T
    return cell_of(metric)


@pytest.mark.parametrize("symbol", LATTICES)
@pytest.mark.parametrize("seed", range(3))
def test_the_fourteen_lattices(symbol, seed):
    group, cell = gemmi.SpaceGroup(symbol), UnitCell(*LATTICES[symbol])
    change, reduced = niggli(primitive(cell, group, np.random.default_rng(seed)))
    every = gemmi.find_lattice_symmetry(gemmi.UnitCell(*reduced.parameters), "P", 1.0)
    rotations = frozenset(tuple(int(v) // 24 for row in op.rot for v in row) for op in every.sym_ops)
    found = conventional(rotations, reduced)
    assert found.group.hm == group.hm
    assert np.allclose(found.cell.parameters, cell.parameters, atol=1e-3)
    assert round(float(np.linalg.det(change))) == 1
    assert np.linalg.det(found.change) > 0


@pytest.mark.parametrize("symbol", ["F 4 3 2", "I 4 3 2", "P 6 2 2", "R 3 2", "I 4 2 2"])
def test_every_subgroup_of_a_lattice_has_a_setting(symbol):
    """Less symmetric crystals with the lattice of a more symmetric one: no lattice is unknown."""
    from beampace.analysis.laue_group import IDENTITY, subgroups

    group = gemmi.SpaceGroup(symbol)
    _, reduced = niggli(primitive(UnitCell(*LATTICES[symbol]), group, np.random.default_rng(5)))
    every = gemmi.find_lattice_symmetry(gemmi.UnitCell(*reduced.parameters), "P", 1.0)
    rotations = {tuple(int(v) // 24 for row in op.rot for v in row) for op in every.sym_ops}
    for one in subgroups(sorted(rotations - {IDENTITY})):
        found = conventional(one, reduced)
        assert len(rotations_of(found.group)) == len(one)
        cell = gemmi.UnitCell(*found.cell.parameters)
        assert cell.is_compatible_with_spacegroup(found.group)
        assert np.linalg.det(found.change) > 0
        points = round(float(np.linalg.det(found.change)))
        assert points == {"P": 1, "C": 2, "I": 2, "R": 3, "F": 4}[found.group.centring_type()]


@pytest.mark.parametrize("name", sorted(CRYSTALS))
def test_the_eight_groups(name):
    truth = measured(name, Scan(d_min=2.8, b_error=0.05, c=lambda z: 1 + 0.6 * np.sin(z / 70)))
    found = decide_symmetry(as_primitive(truth))
    assert found.sure
    assert found.setting.group.hm == LAUE[name]
    assert np.allclose(found.setting.cell.parameters, truth.observations.cell.parameters, atol=0.01)
    assert found.confidence > 0.8
    assert found.candidates[0].group.hm == LAUE[name]


@pytest.mark.parametrize("name", sorted(CRYSTALS))
def test_equivalents_map_onto_each_other_in_the_standard_setting(name):
    truth = measured(name, Scan(d_min=3.5))
    setting = decide_symmetry(as_primitive(truth)).setting
    hkl = setting.indices(as_primitive(truth).hkl)
    known: dict[tuple[int, ...], float] = {}
    asu, operations = gemmi.ReciprocalAsu(setting.group), setting.group.operations()
    for row, value in zip(hkl, truth.intensity, strict=True):
        key = tuple(asu.to_asu([int(i) for i in row], operations)[0])
        assert known.setdefault(key, value) == pytest.approx(value)
    absent = np.asarray(setting.group.operations().systematic_absences(hkl))
    assert not absent.any()


@pytest.mark.parametrize("name", sorted(set(CRYSTALS) - {"P1"}))
def test_a_hundredth_of_the_data_decides_nothing(name):
    observations = as_primitive(measured(name, Scan(d_min=3.0)))
    for seed in range(3):
        few = np.random.default_rng(seed).random(len(observations)) < 0.01
        found = decide_symmetry(observations.select(few))
        assert not found.sure
        assert LAUE[name] in [one.group.hm for one in found.candidates]


@pytest.mark.parametrize("name", sorted(CRYSTALS))
@pytest.mark.parametrize("photons", [0.3, 2, 20])
def test_never_wrong_when_sure(name, photons):
    """Weak data, small parts of scans: what is called sure is right."""
    observations = as_primitive(measured(name, Scan(d_min=3.0, photons=photons, b_error=0.1)))
    rng = np.random.default_rng(6)
    parts = [observations.z * observations.width < degrees for degrees in (5, 15, 40, 180)]
    parts += [rng.random(len(observations)) < share for share in (0.02, 0.05, 0.2)]
    for part in parts:
        found = decide_symmetry(observations.select(part))
        assert not found.sure or found.setting.group.hm == LAUE[name]


def test_ninety_degrees_are_enough():
    for name in CRYSTALS:
        found = decide_symmetry(as_primitive(measured(name, Scan(degrees=90, d_min=3.0))))
        assert found.sure
        assert found.setting.group.hm == LAUE[name]


def test_where_an_axis_cannot_be_tested_both_groups_stay():
    """The first degrees of a monoclinic crystal have hardly a pair."""
    observations = as_primitive(measured("P21", Scan(degrees=1.0, d_min=4.0)))
    found = decide_symmetry(observations)
    assert not found.sure
    assert {one.group.hm for one in found.candidates} == {"P 1", "P 1 2 1"}
    assert found.setting.group.hm == "P 1"


@pytest.mark.parametrize(("name", "law"), [("P3221", (-1, -1, 1)), ("I23", None)])
def test_a_twin_is_not_taken_for_symmetry(name, law):
    """A third of the crystal the other way round: the false axes correlate by nine tenths."""
    truth = measured(name, Scan(d_min=3.0))
    observations = truth.observations
    swap = np.diag(law) if law else np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1]])
    table = reflections(CRYSTALS[name], 3.0)
    known = dict(zip(map(tuple, table.hkl.tolist()), table.f_squared.tolist(), strict=True))
    other = np.array([known.get(tuple(row), 0.0) for row in (observations.hkl @ swap).tolist()])
    mixed = 2 / 3 * truth.intensity + 100 * other / table.f_squared.mean()
    sigma = np.sqrt(mixed + 20)
    noisy = mixed + sigma * np.random.default_rng(7).standard_normal(len(mixed))
    twinned = replace(truth, observations=replace(observations, intensity=noisy, sigma=sigma))
    found = decide_symmetry(as_primitive(twinned))
    assert found.twinned
    assert not found.sure
    assert LAUE[name] in [one.group.hm for one in found.candidates]
    assert rotations_of(found.setting.group) <= rotations_of(gemmi.SpaceGroup(LAUE[name]))


@pytest.mark.parametrize("name", ["P43212", "C2"])
def test_the_order_of_the_input_does_not_matter(name):
    observations = as_primitive(measured(name, Scan(d_min=3.0)))
    shuffled = observations.select(np.random.default_rng(8).permutation(len(observations)))
    one, two = decide_symmetry(observations), decide_symmetry(shuffled)
    assert one.evidence == two.evidence
    assert np.array_equal(one.setting.change, two.setting.change)
    assert one.mean_l == two.mean_l


@pytest.mark.parametrize("symbol", ["P 21 21 2", "P 2 2 21", "P 21 21 21"])
def test_orthorhombic_axes_are_named_after_their_screws(symbol):
    """By length the axes have another order than the standard setting wants."""
    spec = CrystalSpec(UnitCell(66.6, 51.8, 38.3, 90, 90, 90), symbol, b_factor=20.0, seed=5)
    truth = measured(spec, Scan(d_min=2.5, photons=2000, axial=True))
    primitive_ones = as_primitive(truth)
    decision = decide_symmetry(primitive_ones)
    assert decision.setting.group.hm == "P 2 2 2"
    there = primitive_ones.reindexed(decision.setting.change, decision.setting.cell)
    setting, groups = name_groups(decision.setting, scale(there, decision.setting.group).scaled)
    assert setting.group.hm == symbol
    assert symbol in [one.hm for one in groups]
    moved = primitive_ones.reindexed(setting.change, setting.cell)
    assert np.allclose(moved.d, primitive_ones.d, rtol=1e-5)
    absent = np.asarray(setting.group.operations().systematic_absences(moved.hkl))
    assert np.array_equal(absent, truth.intensity == 0)


def test_the_a_matrix_goes_along():
    change, cell = np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 1]]), UnitCell(50, 50, 60, 90, 90, 90)
    setting = Setting(change, cell, gemmi.SpaceGroup("C 2 2 2"))
    a_matrix = np.random.default_rng(9).standard_normal((3, 3))
    hkl = np.array(list(itertools.product((-2, 1, 3), repeat=3)), dtype=np.int32)
    turned = setting.indices(hkl) @ setting.a_matrix(a_matrix).T
    assert np.allclose(turned, hkl @ a_matrix.T)
