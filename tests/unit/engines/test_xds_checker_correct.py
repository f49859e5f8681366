"""The checker's CORRECT, on crystals made up here and against gemmi."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import gemmi
import numpy as np
import pytest

from tests.support.xds_checker.correct import correct
from tests.support.xds_checker.correct_example import Example, example
from tests.support.xds_checker.hkl_tables import Item
from tests.support.xds_checker.log import Log, StepError

TETRAGONAL = (62.0, 62.0, 38.0, 90.0, 90.0, 90.0)
CRYSTALS = {
    96: (TETRAGONAL, 89),
    92: ((44.5, 44.5, 58.2, 90.0, 90.0, 90.0), 89),
    5: ((58.4, 43.2, 51.8, 90.0, 103.5, 90.0), 5),
    1: ((41.2, 46.9, 50.4, 81.2, 84.3, 76.1), 1),
    199: ((61.7, 61.7, 61.7, 90.0, 90.0, 90.0), 197),
    154: ((53.6, 53.6, 65.9, 90.0, 90.0, 120.0), 150),
    155: ((63.6, 63.6, 95.9, 90.0, 90.0, 120.0), 155),
    20: ((43.1, 76.8, 57.9, 90.0, 90.0, 90.0), 21),
    19: ((51.3, 36.1, 42.7, 90.0, 90.0, 90.0), 16),
}
ERROR = "!!! ERROR !!!"
SLICES = (9, 21, 29, 39, 50, 61, 71, 81, 89, 98, 107, 114, 123, 131)


@pytest.fixture(scope="module")
def lysozyme() -> Example:
    """P43212, 60 degrees."""
    return example(96, TETRAGONAL, 60.0, 2.6)


def keywords(made: Example, **more: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    """XDS.INP for an example; `_` stands for what Python's names cannot have."""
    given = {"DATA_RANGE": f"1 {made.frames}", "INCLUDE_RESOLUTION_RANGE": "50 0", **more}
    return {key.replace("FRIEDEL", "FRIEDEL'S"): (tuple(value.split()),) for key, value in given.items()}


def run(made: Example, directory: Path, **more: str) -> str:
    """CORRECT.LP of an example."""
    made.write(directory)
    correct(keywords(made, **more), directory)
    return (directory / "CORRECT.LP").read_text()


def unmerged(directory: Path) -> gemmi.XdsAscii:
    return gemmi.read_xds_ascii(str(directory / "XDS_ASCII.HKL"))


def merging(directory: Path, kind: gemmi.DataType = gemmi.DataType.Mean) -> gemmi.MergingStats:
    """gemmi's statistics of what was saved."""
    intensities = gemmi.Intensities()
    intensities.import_xds(unmerged(directory))
    intensities.prepare_for_merging(kind)
    return intensities.calculate_merging_stats(None, "X")[0]


def total_row(log: str) -> list[float]:
    """The last total row, cut at the columns of the real file."""
    line = [line for line in log.splitlines() if line.startswith("    total")][-1]
    cuts = [line[low:high] for low, high in pairwise(SLICES)]
    return [float(cut.strip("%* ")) for cut in cuts]


def selected(log: str) -> tuple[int, list[float]]:
    """Number and cell of the group chosen."""
    part = log.partition("SELECTED SPACE GROUP AND UNIT CELL")[2]
    number, cell = re.search(r"NUMBER= +(\d+)\n UNIT_CELL_CONSTANTS=(.*)", part).groups()
    return int(number), [float(word) for word in cell.split()]


@pytest.mark.parametrize("number", CRYSTALS)
def test_group_without_screw_axes_is_found(number: int, tmp_path: Path) -> None:
    cell, expected = CRYSTALS[number]
    log = run(example(number, cell, 90.0, 3.0), tmp_path, SPACE_GROUP_NUMBER="0")
    found, found_cell = selected(log)
    assert found == expected
    assert sorted(found_cell[:3]) == pytest.approx(sorted(cell[:3]), abs=0.02)
    assert found_cell[:3] == sorted(found_cell[:3]) or expected not in (16, 23)
    assert unmerged(tmp_path).spacegroup_number == expected
    assert merging(tmp_path).r_meas() < 0.06
    assert "SYMMETRY OF REFLECTION INTENSITIES" in log


