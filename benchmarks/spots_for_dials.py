"""Our 3-D spots against DIALS's own for indexing; run as `python benchmarks/spots_for_dials.py`.

One simulated rotation scan, both ways interleaved: (a) dials.find_spots, dials.index; (b) look, join, boxes
read inside DIALS's Python (dials.integrate learns its profile from them), dials.index. Prints seconds and the
share of spots indexed.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from beampace.core.cell import UnitCell
from beampace.eiger import CHILD_ENVIRONMENT, open_container, survey, write_companion
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.files import write_dataset
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.work import FanOut
from beampace.work.look import LookOptions, look

CRYSTAL = CrystalSpec(UnitCell(58, 58, 38, 90, 90, 90), "P43212", b_factor=20)
INDEXED = re.compile(r"\|\s+0 \|\s+(\d+) \|\s+(\d+) \|")
SHOEBOXES = """
import sys
from dials.array_family import flex
from dxtbx.model.experiment_list import ExperimentListFactory
imagesets = ExperimentListFactory.from_json_file(sys.argv[1], check_format=True).imagesets()
spots = flex.reflection_table.from_file(sys.argv[2])
spots["shoebox"] = flex.shoebox(spots["panel"], spots["bbox"], allocate=True)
spots.extract_shoeboxes(imagesets[0])
spots.as_file(sys.argv[3])
"""


def run(directory: Path, *words: str) -> float:
    """Seconds a program took; its output goes to a file."""
    started = time.perf_counter()
    with (directory / "output.txt").open("a") as output:
        environ = {**os.environ, **CHILD_ENVIRONMENT}
        subprocess.run(words, cwd=directory, env=environ, stdout=output, stderr=output, check=True)
    return time.perf_counter() - started


def indexed(directory: Path) -> float:
    """Share of the spots that dials.index explained."""
    found = INDEXED.findall((directory / "dials.index.log").read_text())[-1]
    good, bad = (int(number) for number in found)
    return good / (good + bad)


def theirs(directory: Path, imported: Path, cores: int) -> tuple[float, float, float]:
    """(seconds for spots, seconds to index, share indexed) with DIALS's spot finder."""
    threshold = "spotfinder.threshold.algorithm=dispersion"
    spots = run(directory, "dials.find_spots", str(imported), f"spotfinder.mp.nproc={cores}", threshold)
    index = run(directory, "dials.index", str(imported), "strong.refl", "indexing.method=fft1d")
    return spots, index, indexed(directory)


def ours(directory: Path, master: Path, imported: Path, cores: int) -> tuple[float, float, float, float]:
    """(seconds for the look, for the shoeboxes, to index, share indexed) with our spots."""
    started = time.perf_counter()
    look(LookOptions(master, cores=cores, out=directory / "look"), FanOut(()))
    looked = time.perf_counter() - started
    strong = str(directory / "look" / "strong.refl")
    boxes = run(directory, "/usr/bin/python3", "-c", SHOEBOXES, str(imported), strong, "boxes.refl")
    index = run(directory, "dials.index", str(imported), strong, "indexing.method=fft1d")
    return looked, boxes, index, indexed(directory)


def main() -> None:
    """Simulate once, compare, print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--cores", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        scenario = Scenario(name="bench", crystal=CRYSTAL, distance=110.0, n_frames=asked.frames)
        simulation = simulate_scan(scenario, asked.cores)
        master = write_dataset(simulation.dataset, simulation.mask, simulation.frames, base / "raw")
        container = open_container(master)
        companion = write_companion(container, survey(container), base)
        run(base, "dials.import", str(companion.path))
        rows = []
        for number in range(asked.rounds):
            places = [base / f"{who}{number}" for who in ("dials", "own")]
            for place in places:
                place.mkdir()
            imported = base / "imported.expt"
            rows.append(
                (theirs(places[0], imported, asked.cores), ours(places[1], master, imported, asked.cores))
            )
    dials = [statistics.median(row[0][i] for row in rows) for i in range(3)]
    own = [statistics.median(row[1][i] for row in rows) for i in range(4)]
    print(f"{asked.frames} frames of 1M, {asked.cores} cores, medians of {asked.rounds}")
    print(f"  DIALS: spots {dials[0]:.1f} s, index {dials[1]:.1f} s, indexed {100 * dials[2]:.1f} %")
    print(
        f"  ours: look {own[0]:.1f} s, shoeboxes {own[1]:.1f} s, index {own[2]:.1f} s, {100 * own[3]:.1f} %"
    )
    print(
        f"  spots, theirs / ours: {dials[0] / own[0]:.1f}; with shoeboxes {dials[0] / (own[0] + own[1]):.1f}"
    )


if __name__ == "__main__":
    main()
