"""What look and map find, against DIALS and against blank frames; prints the numbers."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.stats import spearmanr

from beampace.analysis import GridShape, find_crystals, make_map
from beampace.core.cell import UnitCell
from beampace.core.ports import RecordedProgress
from beampace.core.taxonomy import Exit
from beampace.eiger import CHILD_ENVIRONMENT, open_container, survey, write_companion
from beampace.results.look_schema import Look
from beampace.results.map_schema import Map
from beampace.simulate.background import Background
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.scenario import Scenario
from beampace.work.look import LookOptions, look
from beampace.work.map import MapOptions, map_grid
from beampace.work.map_shape import GridWishes
from tests.support.processing import simulate

DIALS_PYTHON = "/usr/bin/python3"
READ_REFLECTIONS = """
import sys
import numpy as np
from dials.array_family import flex
for name in sys.argv[1:]:
    table = flex.reflection_table.from_file(name)
    indexed = table.get_flags(table.flags.indexed).as_numpy_array()
    np.savez(name + ".npz", xyz=np.array(table["xyzobs.px.value"]).reshape(-1, 3), indexed=indexed,
             intensity=table["intensity.sum.value"].as_numpy_array())
"""
READ_SPOT_XDS = """
import sys
import numpy as np
from iotbx.xds import spot_xds
found = spot_xds.reader()
found.read_file(sys.argv[1])
np.savez(sys.argv[1] + ".npz", xyz=np.array(found.centroid), intensity=np.array(found.intensity))
"""
SCAN = Scenario(
    name="scan",
    crystal=CrystalSpec(UnitCell(58, 58, 38, 90, 90, 90), "P43212", b_factor=20),
    distance=110.0,
    width=0.5,
    n_frames=40,
)
DIALS_GRID = (
    290, 1143, 1313, 1284, 1201, 1157, 1123, 1104, 1000, 975, 853, 804, 627, 354, 51, 0, 1, 1, 1,
)  # fmt: skip
"""dials.find_spots on the real grid, from the README of the data."""


@dataclass(frozen=True)
class Found:
    """Reflections of one program: x, y in px, z in frames."""

    xyz: np.ndarray
    intensity: np.ndarray
    indexed: np.ndarray | None = None


@dataclass(frozen=True)
class Compared:
    """Both programs' spots of one scan, each indexed by dials.index when asked for."""

    theirs: Found
    ours: Found
    look: Path


@dataclass(frozen=True)
class Counted:
    """A frame of which only DIALS's count is known."""

    number: int
    n_spots_good: int
    intensity: float = 0.0
    d_min: float | None = None


def run(directory: Path, *words: str) -> None:
    environ = {**os.environ, **CHILD_ENVIRONMENT}
    ended = subprocess.run(words, cwd=directory, env=environ, capture_output=True, text=True, timeout=150)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]


def looked(master: Path, out: Path) -> Look:
    done = look(LookOptions(master, cores=2, out=out, patience_s=0.0), RecordedProgress())
    assert done.exit in (Exit.RESULT, Exit.SCIENCE), done.result.verdict
    return Look.model_validate_json((out / "look.json").read_bytes())


def read(directory: Path, name: str, script: str = READ_REFLECTIONS) -> Found:
    run(directory, DIALS_PYTHON, "-c", script, name)
    with np.load(directory / f"{name}.npz") as data:
        return Found(data["xyz"], data["intensity"], data.get("indexed"))


def compared(master: Path, base: Path, method: str, *, index_ours: bool) -> Compared:
    """Both programs' spots; `method` is DIALS's name of an indexing method."""
    container = open_container(master)
    companion = write_companion(container, survey(container), base)
    run(base, "dials.import", str(companion.path))
    run(base, "dials.find_spots", "imported.expt", "spotfinder.mp.nproc=2")
    run(base, "dials.index", "imported.expt", "strong.refl", f"indexing.method={method}")
    theirs = read(base, "indexed.refl")
    looked(master, base / "look")
    name = "strong.refl"
    if index_ours:
        run(base / "look", "dials.index", "../imported.expt", "strong.refl", f"indexing.method={method}")
        name = "indexed.refl"
    return Compared(theirs, read(base / "look", name), base / "look")