def test_statistics_are_those_of_gemmi(lysozyme: Example, tmp_path: Path) -> None:
    row, theirs = total_row(run(lysozyme, tmp_path, SPACE_GROUP_NUMBER="0")), merging(tmp_path)
    assert row[0:2] == [theirs.all_refl, theirs.unique_refl]
    assert row[4] == pytest.approx(100 * theirs.r_merge(), abs=0.06)
    assert row[8] == pytest.approx(100 * theirs.r_meas(), abs=0.06)
    assert row[9] == pytest.approx(100 * theirs.cc_half(), abs=0.06)
    whole = gemmi.make_miller_array(gemmi.UnitCell(*TETRAGONAL), gemmi.SpaceGroup("P 4 2 2"), 2.6)
    assert row[2] == pytest.approx(len(whole), rel=0.005)
    assert row[3] == pytest.approx(100 * row[1] / row[2], abs=0.06)


def test_friedel_mates_are_kept_apart(lysozyme: Example, tmp_path: Path) -> None:
    log = run(lysozyme, tmp_path, SPACE_GROUP_NUMBER="0", FRIEDEL_LAW="FALSE")
    row, theirs = total_row(log), merging(tmp_path, gemmi.DataType.Anomalous)
    assert "NOTE:      Friedel pairs are treated as different reflections." in log
    assert row[0:2] == [theirs.all_refl, theirs.unique_refl]
    assert row[8] == pytest.approx(100 * theirs.r_meas(), abs=0.06)
    assert unmerged(tmp_path).friedels_law == "F"


def test_shape_of_the_output(lysozyme: Example, tmp_path: Path) -> None:
    log = run(lysozyme, tmp_path, SPACE_GROUP_NUMBER="0")
    lines = log.splitlines()
    assert lines[1].startswith(" ***** CORRECT ***** (VERSION Jan 10, 2022  BUILT=20250714)")
    assert lines[2] == " BEAMPACE TEST CHECKER, NOT XDS"
    assert log.count(" SUBSET OF INTENSITY DATA WITH SIGNAL/NOISE >= -3.0 AS FUNCTION") == 3
    assert 'STATISTICS OF SAVED DATA SET "XDS_ASCII.HKL" (DATA_RANGE=       1     120)' in log
    assert re.search(r"\n     a        b          ISa\n [\d.]+E[+-]\d\d  [\d.]+E-\d\d *\d+\.\d\d\n", log)
    b = re.search(r"WILSON LINE \(using all data\) : A= +\S+ B= +(\S+) CORRELATION=  (0.9|1.0)", log)[1]
    assert float(b) == pytest.approx(20, abs=4)
    assert re.search(r"\n cpu time used +[\d.]+ sec\n elapsed wall-clock time +[\d.]+ sec\n$", log)
    assert "E.S.D. OF CELL PARAMETERS  1.0E-03 1.0E-03 1.0E-03 0.0E+00 0.0E+00 0.0E+00" in log
    geometry = (tmp_path / "GXPARM.XDS").read_text().splitlines()
    assert "XPARM.XDS" in geometry[0]
    assert [float(word) for word in geometry[3].split()] == pytest.approx([89, *TETRAGONAL], abs=0.002)


def test_error_model_finds_the_systematic_error(lysozyme: Example, tmp_path: Path) -> None:
    log = run(lysozyme, tmp_path, SPACE_GROUP_NUMBER="0", CORRECTIONS="")
    isa = float(re.search(r"ISa\n +\S+ +\S+ +(\S+)", log)[1])
    assert isa == pytest.approx(50, rel=0.12)
    assert total_row(log)[4] == pytest.approx(total_row(log)[5], abs=0.15)


