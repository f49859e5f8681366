"""The checker in place of XDS: a true XDS.INP goes through, a false one does not."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import gemmi
import h5py
import numpy as np
import pytest

from beampace.simulate.files import write_dataset
from beampace.simulate.options import WriteOptions
from beampace.simulate.scenario import Lattice, Scenario
from beampace.simulate.simulation import simulate_scan
from tests.support.small_crystals import SMALL_CRYSTALS
from tests.support.xds_checker import failures
from tests.support.xds_checker.grammar import Refused, check_inp, read_inp
from tests.support.xds_checker.install import PLUGIN, ROOT, install
from tests.support.xds_checker.lattices import CHARACTERS, fits
from tests.support.xds_checker.setting import axes_of, reduced
from tests.support.xds_checker.tasks import split, without
from tests.support.xds_checker.xparm import cell_of, read_xparm

GROUP = "P 43 21 2"
FRAMES = 60
FIRST = "XYCORR INIT COLSPOT IDXREF"
REST = "DEFPIX INTEGRATE CORRECT"
MARK = "BEAMPACE TEST CHECKER, NOT XDS"


@dataclass(frozen=True)
class Bench:
    """A dataset that the plug-in can read, the programs, and XDS.INP by the truth."""

    data: Path
    programs: Path
    keywords: dict[str, object]

    def place(self, directory: Path) -> Path:
        """A working directory with links to the images and the plug-in."""
        directory.mkdir()
        for path in self.data.glob("*.h5"):
            (directory / path.name).symlink_to(path)
        (directory / PLUGIN).symlink_to(self.programs / PLUGIN)
        return directory

    def write(self, directory: Path, **changes: object) -> None:
        """XDS.INP with some keywords changed; None leaves one out."""
        said = {**self.keywords, **{name.replace("__", "-"): value for name, value in changes.items()}}
        lines = [f" {name}= {value}" for name, value in said.items() if value is not None]
        (directory / "XDS.INP").write_text("\n".join(lines) + "\n")

    def run(self, directory: Path, fail: str = "", until: str = "31-Dec-2030", **changes: object):
        """Run xds_par there."""
        self.write(directory, **changes)
        return self.start(directory, fail, until)

    def start(self, directory: Path, fail: str = "", until: str = "31-Dec-2030"):
        """Run xds_par with the XDS.INP that is there."""
        bin_ = directory.parent / f"{directory.name}_bin"
        env = os.environ | install(bin_, self.data / "sim", fail=fail, licensed_until=until)
        return subprocess.run(["xds_par"], cwd=directory, env=env, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    data = tmp_path_factory.mktemp("data")
    scenario = Scenario(
        name="sim", crystal=SMALL_CRYSTALS[GROUP], lattices=(Lattice(seed=9),), distance=110.0,
        width=0.5, n_frames=FRAMES, start=17.0, mosaicity=0.15,
    )  # fmt: skip
    made = simulate_scan(scenario, cores=2)
    write_dataset(made.dataset, made.mask, made.frames, data, WriteOptions(images_per_file=25))
    made.truth.write(data / "sim")
    plain_mask(data / "sim_master.h5")
    programs = tmp_path_factory.mktemp("programs")
    install(programs, data / "sim")
    return Bench(data, programs, keywords(json.loads((data / "sim_truth.json").read_text())["true"]))


def plain_mask(master: Path) -> None:
    """The plug-in takes no mask in chunks."""
    with h5py.File(master, "r+") as handle:
        specific = handle["entry/instrument/detector/detectorSpecific"]
        mask = specific["pixel_mask"][()]
        del specific["pixel_mask"]
        specific["pixel_mask"] = mask


def keywords(true: dict) -> dict[str, object]:
    x, y = true["beam_centre_px"]
    return {
        "JOB": FIRST,
        "MAXIMUM_NUMBER_OF_JOBS": 1,
        "MAXIMUM_NUMBER_OF_PROCESSORS": 2,
        "NAME_TEMPLATE_OF_DATA_FRAMES": "./sim_??????.h5",
        "LIB": f"./{PLUGIN}",
        "DATA_RANGE": f"1 {FRAMES}",
        "SPOT_RANGE": f"1 {FRAMES}",
        "BACKGROUND_RANGE": "1 10",
        "STARTING_FRAME": 1,
        "STARTING_ANGLE": true["start_deg"],
        "OSCILLATION_RANGE": true["width_deg"],
        "X-RAY_WAVELENGTH": true["wavelength"],
        "DETECTOR_DISTANCE": true["distance_mm"],
        "ORGX": f"{x + 0.5} ORGY= {y + 0.5}",
        "DETECTOR": "EIGER MINIMUM_VALID_PIXEL_VALUE=0 OVERLOAD= 1000000",
        "NX": "1028 NY= 1062 QX= 0.075 QY= 0.075  ! EIGER2 1M",
        "SENSOR_THICKNESS": 0.45,
        "UNTRUSTED_RECTANGLE": "0 1029 512 551",
        "DIRECTION_OF_DETECTOR_X-AXIS": "1 0 0",
        "DIRECTION_OF_DETECTOR_Y-AXIS": "0 1 0",
        "INCIDENT_BEAM_DIRECTION": "0 0 1",
        "ROTATION_AXIS": "1 0 0",
        "FRACTION_OF_POLARIZATION": 0.99,
        "POLARIZATION_PLANE_NORMAL": "0 1 0",
        "SPACE_GROUP_NUMBER": 0,
        "UNIT_CELL_CONSTANTS": "70 80 90 90 90 90",
        "FRIEDEL'S_LAW": "FALSE",
        "INCLUDE_RESOLUTION_RANGE": "50 0",
        "TRUSTED_REGION": "0.0 1.41",
        "REFINE(IDXREF)": "CELL BEAM ORIENTATION AXIS",
        "REFINE(INTEGRATE)": "POSITION BEAM ORIENTATION",
        "REFINE(CORRECT)": "",
        "DELPHI": 5,
    }


@pytest.fixture(scope="module")
def indexed(bench, tmp_path_factory) -> Path:
    """A directory in which IDXREF has been, never to be changed."""
    directory = bench.place(tmp_path_factory.mktemp("indexed") / "run")
    done = bench.run(directory)
    assert (error_of(done.stdout), done.stderr) == ("", "")
    return directory


@pytest.fixture(scope="module")
def finished(bench, indexed, tmp_path_factory) -> Path:
    """A directory in which CORRECT has been."""
    directory = tmp_path_factory.mktemp("finished") / "run"
    shutil.copytree(indexed, directory, symlinks=True)
    done = bench.run(directory, JOB=REST)
    assert (error_of(done.stdout), done.stderr) == ("", "")
    return directory


@pytest.fixture
def again(indexed, tmp_path) -> Path:
    """A copy of the directory in which IDXREF has been."""
    shutil.copytree(indexed, tmp_path / "again", symlinks=True)
    return tmp_path / "again"


def error_of(text: str) -> str:
    found = re.findall(r"^ !!! ERROR !!! (.*)$", text, re.MULTILINE)
    return found[-1] if found else ""


def records_of(directory: Path) -> np.ndarray:
    lines = (directory / "INTEGRATE.HKL").read_text().splitlines()
    return np.array([line.split() for line in lines if not line.startswith("!")], float)


# --- the program ------------------------------------------------------------------------------------------


def test_empty_directory(bench, tmp_path):
    (tmp_path / "run").mkdir()
    done = bench.start(tmp_path / "run")
    assert re.search(r"\*\*\*\*\* XDS \*\*\*\*\* \(VERSION (.*?)\s+BUILT=(\d{8})\)", done.stdout)
    assert f"licensed until 31-Dec-2030 to {MARK}" in done.stdout
    assert error_of(done.stdout) == "CANNOT OPEN OR READ XDS.INP"
    assert done.returncode == 0


@pytest.mark.parametrize(("fail", "until"), [("", "30-Sep-2019"), ("*:licence_expired", "31-Dec-2030")])
def test_licence_expired(bench, tmp_path, fail, until):
    done = bench.run(bench.place(tmp_path / "run"), fail, until)
    assert "Sorry, license expired" in done.stdout
    assert not list((tmp_path / "run").glob("*.LP"))


def test_numba_is_never_loaded():
    """A start must be quick."""
    steps = "program, idxref, colspot, integrate, corrected, tasks"
    code = f"import sys; from tests.support.xds_checker import {steps}; sys.exit('numba' in sys.modules)"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": paths}, check=True)


def test_whole_chain(bench, finished):
    for step in f"{FIRST} {REST}".split():
        text = (finished / f"{step}.LP").read_text()
        assert text.startswith(f"\n ***** {step} ***** (VERSION Jan 10, 2022  BUILT=20250714)")
        assert MARK in text
        assert "cpu time used" in text
        assert "elapsed wall-clock time" in text
    _, cell = reduced((44.5, 44.5, 58.2, 90, 90, 90), "P")
    assert np.allclose(read_xparm(finished / "XPARM.XDS").cell, cell, rtol=2e-3)
    spots = np.array([line.split() for line in (finished / "SPOT.XDS").read_text().splitlines()], float)
    assert spots.shape[1] == 7
    assert (spots[:, 4:] != 0).any(axis=1).mean() > 0.9
    merged = gemmi.read_xds_ascii(str(finished / "XDS_ASCII.HKL"))
    assert merged.spacegroup_number == 89
    assert np.allclose(merged.cell_constants, (44.5, 44.5, 58.2, 90, 90, 90), rtol=2e-3)
    assert len(gemmi.read_xds_ascii(str(finished / "INTEGRATE.HKL")).iobs_array) > 1000


def test_intensities_are_the_true_ones(bench, finished):
    """Indices of the P1 cell are those of the true one, reduced; LP is taken off for an unpolarised beam."""
    change, _ = reduced((44.5, 44.5, 58.2, 90, 90, 90), "P")
    truth = np.load(bench.data / "sim_truth.npz")
    indices = map(tuple, np.rint(truth["hkl"] @ change.T).astype(int).tolist())
    table = dict(zip(indices, truth["f_squared"], strict=True))
    records = records_of(finished)
    whole = records[records[:, 9] == 100]
    true = np.array([table.get(tuple(row), 0.0) for row in whole[:, :3].astype(int).tolist()])
    assert np.corrcoef(true, whole[:, 3])[0, 1] > 0.97
    strong = whole[whole[:, 12] > 0]
    assert np.abs(strong[:, 12:14] - strong[:, 5:7]).mean() < 0.5
    assert (whole[:, 3] / whole[:, 4]).mean() > 3


# --- XDS.INP ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"STARTING_ANGEL": 1}, "ILLEGAL KEYWORD IN XDS.INP: STARTING_ANGEL="),
        ({"orgx": 1}, "ILLEGAL KEYWORD IN XDS.INP: orgx="),
        ({"MAX_NUMBER_OF_JOBS": 1}, "ILLEGAL KEYWORD"),
        ({"ROTATION_AXIS": "1 0"}, "WRONG NUMBER OF VALUES IN XDS.INP: ROTATION_AXIS= 1 0"),
        ({"DATA_RANGE": "1 60 2"}, "WRONG NUMBER OF VALUES"),
        ({"STARTING_FRAME": "1.5"}, "ILLEGAL VALUE IN XDS.INP: STARTING_FRAME= 1.5"),
        ({"STARTING_ANGLE": "nan"}, "ILLEGAL VALUE"),
        ({"OVERLOAD": "1E6"}, "KEYWORD GIVEN MORE THAN ONCE"),
        ({"JOB": "XYCORR INDEX"}, "ILLEGAL VALUE IN XDS.INP: JOB= INDEX"),
        ({"REFINE(IDXREF)": "CELL TWIST"}, "ILLEGAL VALUE"),
        ({"ORGX": None}, "MISSING KEYWORD IN XDS.INP: ORGX="),
        ({"DATA_RANGE": None}, "MISSING KEYWORD IN XDS.INP: DATA_RANGE="),
        ({"MAXIMUM_NUMBER_OF_PROCESSORS": 100}, "MUST BE WITHIN 1 TO 99"),
        ({"MAXIMUM_NUMBER_OF_JOBS": 0}, "MUST BE WITHIN 1 TO 99"),
        ({"DATA_RANGE": "60 1"}, "ILLEGAL VALUE IN XDS.INP: DATA_RANGE= 60 1"),
        ({"OSCILLATION_RANGE": 0}, "MUST BE POSITIVE"),
        ({"ROTATION_AXIS": "0 0 0"}, "VECTOR CANNOT BE NORMALIZED: ROTATION_AXIS="),
        ({"DIRECTION_OF_DETECTOR_Y-AXIS": "1 1 0"}, "NOT ORTHOGONAL"),
        ({"UNTRUSTED_RECTANGLE": "20 10 0 5"}, "ILLEGAL UNTRUSTED REGION"),
        ({"INCLUDE_RESOLUTION_RANGE": "2 50"}, "ILLEGAL VALUE"),
        ({"NUMBER_OF_PROFILE_GRID_POINTS_ALONG_GAMMA": 12}, "MUST BE ODD"),
        ({"SPACE_GROUP_NUMBER": 231}, "ILLEGAL SPACE GROUP NUMBER OR UNIT CELL"),
        ({"LIB": "/" + 200 * "x"}, "LINE TOO LONG"),
        ({"LIB": "/data/a=b/plugin.so"}, "ILLEGAL KEYWORD"),
        ({"NBX": "7 cows"}, "WRONG NUMBER OF VALUES"),
    ],
)
def test_refused_input(bench, tmp_path, changes, words):
    bench.write(tmp_path, **{name: value for name, value in changes.items() if name in bench.keywords})
    rest = "".join(f"{n}= {v}\n" for n, v in changes.items() if n not in bench.keywords)
    (tmp_path / "XDS.INP").write_text((tmp_path / "XDS.INP").read_text() + rest)
    with pytest.raises(Refused, match=re.escape(words)):
        check_inp(read_inp(tmp_path / "XDS.INP"))


def test_grammar(bench, tmp_path):
    """Comments, several keywords in a line, no blank before a value, Fortran's numbers, repeated keywords."""
    bench.write(tmp_path, STARTING_ANGLE="1.7D1 DELPHI=5.0 ! ORGY= 3", DELPHI=None, JOB="CORRECT !XYCORR")
    text = (tmp_path / "XDS.INP").read_text() + "EXCLUDE_DATA_RANGE=1 2\nEXCLUDE_DATA_RANGE=5 6 ! ice\n"
    (tmp_path / "XDS.INP").write_text(text + "SPOT_RANGE=50 60\n! nonsense\n")
    inp = read_inp(tmp_path / "XDS.INP")
    check_inp(inp)
    assert (inp.number("STARTING_ANGLE"), inp.number("DELPHI"), inp.jobs) == (17.0, 5.0, ("CORRECT",))
    assert inp.pairs("EXCLUDE_DATA_RANGE") == ((1.0, 2.0), (5.0, 6.0))
    assert inp.spot_ranges == ((1, 60), (50, 60))
    assert inp.words("REFINE(CORRECT)") == ()


