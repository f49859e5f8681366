"""Crystals and headers in trouble: what the program says, and what it saves."""

from dataclasses import replace

import pytest

from beampace.cli.scenarios import with_trouble
from beampace.cli.words import Trouble
from beampace.core.cell import UnitCell
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.options import Faults, WriteOptions
from beampace.simulate.scenario import Lattice, Scenario
from tests.support.processing import process, simulate

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


def troubled(trouble: Trouble, tmp_path, n_frames: int = 60, *options: str):
    scenario = with_trouble(replace(TETRAGONAL, n_frames=n_frames), trouble)
    return process(simulate(scenario, tmp_path / "raw"), tmp_path / "out", *options)


@pytest.mark.dials
def test_half_of_the_data_files_cost_only_their_frames(tmp_path):
    options = WriteOptions(images_per_file=15, faults=Faults(missing=(3, 4)))
    ended = process(simulate(TETRAGONAL, tmp_path / "raw", options), tmp_path / "out")
    frames = ended.result["dataset"]["frames"]
    assert ended.exit == 0
    assert (frames["usable"], frames["used"]) == (30, [1, 30])
    assert [(lost["first"], lost["last"], lost["code"]) for lost in frames["lost"]] == [
        (31, 60, "frames_missing")
    ]
    assert cell_is_right(ended)


@pytest.mark.dials
def test_a_file_cut_in_a_chunk_costs_only_its_frames(tmp_path):
    options = WriteOptions(images_per_file=5, faults=Faults(truncated=(6,)))
    ended = process(simulate(TETRAGONAL, tmp_path / "raw", options), tmp_path / "out")
    frames = ended.result["dataset"]["frames"]
    assert ended.exit == 0
    assert frames["used"] == [1, 60]
    assert [(lost["first"], lost["last"], lost["code"]) for lost in frames["lost"]] == [
        (26, 30, "file_truncated")
    ]
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
    ended = troubled(Trouble.TWO_LATTICES, tmp_path)
    assert ended.exit == 0
    assert "second lattice" in ended.all_words or "two lattices" in ended.all_words
    assert cell_is_right(ended)


@pytest.mark.dials
def test_a_beam_centre_30_pixels_off_is_found(tmp_path):
    ended = troubled(Trouble.BEAM_OFF, tmp_path)
    assert ended.exit == 0
    assert "beam centre" in ended.all_words
    assert cell_is_right(ended)


@pytest.mark.dials
def test_a_distance_10_per_cent_off_is_found_when_the_cell_is_known(tmp_path):
    ended = troubled(Trouble.DISTANCE_OFF, tmp_path, 60, "--unit-cell", "40,40,30,90,90,90")
    assert ended.exit == 0
    assert "distance" in ended.all_words
    assert cell_is_right(ended)


@pytest.mark.dials
def test_a_wrong_axis_sign_is_found(tmp_path):
    ended = troubled(Trouble.AXIS_FLIPPED, tmp_path)
    assert ended.exit == 0
    assert "turns the other way" in ended.all_words
    assert any("flipped_axis" in one["tweaks"] for one in ended.result["tries"])
    assert cell_is_right(ended)