def share_found(both: Compared) -> tuple[float, int]:
    """Share of DIALS's indexed spots with one of ours within 1 px and 1.5 frames, and their number."""
    kept = both.theirs.xyz[both.theirs.indexed]
    scale = np.array([1.0, 1.0, 1 / 1.5])
    near = cKDTree(both.ours.xyz * scale).query_ball_point(kept * scale, 2.0)
    hits = [
        any(np.hypot(*(both.ours.xyz[k, :2] - spot[:2])) <= 1.0 and abs(both.ours.xyz[k, 2] - spot[2]) <= 1.5
            for k in candidates)
        for spot, candidates in zip(kept, near, strict=True)
    ]  # fmt: skip
    return float(np.mean(hits)), len(kept)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> Compared:
    base = tmp_path_factory.mktemp("numbers")
    return compared(simulate(SCAN, base / "raw"), base, "fft1d", index_ours=True)


def test_spots_dials_indexes_are_found_on_a_simulated_scan(simulated):
    share, n = share_found(simulated)
    print(f"\nsimulated: {100 * share:.1f} % of {n} spots that DIALS indexes are found within 1 px")
    assert n > 500 and share >= 0.95


def test_spots_dials_indexes_are_found_on_a_real_scan(real_data, tmp_path):
    master = next((real_data / "l-cysteine" / "rotational_001").glob("*master.h5"))
    share, n = share_found(compared(master, tmp_path, "fft3d", index_ours=False))
    print(f"\nl-cysteine 001: {100 * share:.1f} % of {n} spots that DIALS indexes are found within 1 px")
    assert n >= 40 and share >= 0.95


def test_our_3d_spots_index(simulated):
    indexed = simulated.ours.indexed
    print(f"\nsimulated: {100 * indexed.mean():.1f} % of our {len(indexed)} 3-D spots index")
    assert len(indexed) > 500 and indexed.mean() >= 0.85


def test_another_program_reads_the_same_from_both_files(simulated):
    """cctbx's reader of SPOT.XDS against DIALS's reader of strong.refl; XDS's pixels begin at 1."""
    strong = read(simulated.look, "strong.refl")
    spots = read(simulated.look, "SPOT.XDS", READ_SPOT_XDS)
    order = np.argsort(-strong.intensity, kind="stable")
    off = np.abs(spots.xyz - strong.xyz[order] - [0.5, 0.5, 0.0])
    counts = np.abs(spots.intensity - strong.intensity[order])
    print(f"\nSPOT.XDS: {len(spots.xyz)} lines, off by at most {off.max():.3f} px, {counts.max():.2f} counts")
    assert spots.xyz.shape == strong.xyz.shape
    assert off.max() <= 0.00501 and counts.max() <= 0.51


@pytest.mark.parametrize("level", [0.01, 0.1, 1.0, 10.0])
def test_blank_frames_show_hardly_a_spot(level, tmp_path):
    scenario = Scenario(
        name="blank", detector="EIGER2 X 16M", distance=250.0, crystal=None, n_frames=3, width=0.2,
        background=Background(level=level),
    )  # fmt: skip
    columns = looked(simulate(scenario, tmp_path / "raw"), tmp_path / "out").columns
    spots = [int(value) for value in columns["spots_all"]]
    print(f"\nblank 16M, {level:g} counts/pixel: spots {spots}, mean {np.mean(spots):.2f} "
          f"(background {np.mean(columns['background']):.4f})")  # fmt: skip
    assert len(spots) == 3 and np.mean(columns["background"]) > 0.2 * level
    assert np.mean(spots) <= 2


def test_the_real_grid_against_dials(real_data, tmp_path):
    master = real_data / "thaumatin" / "grid_001" / "thaumatin_grid_001_master.h5"
    done = map_grid(MapOptions((master,), GridWishes(), cores=2, out=tmp_path, patience_s=0.0),
                    RecordedProgress())  # fmt: skip
    assert done.exit is Exit.RESULT
    part = Map.model_validate(json.loads((tmp_path / "map.json").read_bytes())).maps[0]
    correlation = spearmanr(part.columns["spots_all"], DIALS_GRID).statistic
    counted = [Counted(number, n) for number, n in enumerate(DIALS_GRID, start=1)]
    theirs = find_crystals(make_map(GridShape(19, 1), counted))
    apart = abs(part.crystals[0].centre[0] - theirs[0].centre[0])
    print(f"\nreal grid: rank correlation {correlation:.3f}, centres {apart:.2f} cells apart")
    assert correlation >= 0.95 and apart <= 0.5
