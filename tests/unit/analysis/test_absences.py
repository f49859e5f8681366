"""Space-group candidates against intensities drawn from known distributions."""

import gemmi
import numpy as np
import pytest

from beampace.analysis import absences, data_limit, groups, scaled
from beampace.core.cell import UnitCell


def observed(name: str, cell: gemmi.UnitCell, *, d_min=2.5, keep=lambda h: True, noise=0.02, seed=3):
    """Unmerged intensities of a crystal in space group `name` with Wilson statistics."""
    group = gemmi.SpaceGroup(name)
    operations, asu = group.operations(), gemmi.ReciprocalAsu(group)
    unique = gemmi.make_miller_array(cell, group, d_min, 50.0, True)
    rng = np.random.default_rng(seed)
    rows, values = [], []
    for hkl in unique:
        h = [int(i) for i in hkl]
        absent = operations.is_systematically_absent(h)
        true = 0.0 if absent else 1000 * operations.epsilon_factor(h) * rng.exponential()
        for _ in range(2):
            rows.append(h)
            values.append(true + 10 * rng.standard_normal() + noise * true * rng.standard_normal())
    # gemmi's list leaves absences out: add the axes.
    for axis in range(3):
        for n in range(1, int(cell.parameters[axis] / d_min) + 1):
            h = [0, 0, 0]
            h[axis] = n
            if operations.is_systematically_absent(h):
                rows.append(h)
                values.append(10 * rng.standard_normal())
    table = np.array(rows, dtype=np.int32)
    wanted = np.array([keep(tuple(h)) for h in rows])
    intensity = np.array(values)[wanted]
    table = table[wanted]
    d = cell.calculate_d_array(table)
    assert asu is not None
    return scaled.Scaled(table, intensity, np.full(len(intensity), 10.0), d)


def names(laue: str, data) -> set[str]:
    return {g.hm for g in scaled.candidates(gemmi.SpaceGroup(laue), data)}


def test_enantiomorphs_always_stay_together():
    data = observed("P 43 21 2", gemmi.UnitCell(78.5, 78.5, 37.5, 90, 90, 90))
    assert names("P 4 2 2", data) == {"P 41 21 2", "P 43 21 2"}


def test_orthorhombic_screws_are_seen_when_all_axes_are():
    data = observed("P 21 21 21", gemmi.UnitCell(40, 55, 70, 90, 90, 90))
    assert names("P 2 2 2", data) == {"P 21 21 21"}


def test_no_screw_is_invented():
    data = observed("P 2 2 2", gemmi.UnitCell(40, 55, 70, 90, 90, 90))
    assert names("P 2 2 2", data) == {"P 2 2 2"}


def test_an_axis_that_was_not_measured_leaves_both():
    data = observed("P 21 21 21", gemmi.UnitCell(40, 55, 70, 90, 90, 90), keep=lambda h: h[:2] != (0, 0))
    assert names("P 2 2 2", data) == {"P 21 21 2", "P 21 21 21"}


def test_without_axial_reflections_every_group_is_left():
    data = observed(
        "P 21 21 21", gemmi.UnitCell(40, 55, 70, 90, 90, 90), keep=lambda h: sum(map(bool, h)) > 1
    )
    assert len(names("P 2 2 2", data)) == 8


def test_one_absence_decides_nothing():
    data = observed(
        "P 1 21 1",
        gemmi.UnitCell(40, 55, 70, 90, 100, 90),
        keep=lambda h: (h[0], h[2]) != (0, 0) or h[1] in (1, 2, 4, 6),
    )
    assert names("P 1 2 1", data) == {"P 1 2 1", "P 1 21 1"}


def test_c2_is_the_only_one():
    data = observed("C 1 2 1", gemmi.UnitCell(80, 45, 60, 90, 105, 90))
    assert names("C 1 2 1", data) == {"C 1 2 1"}


def test_p3221_keeps_its_mirror_image():
    data = observed("P 32 2 1", gemmi.UnitCell(60, 60, 120, 90, 90, 120))
    assert names("P 3 2 1", data) == {"P 31 2 1", "P 32 2 1"}


@pytest.mark.parametrize(
    ("name", "short"),
    [("P 3 2 1", "-3m1"), ("P 32 1 2", "-31m"), ("R 3 2", "-3m"), ("P 43 21 2", "4/mmm"), ("P 21 3", "m-3")],
)
def test_short_laue_symbols(name, short):
    assert groups.short_laue(gemmi.SpaceGroup(name)) == short


@pytest.mark.parametrize("name", ["P 21 2 2", "P 2 21 2", "P 2 21 21", "P 21 2 21"])
def test_orthorhombic_groups_come_to_their_standard_setting(name):
    move = groups.to_standard(gemmi.SpaceGroup(name))
    assert move is not None
    assert move[1].is_reference_setting()


def test_hall_symbols_of_dials_are_understood():
    assert groups.group_of_hall(" P 2 2").hm == "P 2 2 2"
    assert groups.group_of_hall(" P 4 2").hm == "P 4 2 2"


def test_resolution_limit_is_where_agreement_ends():
    """Intensities whose half sets agree to CC1/2 = 0.3 at 3 angstrom by construction."""
    cell, group = gemmi.UnitCell(60, 70, 80, 90, 90, 90), gemmi.SpaceGroup("P 2 2 2")
    unique = np.repeat(gemmi.make_miller_array(cell, group, 2.0, 50.0, True), 8, axis=0)
    d = cell.calculate_d_array(unique)
    rng = np.random.default_rng(1)
    true = np.repeat(rng.exponential(size=len(unique) // 8), 8)
    # CC1/2 = v / (v + s^2/4) for halves of four observations; v = 1 for exponential intensities.
    cc = 0.5 * (1 - np.tanh((d**-2 - 0.10) / 0.0263))
    sigma = np.sqrt(4 * (1 - cc) / np.clip(cc, 1e-4, None))
    intensity = true + sigma * rng.standard_normal(len(true))
    found = data_limit.limit(cell, group, unique.astype(np.int32), intensity, sigma)
    assert found == pytest.approx(3.0, abs=0.12)


def test_data_that_agree_to_the_end_are_not_cut():
    data = observed("P 2 2 2", gemmi.UnitCell(40, 55, 70, 90, 90, 90))
    assert scaled.cut(UnitCell(40, 55, 70, 90, 90, 90), gemmi.SpaceGroup("P 2 2 2"), data) is None


def test_groups_share_rotations():
    for other in absences.same_rotations(gemmi.SpaceGroup("P 4 2 2")):
        assert other.point_group_hm() == "422"