def test_the_first_step_says_what_is_wrong(bench, tmp_path):
    """Only what breaks the grammar itself leaves no .LP."""
    run = bench.place(tmp_path / "run")
    done = bench.run(run, OSCILLATION_RANGE=0)
    assert "MUST BE POSITIVE" in error_of(done.stdout)
    assert "MUST BE POSITIVE" in error_of((run / "XYCORR.LP").read_text())
    assert not (run / "X-CORRECTIONS.cbf").exists()
    assert done.returncode == 0


# --- images -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"NAME_TEMPLATE_OF_DATA_FRAMES": "./sim_?????.h5"}, "ILLEGAL NAME_TEMPLATE_OF_DATA_FRAMES="),
        ({"NAME_TEMPLATE_OF_DATA_FRAMES": f"./{'x' * 90}_??????.h5"}, "LONGER THAN 80 CHARACTERS"),
        ({"NAME_TEMPLATE_OF_DATA_FRAMES": "./other_??????.h5"}, "CANNOT READ IMAGE ./other_000001.h5"),
        ({"LIB": "./no.so"}, "CANNOT OPEN OR LOAD LIBRARY ./no.so"),
        ({"LIB": None}, "CANNOT OPEN OR LOAD LIBRARY"),
        ({"NX": "1030 NY= 1062 QX= 0.075 QY= 0.075"}, "DIFFER FROM IMAGE SIZE 1028 1062"),
        ({"NX": "1028 NY= 1062 QX= 0.172 QY= 0.172"}, "DIFFERS FROM THE PIXEL SIZE"),
        ({"DATA_RANGE": "1 61", "SPOT_RANGE": "1 61"}, "CANNOT READ IMAGE ./sim_000061.h5"),
    ],
)
def test_images_that_cannot_be_opened(bench, tmp_path, changes, words):
    run = bench.place(tmp_path / "run")
    done = bench.run(run, **changes)
    assert words in error_of(done.stdout)
    assert not (run / "SPOT.XDS").exists()


