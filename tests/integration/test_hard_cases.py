"""Crystals and headers in trouble: what the program says, and what it saves."""

from dataclasses import replace
from pathlib import Path

import gemmi
import pytest

from beampace.cli.scenarios import with_trouble
from beampace.cli.words import Trouble
from beampace.core.cell import UnitCell
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.options import Faults, WriteOptions
from beampace.simulate.scenario import Lattice, Scenario
from tests.support.processing import process, simulate
from tests.support.truth import Agreement, compare

CELL = UnitCell(40, 40, 30, 90, 90, 90)
TETRAGONAL = Scenario(
    name="hard",
    width=1.0,
    n_frames=60,
    distance=130.0,
    mosaicity=0.15,
    crystal=CrystalSpec(CELL, "P43212", b_factor=20),
    lattices=(Lattice(seed=4),),
)


def cell_is_right(ended, tolerance: float = 0.01) -> bool:
    found = sorted(ended.result["crystal"]["unit_cell"][:3])
    return all(abs(one / two - 1) < tolerance for one, two in zip(found, (30, 40, 40), strict=True))


def warned(ended, code: str) -> str:
    """The warning of that code, or ""."""
    return next((text for text in ended.result["verdict"]["warnings"] if text.startswith(f"{code}:")), "")


def agreement(ended, directory: Path) -> Agreement:
    cell, group = gemmi.UnitCell(*CELL.parameters), gemmi.find_spacegroup_by_name("P43212")
    return compare(ended.directory / "merged.mtz", directory / "raw" / "hard_truth.npz", cell, group)


def troubled(trouble: Trouble, tmp_path, n_frames: int = 60, *options: str):
    scenario = with_trouble(replace(TETRAGONAL, n_frames=n_frames), trouble)
    return process(simulate(scenario, tmp_path / "raw"), tmp_path / "out", *options)


@pytest.mark.dials
def test_half_of_the_data_files_and_one_cut_in_a_chunk_cost_only_their_frames(tmp_path):
    faults = Faults(missing=tuple(range(11, 21)), truncated=(6,))
    master = simulate(TETRAGONAL, tmp_path / "raw", WriteOptions(images_per_file=3, faults=faults))
    ended = process(master, tmp_path / "out")
    frames = ended.result["dataset"]["frames"]
    assert ended.exit == 0
    assert (frames["usable"], frames["used"]) == (27, [1, 30])
    lost = [(run["first"], run["last"], run["code"]) for run in frames["lost"]]
    assert lost[0] == (16, 18, "file_truncated")
    assert {code for _, _, code in lost[1:]} == {"frames_missing"}
    assert [number for first, last, _ in lost[1:] for number in range(first, last + 1)] == list(range(31, 61))
    assert cell_is_right(ended)


@pytest.mark.dials
def test_blank_frames_are_no_diffraction(tmp_path):
    ended = troubled(Trouble.BLANK, tmp_path, 20)
    assert (ended.code, ended.exit) == ("no_diffraction", 1)


@pytest.mark.dials
def test_ice_alone_is_told_from_a_crystal(tmp_path):
    ended = troubled(Trouble.ICE, tmp_path, 20)
    assert (ended.code, ended.exit) == ("ice_only", 1)


@pytest.mark.dials
def test_a_second_lattice_is_said(tmp_path):
    ended = troubled(Trouble.TWO_LATTICES, tmp_path, 40)
    assert ended.exit == 0
    assert warned(ended, "two_lattices")
    assert not warned(ended, "crystal_moved")
    assert cell_is_right(ended)


@pytest.mark.dials
def test_a_beam_centre_30_pixels_off_is_found(tmp_path):
    """Spots are 45 px apart at least: DIALS alone settles on a false origin or on nothing."""
    ended = troubled(Trouble.BEAM_OFF, tmp_path)
    assert (ended.exit, ended.code) == (0, "merged")
    assert "off by (-30.0, " in warned(ended, "beam_centre_off")
    assert [one["tweaks"] for one in ended.result["tries"]][-1] == ["beam_search"]
    assert ended.result["crystal"]["indexed_fraction"] > 0.95
    found = agreement(ended, tmp_path)
    assert found.cell_error < 0.002
    assert found.cc > 0.98


@pytest.mark.dials
def test_a_distance_10_per_cent_off_is_found_when_the_cell_is_known(tmp_path):
    """In 4 degrees the distance is only believed because the cell comes out as the given one."""
    ended = troubled(Trouble.DISTANCE_OFF, tmp_path, 4, "--unit-cell", "40,40,30,90,90,90")
    assert ended.exit == 0
    said = warned(ended, "beam_centre_off")
    true = float(said.split("The detector is at ")[1].split(" mm")[0])
    assert true == pytest.approx(130, rel=0.01)
    assert "the file says 143.0 mm" in said
    assert cell_is_right(ended)


@pytest.mark.dials
def test_a_crystal_that_slips_is_cut_where_it_did(tmp_path):
    ended = troubled(Trouble.SLIPS, tmp_path)
    said = warned(ended, "crystal_moved")
    first, last = ended.result["dataset"]["frames"]["used"]
    assert ended.exit == 0
    assert abs(first - 30) <= 1
    assert last == 60
    assert f"--images 1:{first - 1}" in said
    assert agreement(ended, tmp_path).cc > 0.98
