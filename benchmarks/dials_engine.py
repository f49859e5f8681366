"""The `dials` engine against the plain chain of DIALS programs; run as `python benchmarks/dials_engine.py`.

One simulated sweep (and one whose crystal drifts), both ways interleaved: (a) the programs one after another
with their defaults, two processes where they take any; (b) `beampace process`, from the finished files to the
result.
Prints wall and CPU seconds, their ratios, and how merged intensities agree with the truth to one resolution.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from beampace.eiger import CHILD_ENVIRONMENT
from beampace.simulate.fate import Fate
from beampace.simulate.files import write_dataset
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan

D_MIN = 1.68
PLAIN = (
    ("import", "{master}"),
    ("find_spots", "imported.expt", "nproc={cores}"),
    ("index", "imported.expt", "strong.refl", "nproc={cores}"),
    ("refine", "indexed.expt", "indexed.refl"),
    ("integrate", "refined.expt", "refined.refl", "nproc={cores}"),
    ("symmetry", "integrated.expt", "integrated.refl"),
    ("scale", "symmetrized.expt", "symmetrized.refl"),
    ("merge", "scaled.expt", "scaled.refl"),
    ("export", "scaled.expt", "scaled.refl"),
)


@dataclass(frozen=True)
class Run:
    """What one way took and gave: seconds, CPU seconds, correlation and R with the truth."""

    wall: float
    cpu: float
    cc: float
    r: float


def timed(commands: list[list[str]], directory: Path) -> tuple[float, float]:
    """(wall, CPU) seconds of commands one after another; their output goes to a file."""
    directory.mkdir()
    environment = {**os.environ, **CHILD_ENVIRONMENT}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with (directory / "output.txt").open("w") as output:
        for words in commands:
            subprocess.run(words, cwd=directory, env=environment, stdout=output, stderr=output, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu


def plain(master: Path, directory: Path, cores: int) -> Run:
    """The chain with its defaults."""
    commands = [
        [f"dials.{program}", *(word.format(master=master, cores=cores) for word in words)]
        for program, *words in PLAIN
    ]
    return Run(*timed(commands, directory), *agreement(directory / "merged.mtz", master))


def ours(master: Path, directory: Path, cores: int) -> Run:
    """`beampace process`."""
    program = str(Path(sys.executable).with_name("beampace"))
    command = [program, "process", str(master), "--cores", str(cores), "--out", "out"]
    return Run(*timed([command], directory), *agreement(directory / "out" / "merged.mtz", master))


def agreement(merged: Path, master: Path) -> tuple[float, float]:
    """(correlation, R) of merged intensities with the truth to `D_MIN`."""
    with np.load(truth_of(master)) as truth:
        hkl, squared = truth["hkl"], truth["f_squared"]
    group = gemmi.find_spacegroup_by_name("P43212")
    asu, operations = gemmi.ReciprocalAsu(group), group.operations()
    true = {tuple(asu.to_asu(h, operations)[0]): f for h, f in zip(hkl.tolist(), squared, strict=True)}
    data = gemmi.read_mtz_file(str(merged))
    indices = data.array[:, :3].astype(int).tolist()
    expected = np.array([true.get(tuple(asu.to_asu(h, operations)[0]), np.nan) for h in indices])
    found = data.column_with_label("IMEAN").array
    use = np.isfinite(expected) & np.isfinite(found) & (data.make_d_array() >= D_MIN)
    i, f = found[use], expected[use]
    k = (f * i).sum() / (f * f).sum()
    return float(np.corrcoef(i, f)[0, 1]), float(np.abs(i - k * f).sum() / i.sum())


def truth_of(master: Path) -> Path:
    """The arrays of truth beside a master."""
    return master.with_name(master.name.replace("_master.h5", "_truth.npz"))


def simulated(directory: Path, frames: int, drift: float, cores: int) -> Path:
    """A sweep of 4M at 0.2 degrees, written with its truth."""
    scenario = Scenario(
        name="bench", detector="EIGER2 X 4M", n_frames=frames, width=0.2, fate=Fate(drift=drift)
    )
    made = simulate_scan(scenario, cores)
    master = write_dataset(made.dataset, made.mask, made.frames, directory)
    made.truth.write(directory / "bench")
    return master


def show(title: str, both: list[tuple[Run, Run]]) -> None:
    """Medians, ratios, agreement."""
    print(title)
    for name, runs in (("plain", [a for a, _ in both]), ("ours", [b for _, b in both])):
        wall, cpu = (statistics.median(getattr(run, what) for run in runs) for what in ("wall", "cpu"))
        run = runs[-1]
        print(f"  {name:6} wall {wall:6.1f} s, CPU {cpu:6.1f} s, CC with truth {run.cc:.5f}, R {run.r:.4f}")
    for what in ("wall", "cpu"):
        ratio = statistics.median(getattr(b, what) / getattr(a, what) for a, b in both)
        print(f"  {what} ours / plain: {ratio:.3f}")


def main() -> None:
    """Simulate both sweeps, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=250)
    parser.add_argument("--cores", type=int, default=2)
    asked = parser.parse_args()
    for title, drift in (("steady crystal", 0.0), ("crystal drifting by 0.5 degrees", 0.5)):
        with tempfile.TemporaryDirectory() as name:
            base = Path(name)
            master = simulated(base / "raw", asked.frames, drift, asked.cores)
            both = []
            for number in range(asked.rounds):
                theirs = plain(master, base / f"plain{number}", asked.cores)
                both.append((theirs, ours(master, base / f"ours{number}", asked.cores)))
            show(f"{title}, {asked.frames} frames of 4M, {asked.cores} cores, {asked.rounds} rounds", both)


if __name__ == "__main__":
    main()