def test_missing_data_file(bench, tmp_path):
    """Files in the middle count too, and so does a file that another directory has."""
    run = bench.place(tmp_path / "run")
    (run / "sim_data_000002.h5").unlink()
    done = bench.run(run)
    assert error_of((run / "COLSPOT.LP").read_text()) == "CANNOT READ IMAGE ./sim_000026.h5"
    assert "NEGGIA ERROR: CANNOT OPEN FRAME 26" in done.stderr
    assert not (run / "XPARM.XDS").exists()


def test_mask_in_chunks_and_broken_frames(bench, tmp_path):
    run = bench.place(tmp_path / "run")
    for name in ("sim_master.h5", "sim_data_000003.h5"):
        (run / name).unlink()
        shutil.copy(bench.data / name, run / name)
    with h5py.File(run / "sim_data_000003.h5") as handle:
        place = handle["entry/data/data"].id.get_chunk_info(9)
    with (run / "sim_data_000003.h5").open("r+b") as handle:
        handle.seek(place.byte_offset + 12)
        handle.write(b"\xff" * 200)
    assert error_of(bench.run(run).stdout) == "CANNOT READ IMAGE ./sim_000060.h5"
    with h5py.File(run / "sim_master.h5", "r+") as handle:
        specific = handle["entry/instrument/detector/detectorSpecific"]
        mask = specific["pixel_mask"][()]
        del specific["pixel_mask"]
        specific.create_dataset("pixel_mask", data=mask, chunks=mask.shape, compression="gzip")
    done = bench.run(run)
    assert "CANNOT READ PIXEL MASK" in done.stderr
    assert "CANNOT READ IMAGE" in error_of(done.stdout)


