"""Simulated 180-degree sets in eight space groups: Laue group, cell and intensities against the truth."""

from dataclasses import replace

import gemmi
import pytest

from beampace.core.cell import UnitCell
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.scenario import Lattice, Scenario
from tests.support.processing import process, simulate
from tests.support.truth import compare

BASE = Scenario(distance=130.0, width=0.5, n_frames=360, mosaicity=0.15)
CASES = {
    "P 21 21 21": (UnitCell(36.1, 42.7, 51.3, 90, 90, 90), "mmm"),
    "P 43 21 2": (UnitCell(44.5, 44.5, 58.2, 90, 90, 90), "4/mmm"),
    "C 1 2 1": (UnitCell(58.4, 33.2, 41.8, 90, 103.5, 90), "2/m"),
    "P 32 2 1": (UnitCell(43.6, 43.6, 55.9, 90, 90, 120), "-3m1"),
    "P 1": (UnitCell(31.2, 36.9, 40.4, 81.2, 95.3, 104.1), "-1"),
    "P 1 21 1": (UnitCell(34.1, 46.2, 40.7, 90, 103.2, 90), "2/m"),
    "P 61 2 2": (UnitCell(47.5, 47.5, 71.3, 90, 90, 120), "6/mmm"),
    "I 2 3": (UnitCell(61.7, 61.7, 61.7, 90, 90, 90), "m-3"),
}


@pytest.mark.parametrize("group", CASES)
def test_a_set_of_180_degrees_agrees_with_the_truth(group, tmp_path):
    cell, laue = CASES[group]
    spec = CrystalSpec(cell, group, b_factor=20, seed=5)
    scenario = replace(BASE, name="set", crystal=spec, lattices=(Lattice(seed=9),))
    master = simulate(scenario, tmp_path / "raw")
    ended = process(master, tmp_path / "out")
    crystal, statistics = ended.result["crystal"], ended.result["statistics"]
    found = compare(
        tmp_path / "out" / "merged.mtz",
        tmp_path / "raw" / "set_truth.npz",
        gemmi.UnitCell(*cell.parameters),
        gemmi.find_spacegroup_by_name(group),
        statistics["outer"]["d_max"],
    )
    seconds = sum(ended.result["timing"][step] for step in ("find_spots", "index", "integrate", "scale"))
    print(
        f"\n{group}: Laue {crystal['laue_group']}, cell off {found.cell_error:.5f}, CC {found.cc:.4f}, "
        f"outer {found.cc_outer:.4f}, n {found.n}, candidates {crystal['space_group_candidates']}, "
        f"sure {crystal['space_group_sure']}, d_min {statistics['overall']['d_min']:.2f}, {seconds:.0f} s"
    )
    assert ended.code == "merged"
    assert crystal["laue_group"] == laue
    assert found.cell_error < 0.002
    assert found.cc >= 0.99
    assert found.cc_outer >= 0.9
    true_number = gemmi.find_spacegroup_by_name(group).number
    numbers = [gemmi.find_spacegroup_by_name(name).number for name in crystal["space_group_candidates"]]
    assert true_number in numbers
    assert crystal["space_group_sure"] == (len(numbers) == 1)
