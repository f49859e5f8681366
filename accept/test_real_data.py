"""The real data: cells of their README, plain verdicts, a grid that is not indexed."""

import math

import pytest

from tests.support.processing import process

EXPECTED = {"rotational_001": (5.42, 8.13, 12.02), "rotational_002": (5.44, 8.14, 12.04)}


@pytest.mark.parametrize("sweep", EXPECTED)
def test_l_cysteine_gives_its_cell_and_says_how_little_it_was(real_data, sweep, tmp_path):
    master = real_data / "l-cysteine" / sweep / f"l-cysteine_{sweep}_master.h5"
    ended = process(master, tmp_path / "out")
    crystal = ended.result["crystal"]
    print(f"\n{sweep}: {crystal}\n{ended.all_words}")
    assert (ended.code, ended.exit) == ("little_data", 0)
    assert "1.5 degrees" in ended.all_words
    edges = sorted(crystal["unit_cell"][:3])
    assert all(math.isclose(one, two, rel_tol=0.01) for one, two in zip(edges, EXPECTED[sweep], strict=True))
    assert crystal["laue_group"] == "mmm"
    assert all(name.startswith("P") for name in crystal["space_group_candidates"])
    assert not crystal["space_group_sure"]
    outcomes = [one["outcome"] for one in ended.result["tries"]]
    assert outcomes[0] == "not_integrated"
    assert outcomes[-1] == "merged"


@pytest.mark.parametrize(
    "path", ["screening_001/project_x_screening_001_master.h5", "screening_002/project_x_2_master.h5"]
)
def test_test_shots_end_in_a_plain_verdict(real_data, path, tmp_path):
    ended = process(real_data / "project_x" / path, tmp_path / "out")
    print(f"\n{path}: {ended.all_words}")
    assert (ended.code, ended.exit) == ("not_a_rotation", 1)
    assert "2 frames" in ended.all_words


def test_the_grid_is_recognised_and_not_indexed(real_data, tmp_path):
    ended = process(real_data / "thaumatin" / "grid_001" / "thaumatin_grid_001_master.h5", tmp_path / "out")
    print(f"\n{ended.all_words}")
    assert (ended.code, ended.exit) == ("not_a_rotation", 1)
    assert "grid" in ended.all_words
    assert not ended.result["tries"]