# --- geometry ---------------------------------------------------------------------------------------------


FEW = "INSUFFICIENT PERCENTAGE (< 50%) OF INDEXED REFLECTIONS"


def off_centre(bench: Bench, pixels: float) -> str:
    x, _, y = str(bench.keywords["ORGX"]).split()
    return f"{float(x) + pixels} ORGY= {y}"


@pytest.mark.parametrize(
    "changes",
    [
        {"ROTATION_AXIS": "-1 0 0"},
        {"ROTATION_AXIS": "0 1 0"},
        {"OSCILLATION_RANGE": 0.25},
        {"DIRECTION_OF_DETECTOR_X-AXIS": "0 1 0", "DIRECTION_OF_DETECTOR_Y-AXIS": "1 0 0"},
        {"ORGX": 13.5},  # more than half of the separation of spots along the longest axis
    ],
)
def test_wrong_geometry_is_not_indexed(bench, again, changes):
    if "ORGX" in changes:
        changes = {"ORGX": off_centre(bench, changes["ORGX"])}
    done = bench.run(again, **{"JOB": "IDXREF DEFPIX", **changes})
    assert error_of(done.stdout) == FEW
    assert (again / "XPARM.XDS").stat().st_mtime > (again / "COLSPOT.LP").stat().st_mtime
    assert not (again / "DEFPIX.LP").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"STARTING_ANGLE": 100},
        {"ORGX": 12.0},
        {"DETECTOR_DISTANCE": 112},
        {
            "DIRECTION_OF_DETECTOR_X-AXIS": "0 1 0",
            "DIRECTION_OF_DETECTOR_Y-AXIS": "-1 0 0",
            "ROTATION_AXIS": "0 1 0",
        },
        {"SPACE_GROUP_NUMBER": 96, "UNIT_CELL_CONSTANTS": "44.4 44.4 58.3 90 90 90"},
    ],
)
def test_what_refinement_absorbs(bench, again, changes):
    if "ORGX" in changes:
        changes = {"ORGX": off_centre(bench, changes["ORGX"])}
    done = bench.run(again, **{"JOB": "IDXREF", **changes})
    assert error_of(done.stdout) == ""
    indexed, total = re.findall(r"(\d+) OUT OF +(\d+) SPOTS INDEXED", done.stdout)[-1]
    assert int(indexed) > 0.85 * int(total)


