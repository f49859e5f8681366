import dataclasses

import gemmi
import numpy as np
import pytest

from beampace.core.errors import InputError
from beampace.simulate.crystal import orthogonalisation_b, reflections
from beampace.simulate.groups import CRYSTALS, group_scenario
from beampace.simulate.panel import true_beam, true_detector

D_MIN = 2.0
OBLIQUITY = 5.0
"""Degrees by which an axis of the lattice may be off: no preset comes near a higher symmetry."""
LATTICES = {
    "P1": "-1",
    "P21": "2/m",
    "C2": "2/m",
    "P212121": "mmm",
    "P43212": "4/mmm",
    "P3221": "6/mmm",
    "P6122": "6/mmm",
    "I23": "m-3m",
}
EXTINCTIONS = {
    "P1": lambda h, k, m: False,
    "P21": lambda h, k, m: h == m == 0 and k % 2,
    "C2": lambda h, k, m: (h + k) % 2,
    "P212121": lambda h, k, m: sorted(map(abs, (h, k, m)))[:2] == [0, 0] and (h + k + m) % 2,
    "P43212": lambda h, k, m: (h == k == 0 and m % 4) or (m == 0 and h * k == 0 and (h + k) % 2),
    "P3221": lambda h, k, m: h == k == 0 and m % 3,
    "P6122": lambda h, k, m: h == k == 0 and m % 6,
    "I23": lambda h, k, m: (h + k + m) % 2,
}
"""International Tables A, written out again: what the simulation takes from gemmi is not asked of gemmi."""

each = pytest.mark.parametrize("name", CRYSTALS)


def test_all_eight_are_there_once_and_for_good():
    assert list(CRYSTALS) == list(LATTICES)
    with pytest.raises(TypeError):
        CRYSTALS["P2"] = CRYSTALS["P21"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        CRYSTALS["P1"].seed = 2


@each
def test_the_cell_agrees_with_the_group_in_its_standard_setting(name):
    group = CRYSTALS[name].group
    assert CRYSTALS[name].cell.is_compatible_with_spacegroup(group)
    assert group.is_reference_setting()
    assert group.short_name() == name


@each
def test_the_metric_has_the_symmetry_of_its_system_and_no_more(name):
    spec = CRYSTALS[name]
    found = gemmi.find_lattice_symmetry(spec.cell, spec.group.centring_type(), OBLIQUITY)
    group = gemmi.find_spacegroup_by_ops(found)
    assert group.laue_str() == LATTICES[name]


@each
def test_absent_are_the_reflections_of_the_tables_and_no_others(name):
    spec, absent = CRYSTALS[name], EXTINCTIONS[name]
    table = reflections(spec, 4.0)
    assert not any(absent(*row) for row in table.hkl.tolist())
    have = set(map(tuple, table.hkl.tolist()))
    sphere = gemmi.make_miller_array(spec.cell, gemmi.SpaceGroup("P1"), 4.01)
    assert {tuple(row) for row in sphere.tolist() if not absent(*row)} <= have


@each
def test_unique_reflections_are_a_few_thousand_and_all_of_them(name):
    spec = CRYSTALS[name]
    table = reflections(spec, D_MIN)
    count = len(np.unique(table.asu))
    assert count == gemmi.count_reflections(spec.cell, spec.group, D_MIN)
    assert 3000 <= count <= 20_000
    mates = 2 * len(spec.group.operations().sym_ops)
    cells = len(spec.group.operations().cen_ops)
    sphere = 4 / 3 * np.pi * spec.unit_cell.volume / D_MIN**3 / cells
    assert len(table.hkl) == pytest.approx(sphere, rel=0.02)
    assert 0.85 * mates < len(table.hkl) / count <= mates


@each
def test_the_scan_is_180_degrees_of_a_crystal_in_a_general_orientation(name):
    scenario = group_scenario(name)
    scan = scenario.scan
    assert (scan.n_frames, scan.width, scenario.detector) == (360, 0.5, "EIGER2 X 1M")
    assert group_scenario(name, width=1.0, degrees=90.0).n_frames == 90
    direct = np.linalg.inv(orthogonalisation_b(scenario.crystal.unit_cell))
    axes = np.array(scenario.lattices[0].u) @ (direct / np.linalg.norm(direct, axis=1)[:, None]).T
    spindle = np.degrees(np.arccos(np.abs(np.array(scenario.axis) @ axes)))
    assert spindle.min() > 10


def test_the_detector_reaches_about_two_angstrom():
    scenario = group_scenario("P1")
    assert 1.7 < true_detector(scenario).best_resolution(true_beam(scenario)) < 2.1


def test_a_crystal_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="P43212"):
        group_scenario("P42")