def test_model_in_the_header_is_taken_back(lysozyme: Example, tmp_path: Path) -> None:
    rows = lysozyme.rows.copy()
    rows[:, Item.SIGMA] = np.sqrt(4 * (rows[:, Item.SIGMA] ** 2 + 1e-4 * rows[:, Item.IOBS] ** 2))
    made = replace(lysozyme.with_rows(rows), header=("!VARIANCE_MODEL=  4.000E+00  1.000E-04",))
    log = run(made, tmp_path, SPACE_GROUP_NUMBER="0", CORRECTIONS="")
    a = float(re.search(r"ISa\n +(\S+)", log)[1])
    assert a == pytest.approx(1, abs=0.1)


def test_given_cell_is_reindexed_to(tmp_path: Path) -> None:
    made = example(19, CRYSTALS[19][0], 60.0, 3.0)
    cell = "51.3 36.1 42.7 90 90 90"
    run(made, tmp_path, SPACE_GROUP_NUMBER="19", UNIT_CELL_CONSTANTS=cell)
    saved = unmerged(tmp_path)
    assert saved.spacegroup_number == 19
    assert list(saved.cell_constants) == pytest.approx([51.3, 36.1, 42.7, 90, 90, 90], abs=0.01)
    assert placed(saved.miller_array, saved.xd_array) == placed(made.truth, made.rows[:, Item.XCAL])


def placed(hkl: np.ndarray, x: np.ndarray) -> list[tuple[object, ...]]:
    """Indices without their signs, and where they are on the detector."""
    return sorted(
        (f"{place:.1f}", *row) for place, row in zip(x, np.abs(hkl).astype(int).tolist(), strict=True)
    )


def test_matrix_is_honoured(lysozyme: Example, tmp_path: Path) -> None:
    matrix = np.rint(np.linalg.inv(lysozyme.to_primitive)).astype(int)
    reidx = " ".join(f"{a} {b} {c} 0" for a, b, c in matrix)
    run(lysozyme, tmp_path, SPACE_GROUP_NUMBER="96", UNIT_CELL_CONSTANTS="62 62 38 90 90 90", REIDX=reidx)
    saved = unmerged(tmp_path)
    assert set(map(tuple, saved.miller_array.tolist())) == set(
        map(tuple, lysozyme.truth.astype(int).tolist())
    )


@pytest.mark.parametrize(
    ("group", "cell"),
    [
        ("96", "62 62 48 90 90 90"),
        ("89", "62 38 62 90 90 90"),
        ("97", "62 62 38 90 90 90"),
        ("150", "62 62 38 90 90 120"),
        ("96", "0 0 0 0 0 0"),
        ("300", "62 62 38 90 90 90"),
    ],
)
def test_wrong_cell_is_refused(group: str, cell: str, lysozyme: Example, tmp_path: Path) -> None:
    log = run(lysozyme, tmp_path, SPACE_GROUP_NUMBER=group, UNIT_CELL_CONSTANTS=cell)
    assert " !!! ERROR !!! ILLEGAL SPACE GROUP NUMBER OR UNIT CELL" in log.splitlines()
    assert not (tmp_path / "XDS_ASCII.HKL").exists()


def split_at_border(rows: np.ndarray, z: float) -> np.ndarray:
    """Records of two jobs: reflections at the border are recorded by both, in part."""
    border = np.abs(rows[:, Item.ZCAL] - z) < 0.5
    first, second = rows[border].copy(), rows[border].copy()
    for part, share in ((first, 0.3), (second, 0.7)):
        part[:, Item.IOBS] *= share
        part[:, Item.SIGMA] *= np.sqrt(share)
        part[:, Item.PEAK] = 100 * share
    first[:, Item.ZCAL], second[:, Item.ZCAL] = z - 0.1, z + 0.1
    return np.concatenate([rows[~border], first, second])