def test_index_origin_helps_a_wrong_beam(bench, again):
    """The row of the table with the best quality has the true beam, and asking for its origin finds it."""
    wrong = off_centre(bench, 13.5)
    done = bench.run(again, JOB="IDXREF", ORGX=wrong)
    assert error_of(done.stdout) == FEW
    rows = done.stdout.partition("  ORIGIN\n\n")[2].splitlines()
    h, k, m, *_ = rows[0].split()
    assert (h, k, m) != ("0", "0", "0")
    beam = [float(word) for word in rows[0].split()[5:7]]
    x, _, y = str(bench.keywords["ORGX"]).split()
    assert np.allclose(beam, (float(x), float(y)), atol=1.0)
    done = bench.run(again, JOB="IDXREF", ORGX=wrong, INDEX_ORIGIN=f"{h} {k} {m}")
    assert error_of(done.stdout) == ""


def test_other_cell_is_refused(bench, again):
    given = {"SPACE_GROUP_NUMBER": 19, "UNIT_CELL_CONSTANTS": "44.5 52 58 90 90 90"}
    done = bench.run(again, JOB="IDXREF", **given)
    assert error_of(done.stdout) == "CANNOT INTERPRETE LATTICE BY THE GIVEN UNIT CELL"


def test_spots_from_elsewhere(bench, again):
    """IDXREF takes what another program wrote; nonsense is not indexed."""
    rows = [line.split()[:4] for line in (again / "SPOT.XDS").read_text().splitlines()]
    half = "\n".join(" ".join(row) for row in rows[::2])
    (again / "SPOT.XDS").write_text(half + "\n")
    done = bench.run(again, JOB="IDXREF")
    assert error_of(done.stdout) == ""
    swapped = "\n".join(" ".join([row[1], row[0], *row[2:]]) for row in rows)
    (again / "SPOT.XDS").write_text(swapped + "\n")
    assert error_of(bench.run(again, JOB="IDXREF").stdout) == FEW
    (again / "SPOT.XDS").write_text("1 2\n")
    assert error_of(bench.run(again, JOB="IDXREF").stdout) == "CANNOT READ SPOT.XDS"
    (again / "SPOT.XDS").write_text(half[:400].rpartition("\n")[0])
    assert "INSUFFICIENT NUMBER OF ACCEPTED SPOTS" in error_of(bench.run(again, JOB="IDXREF").stdout)


