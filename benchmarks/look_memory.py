"""Memory of a look: how much more 1800 frames of 4M take than 900, and frames/s with one and two threads.

25 frames are simulated, and their data file stands under the names of all data files of a longer scan.

Run: `python benchmarks/look_memory.py [frames]`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from beampace.core.ports import RecordedProgress
from beampace.core.scan import Scan
from beampace.simulate.files import write_dataset
from beampace.simulate.layouts import data_name, write_master
from beampace.simulate.options import InfoFile, WriteOptions
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.work.look import LookOptions, look

PER_FILE = 25


def make(directory: Path, n_frames: int) -> Path:
    """A rotation scan of `n_frames` that repeats its first 25."""
    scenario = Scenario(
        name="long", detector="EIGER2 X 4M", distance=150.0, width=0.1, n_frames=PER_FILE, photons=2000
    )
    simulation = simulate_scan(scenario, 2)
    options = WriteOptions(images_per_file=PER_FILE, info=InfoFile.BEFORE)
    first = write_dataset(simulation.dataset, simulation.mask, simulation.frames, directory, options)
    scan = Scan.even(0.0, 0.1, n_frames, 0.0099, 0.01)
    dataset = replace(simulation.dataset, scan=scan, n_announced=n_frames)
    first.unlink()
    write_master(first, dataset, simulation.mask.astype("u4"), options)
    for order in range(2, -(-n_frames // PER_FILE) + 1):
        os.link(directory / data_name("long", 1), directory / data_name("long", order))
    return first


def run_look(master: Path, last: int, cores: int) -> None:
    """Look at frames 1 to `last`; prints kilobytes at most and seconds."""
    with tempfile.TemporaryDirectory() as out:
        begin = time.monotonic()
        done = look(LookOptions(master, (1, last), cores, Path(out), 0.0), RecordedProgress())
        seconds = time.monotonic() - begin
    spots = [value for value in done.result.columns["spots_all"] if isinstance(value, int)]
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime
    print(usage.ru_maxrss, seconds, cpu, sum(spots) / len(spots))


def measured(master: Path, last: int, cores: int) -> tuple[float, float, float, float]:
    """MB at most, seconds, processor seconds, spots per frame of a look in a process of its own."""
    arguments = [sys.executable, __file__, "--one", str(master), str(last), str(cores)]
    said = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.split()
    return float(said[0]) / 1024, float(said[1]), float(said[2]), float(said[3])


def main(n_frames: int) -> None:
    """Half of the frames, then all."""
    with tempfile.TemporaryDirectory() as name:
        master = make(Path(name), n_frames)
        measured(master, PER_FILE, 1)  # kernels compiled
        half, whole = measured(master, n_frames // 2, 2), measured(master, n_frames, 2)
        one = measured(master, n_frames // 4, 1)
    print(f"4M, {whole[3]:.0f} spots per frame")
    print(f"{half[0]:.0f} MB for {n_frames // 2} frames, {whole[0]:.0f} MB for {n_frames}", end=": ")
    print(f"growth {whole[0] - half[0]:.0f} MB")
    for threads, n, (_, seconds, cpu, _) in ((2, n_frames, whole), (1, n_frames // 4, one)):
        print(f"{threads} threads: {n / seconds:.0f} frames/s, {1000 * cpu / n:.1f} ms of processor each")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        run_look(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1800)