def test_parts_of_jobs_are_added(lysozyme: Example, tmp_path: Path) -> None:
    rows = split_at_border(lysozyme.rows, 60.0)
    log = run(lysozyme.with_rows(rows), tmp_path, SPACE_GROUP_NUMBER="0")
    n = len(rows) - len(lysozyme.rows)
    assert n > 50
    assert f"{n:8d} RECORDS ADDED TO ANOTHER PART OF THEIR OBSERVATION" in log
    saved = unmerged(tmp_path)
    assert len(saved.miller_array) == len(lysozyme.rows)
    assert np.sum(saved.sigma_array < 0) < 20


def test_lonely_parts_are_incomplete(lysozyme: Example, tmp_path: Path) -> None:
    rows = lysozyme.rows.copy()
    rows[:100, Item.PEAK] = 40
    log = run(lysozyme.with_rows(rows), tmp_path, SPACE_GROUP_NUMBER="0")
    assert "     100 REFLECTIONS INCOMPLETE OR OUTSIDE IMAGE RANGE       1 ...     120" in log


def test_missing_part_is_put_in(lysozyme: Example, tmp_path: Path) -> None:
    rows = lysozyme.rows.copy()
    rows[::2, 3:5] *= 0.8
    rows[::2, Item.PEAK] = 80
    log = run(lysozyme.with_rows(rows), tmp_path, SPACE_GROUP_NUMBER="0", CORRECTIONS="")
    assert total_row(log)[8] < 5


def test_wedge_joined_twice_is_refused(lysozyme: Example, tmp_path: Path) -> None:
    twice = lysozyme.rows[lysozyme.rows[:, Item.ZCAL] < 10]
    log = run(lysozyme.with_rows(np.concatenate([lysozyme.rows, twice])), tmp_path, SPACE_GROUP_NUMBER="0")
    assert f"{ERROR} {len(twice)} OBSERVATIONS STAND MORE THAN ONCE" in log
    assert not (tmp_path / "XDS_ASCII.HKL").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + text,
        lambda text: text.replace("!END_OF_DATA\n", ""),
        lambda text: text.replace("!END_OF_DATA", "!END_OF_DATA\n 1 2 3"),
        lambda text: text.replace("!END_OF_DATA", "1 2 3 4.0 5.0\n!END_OF_DATA"),
        lambda text: text.partition("\n")[2],
        lambda text: "",
    ],
    ids=["two files", "no end", "text behind", "short record", "no first line", "empty"],
)
def test_broken_file_is_refused(change: object, lysozyme: Example, tmp_path: Path) -> None:
    lysozyme.write(tmp_path)
    path = tmp_path / "INTEGRATE.HKL"
    path.write_text(change(path.read_text()))  # type: ignore[operator]
    correct(keywords(lysozyme, SPACE_GROUP_NUMBER="0"), tmp_path)
    assert ERROR in (tmp_path / "CORRECT.LP").read_text()
    assert not (tmp_path / "XDS_ASCII.HKL").exists()


def test_ranges_of_frames_and_resolution(lysozyme: Example, tmp_path: Path) -> None:
    more = {"DATA_RANGE": "21 100", "EXCLUDE_DATA_RANGE": "31 40", "INCLUDE_RESOLUTION_RANGE": "20 3"}
    run(lysozyme, tmp_path, SPACE_GROUP_NUMBER="0", **more)
    saved, cell = unmerged(tmp_path), gemmi.UnitCell(*TETRAGONAL)
    assert 19.9 < saved.zd_array.min() < 21
    assert 99 < saved.zd_array.max() <= 100
    assert not np.any((saved.zd_array > 30.05) & (saved.zd_array < 39.95))
    d = cell.calculate_d_array(saved.miller_array)
    assert d.min() >= 2.999
    assert d.max() <= 20.001


def test_misfits_are_marked(lysozyme: Example, tmp_path: Path) -> None:
    rows = lysozyme.rows.copy()
    rows[::100, Item.IOBS] += 4000
    log = run(lysozyme.with_rows(rows), tmp_path, SPACE_GROUP_NUMBER="0")
    n = int(re.findall(r"NUMBER OF REJECTED MISFITS +(\d+)", log)[-1])
    assert len(rows[::100]) * 0.8 < n < len(rows[::100]) * 1.3
    assert np.sum(unmerged(tmp_path).sigma_array < 0) == n
    assert total_row(log)[8] < 5