def test_lattice_of_another_start_finds_nothing(bench, again):
    """XPARM.XDS of a wedge that began with its own angle, as if it were the whole scan's."""
    sizes = dict.fromkeys(failures.SIZES, 0.5)
    rows = (again / "XPARM.XDS").read_text().splitlines()
    rows[1] = rows[1].replace("17.0000", "22.0000")
    (again / "XPARM.XDS").write_text("\n".join(rows) + "\n")
    done = bench.run(again, JOB="DEFPIX INTEGRATE")
    assert error_of(done.stdout) == failures.SPOT_SIZE
    assert error_of(bench.run(again, JOB="INTEGRATE", **sizes).stdout) == ""
    records = records_of(again)
    assert (records[:, 3] / records[:, 4]).mean() < 0.5


def test_wedges_share_a_lattice(bench, again, finished):
    """A wedge with the whole scan's XPARM.XDS measures what the whole scan measures."""
    bench.run(again, JOB="DEFPIX INTEGRATE", DATA_RANGE="21 40", SPOT_RANGE="21 40", STARTING_FRAME=1)
    wedge, scan = whole(records_of(again)), whole(records_of(finished))
    assert len(wedge) > 200
    assert all(scan[key] == record for key, record in wedge.items())


def whole(records: np.ndarray) -> dict:
    full = records[records[:, 9] == 100]
    return {(*row[:3], row[7]): tuple(row) for row in full.tolist()}


# --- jobs -------------------------------------------------------------------------------------------------


def test_three_jobs_measure_what_one_does(bench, again, finished):
    done = bench.run(again, JOB="DEFPIX INTEGRATE", MAXIMUM_NUMBER_OF_JOBS=3)
    assert error_of(done.stdout) == ""
    one, three = records_of(finished), records_of(again)
    scan = whole(one)
    assert all(scan[key] == record for key, record in whole(three).items())
    parts, sums = three[three[:, 9] < 100], {}
    for row in parts:
        sums[(*row[:3], row[7])] = sums.get((*row[:3], row[7]), 0) + row[9]
    cut = [key for key in sums if key in scan]
    assert len(cut) > 20
    assert all(abs(sums[key] - 100) < 0.1 or sums[key] > 98 for key in cut)
    assert not list(again.glob("*.tmp"))
    pairs = re.findall(r"PROCESSING OF IMAGES +(\d+) \.\.\. +(\d+)", (again / "INTEGRATE.LP").read_text())
    assert (pairs[0], pairs[-1]) == (("1", "10"), ("51", "60"))


def test_spots_in_jobs_on_nodes(bench, again):
    """forkxds is told of the nodes; a forkxds of the site's own is used when it comes first in PATH."""
    own = again / "forkxds"
    own.write_text('#!/bin/sh\necho "$@" > asked\nfor i in 1 2; do echo $i | $3; done\n')
    own.chmod(0o755)
    bench.write(
        again, JOB="COLSPOT", MAXIMUM_NUMBER_OF_JOBS=2, CLUSTER_NODES="node1 node2", SPOT_RANGE="1 20"
    )
    env = os.environ | install(again.parent / "bin", bench.data / "sim")
    env["PATH"] = f"{again}{os.pathsep}{env['PATH']}"
    done = subprocess.run(["xds_par"], cwd=again, env=env, capture_output=True, text=True, timeout=60)
    assert error_of(done.stdout) == ""
    assert (again / "asked").read_text() == "2 2 mcolspot_par node1 node2\n"


