"""Simulated 180-degree sets in eight space groups: Laue group, cell and intensities against the truth."""

import gemmi
import pytest

from tests.support.processing import process, simulate
from tests.support.small_crystals import SMALL_CRYSTALS, small_scenario
from tests.support.truth import compare

LAUE = {
    "P 21 21 21": "mmm",
    "P 43 21 2": "4/mmm",
    "C 1 2 1": "2/m",
    "P 32 2 1": "-3m1",
    "P 1": "-1",
    "P 1 21 1": "2/m",
    "P 61 2 2": "6/mmm",
    "I 2 3": "m-3",
}


@pytest.mark.parametrize("group", LAUE)
def test_a_set_of_180_degrees_agrees_with_the_truth(group, tmp_path):
    laue, cell = LAUE[group], SMALL_CRYSTALS[group].unit_cell
    master = simulate(small_scenario(group), tmp_path / "raw")
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