def test_scale_of_frames_is_found(lysozyme: Example, tmp_path: Path) -> None:
    rows = lysozyme.rows.copy()
    rows[:, 3:5] *= (1 + 0.3 * np.sin(rows[:, Item.ZCAL] / 20))[:, None]
    made = lysozyme.with_rows(rows)
    assert total_row(run(made, tmp_path, SPACE_GROUP_NUMBER="0", CORRECTIONS=""))[8] > 10
    assert total_row(run(made, tmp_path, SPACE_GROUP_NUMBER="0"))[8] < 4.5


def test_polarisation_is_that_of_gemmi(lysozyme: Example, tmp_path: Path) -> None:
    made = replace(lysozyme, header=(f"!X-RAY_WAVELENGTH={1.0:10.6f}",))
    beam = {"FRACTION_OF_POLARIZATION": "0.99", "POLARIZATION_PLANE_NORMAL": "0 1 0"}
    run(made, tmp_path, SPACE_GROUP_NUMBER="0", CORRECTIONS="", **beam)
    polarised = unmerged(tmp_path)
    run(made, tmp_path, SPACE_GROUP_NUMBER="0", CORRECTIONS="")
    plain = unmerged(tmp_path)
    plain.apply_polarization_correction(0.99, gemmi.Vec3(0, 1, 0))
    strong = np.abs(plain.iobs_array) > 100
    assert polarised.iobs_array[strong] == pytest.approx(plain.iobs_array[strong], rel=0.01)


def test_too_few_reflections_to_refine(lysozyme: Example, tmp_path: Path) -> None:
    log = run(lysozyme.with_rows(lysozyme.rows[:12]), tmp_path, SPACE_GROUP_NUMBER="0")
    assert " !!! WARNING !!! REFINEMENT RESULTS NOT ACCEPTED BECAUSE OF INSUFFICIENT\n NUMBER OF REF" in log
    assert "NONE OF THE SPACE GROUPS ABOVE IS ACCEPTABLE." in log
    assert "\n 4.000E+00  1.000E-04   50.00\n" in log
    assert not (tmp_path / "GXPARM.XDS").exists()
    assert unmerged(tmp_path).spacegroup_number == 1
    assert "-99.9%" in log


def test_no_reflections(lysozyme: Example, tmp_path: Path) -> None:
    log = run(lysozyme.with_rows(lysozyme.rows[:0]), tmp_path, SPACE_GROUP_NUMBER="0")
    assert " !!! ERROR !!! USELESS DATA ON INPUT REFLECTION FILE" in log
    assert " !!! ERROR !!! USELESS DATA" in run(lysozyme, tmp_path, DATA_RANGE="500 600")


def test_errors_go_to_the_owner_of_the_log(lysozyme: Example, tmp_path: Path) -> None:
    lysozyme.write(tmp_path)
    log = Log("CORRECT", tmp_path)
    with pytest.raises(StepError, match="MISSING PARAMETER DATA_RANGE"):
        correct({}, tmp_path, log)
    log.close()


def test_absences_of_the_group_are_left_out(lysozyme: Example, tmp_path: Path) -> None:
    absent = lysozyme.rows[:1].copy()
    absent[0, :3] = np.rint(lysozyme.to_primitive @ [0, 0, 5])
    made = lysozyme.with_rows(np.concatenate([lysozyme.rows, absent]))
    log = run(made, tmp_path, SPACE_GROUP_NUMBER="96", UNIT_CELL_CONSTANTS="62 62 38 90 90 90")
    assert re.search(r"\n    0    0    5     7.600 .* 1\*\n", log)
    assert re.search(r"NUMBER OF SYSTEMATIC ABSENT REFLECTIONS +1\n", log)
    assert total_row(log)[0] == len(lysozyme.rows) - np.sum(unmerged(tmp_path).sigma_array < 0)