def test_jobs_that_never_ran(bench, again):
    own = again / "forkxds"
    own.write_text("#!/bin/sh\nexit 0\n")
    own.chmod(0o755)
    bench.write(again, JOB="INTEGRATE", MAXIMUM_NUMBER_OF_JOBS=2)
    bench.run(again, JOB="DEFPIX")
    bench.write(again, JOB="INTEGRATE", MAXIMUM_NUMBER_OF_JOBS=2)
    env = os.environ | install(again.parent / "bin", bench.data / "sim")
    env["PATH"] = f"{again}{os.pathsep}{env['PATH']}"
    done = subprocess.run(["xds_par"], cwd=again, env=env, capture_output=True, text=True, timeout=60)
    assert error_of(done.stdout) == "CANNOT OPEN OR READ FILE LP_01.tmp"
    assert not (again / "INTEGRATE.HKL").exists()


def test_shares_of_images():
    assert split([(1, 60)], 3) == [[(1, 20)], [(21, 40)], [(41, 60)]]
    assert split([(1, 10), (51, 60)], 2) == [[(1, 10)], [(51, 60)]]
    assert split([(1, 10), (51, 60)], 3) == [[(1, 7)], [(8, 10), (51, 53)], [(54, 60)]]
    assert split([(1, 2)], 5) == [[(1, 1)], [(2, 2)]]
    assert without([(1, 60)], [(10, 20), (55, 70)]) == [(1, 9), (21, 54)]


# --- steps need what the steps before them left ----------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "file"),
    [
        ("INIT", "X-CORRECTIONS.cbf"),
        ("COLSPOT", "BKGINIT.cbf"),
        ("DEFPIX", "XPARM.XDS"),
        ("INTEGRATE", "BKGPIX.cbf"),
        ("CORRECT", "INTEGRATE.HKL"),
    ],
)
def test_files_of_earlier_steps(bench, again, step, file):
    (again / file).unlink(missing_ok=True)
    done = bench.run(again, JOB=step)
    assert error_of(done.stdout) == f'CANNOT OPEN OR READ FILE "{file}"'


# --- the switch -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(failures.ERRORS))
def test_failures_that_are_words(bench, again, name):
    done = bench.run(again, f"IDXREF:{name}", JOB="IDXREF DEFPIX")
    assert error_of(done.stdout) == failures.ERRORS[name].format(file="SPOT.XDS")
    assert error_of((again / "IDXREF.LP").read_text())
    assert not (again / "DEFPIX.LP").exists()
    assert done.returncode == 0


@pytest.mark.parametrize(("name", "words"), [("few_indexed", FEW), ("inaccurate", "SOLUTION IS INACCURATE")])
def test_failures_that_leave_a_lattice(bench, again, name, words):
    (again / "XPARM.XDS").unlink()
    done = bench.run(again, f"IDXREF:{name}", JOB="IDXREF")
    assert error_of(done.stdout) == words
    assert read_xparm(again / "XPARM.XDS").group == 1
    assert "AUTOMATIC DATA PROCESSING STOPPED" in (again / "IDXREF.LP").read_text().rpartition("ERROR")[2]


@pytest.mark.parametrize("name", ["cannot_read_image", "neggia_error"])
def test_failing_images(bench, again, name):
    done = bench.run(again, f"COLSPOT:{name}", JOB="COLSPOT")
    assert error_of(done.stdout) == "CANNOT READ IMAGE ./sim_000001.h5"
    assert "NEGGIA ERROR: CANNOT OPEN FRAME 1" in done.stderr


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("fork_failed", "LP_01.tmp"),
        ("fork_failed_lp", "LP_01.tmp"),
        ("fork_failed_bin", "bin1_01.tmp"),
        ("fork_failed_mcolspot", '"mcolspot.tmp"'),
    ],
)
def test_failing_jobs(bench, again, name, file):
    """With one job there is nothing to fork."""
    done = bench.run(again, f"COLSPOT:{name}", JOB="COLSPOT", MAXIMUM_NUMBER_OF_JOBS=2, SPOT_RANGE="1 10")
    assert error_of(done.stdout) == f"CANNOT OPEN OR READ FILE {file}"
    done = bench.run(again, f"COLSPOT:{name}", JOB="COLSPOT", SPOT_RANGE="1 10")
    assert error_of(done.stdout) == ""


def test_spot_size_cannot_be_found(bench, again):
    done = bench.run(again, "INTEGRATE:spot_size", JOB="DEFPIX INTEGRATE")
    assert error_of(done.stdout) == failures.SPOT_SIZE
    sizes = dict.fromkeys(failures.SIZES, 0.5)
    done = bench.run(again, "INTEGRATE:spot_size", JOB="INTEGRATE", **sizes)
    assert error_of(done.stdout) == ""


def test_warnings(bench, again, finished):
    done = bench.run(again, "IDXREF:not_unique", JOB="IDXREF")
    assert "!!! WARNING !!! SOLUTION MAY NOT BE UNIQUE" in (again / "IDXREF.LP").read_text()
    shutil.copy(finished / "INTEGRATE.HKL", again)
    fail = "CORRECT:refinement_not_accepted,CORRECT:no_acceptable_group"
    done = bench.run(again, fail, JOB="CORRECT")
    assert error_of(done.stdout) == ""
    text = (again / "CORRECT.LP").read_text()
    assert "!!! WARNING !!! REFINEMENT RESULTS NOT ACCEPTED BECAUSE OF" in text
    assert "NONE OF THE SPACE GROUPS ABOVE IS ACCEPTABLE." in text
    assert "4.000E+00  1.000E-04   50.00" in text
    assert (again / "XDS_ASCII.HKL").exists()
    assert not (again / "GXPARM.XDS").exists()


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [("crash", -11, ""), ("silent", 0, ""), ("end_of_file", 24, "forrtl: severe (24)")],
)
def test_ends_without_an_error_line(bench, again, name, status, words):
    done = bench.run(again, f"DEFPIX:{name}", JOB="DEFPIX INTEGRATE")
    assert done.returncode == status
    assert error_of(done.stdout) == ""
    assert words in done.stderr
    assert not (again / "BKGPIX.cbf").exists()


def test_failures_are_counted(bench, again):
    fail = "DEFPIX:useless_data:2"
    errors = [error_of(bench.run(again, fail, JOB="DEFPIX").stdout) for _ in range(3)]
    assert errors == [failures.ERRORS["useless_data"]] * 2 + [""]


def test_unknown_failures_are_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no failure 'no_such_thing'"):
        install(tmp_path, None, fail="IDXREF:few_indexed,DEFPIX:no_such_thing")


def test_programs_know_their_truth_without_the_environment(bench, again):
    """Callers that pass on nothing but PATH are served too, and what lies beside the master is found."""
    bench.write(again, JOB="IDXREF")
    for truth in (bench.data / "sim", bench.data, None):
        variables = install(again.parent / "bin", truth)
        done = subprocess.run(
            ["xds_par"],
            cwd=again,
            env={"PATH": variables["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert error_of(done.stdout) == ""


# --- lattices ---------------------------------------------------------------------------------------------


def test_determinants_of_the_characters():
    """The conventional cell holds as many lattice points as its centring says."""
    points = {"P": 1, "C": 2, "I": 2, "F": 4, "R": 3}
    for number, bravais, change in CHARACTERS:
        assert round(abs(np.linalg.det(change))) == points[bravais[1]], number


@pytest.mark.parametrize(
    ("group", "bravais"),
    list(zip(SMALL_CRYSTALS, ("oP", "tP", "mC", "hP", "aP", "mP", "hP", "cI"), strict=True)),
)
def test_bravais_lattice_is_recognised(group, bravais):
    """The best acceptable character of the highest symmetry has the true cell."""
    spec = SMALL_CRYSTALS[group]
    _, cell = reduced(spec.unit_cell.parameters, group[0])
    order = ["aP", "mP", "mC", "mI", "oP", "oC", "oF", "oI", "tP", "tI", "hR", "hP", "cP", "cI", "cF"]
    best = max((fit for fit in fits(axes_of(cell)) if fit.acceptable), key=lambda f: order.index(f.bravais))
    assert best.bravais == bravais
    volume = abs(np.linalg.det(axes_of(best.cell)))
    assert np.isclose(volume, spec.unit_cell.volume, rtol=1e-3)
    assert np.allclose(cell_of(axes_of(best.cell)), best.cell)
