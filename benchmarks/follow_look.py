"""Following a scan: how long after a frame can be read is it in the output, and when is the map complete?

Frames are made beforehand and appear as closed files of a fixed number of images at a fixed rate, by copying;
`beampace look` and `beampace map` run as programs of their own on the growing dataset.

Run: `python benchmarks/follow_look.py [--frames 400] [--per-file 25] [--rate 20] [--cores 2] [--keep DIR]`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from beampace.core.dataset import Hint
from beampace.simulate.files import write_dataset
from beampace.simulate.grid import Blob, Grid
from beampace.simulate.options import InfoFile, WriteOptions
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan

PROGRAM = Path(sys.executable).with_name("beampace")
TICK_S = 0.01


@dataclass(slots=True)
class Watched:
    """When frames could be read, and when they were first seen in the output (s, one clock)."""

    readable: dict[int, float] = field(default_factory=dict)
    shown: dict[int, float] = field(default_factory=dict)
    complete: float = 0.0
    stamp: int = 0

    def latencies(self) -> list[float]:
        """Seconds from readable to shown."""
        return sorted(self.shown[n] - at for n, at in self.readable.items() if n in self.shown)


def make(directory: Path, frames: int, per_file: int, cores: int) -> Path:
    """A 4M grid with two crystals; taken as it is when it is there already."""
    rows = 20
    columns = frames // rows
    blobs = (
        Blob((columns * 0.4, rows * 0.45), (columns * 0.18, rows * 0.2, 2.0), turn=25.0),
        Blob((columns * 0.82, rows * 0.75), (columns * 0.08, rows * 0.1, 1.0)),
    )
    grid = Grid(columns, rows, blobs, snake=False)
    scenario = Scenario(
        name="follow", detector="EIGER2 X 4M", distance=150.0, width=0.0, n_frames=columns * rows, grid=grid
    )
    master = directory / "follow_master.h5"
    if not master.exists():
        print(f"making {columns * rows} frames of 4M in {directory}", flush=True)
        simulation = simulate_scan(scenario, cores)
        dataset = replace(simulation.dataset, hint=Hint(grid=(columns, rows)))
        options = WriteOptions(images_per_file=per_file, info=InfoFile.BEFORE)
        write_dataset(dataset, simulation.mask, simulation.frames, directory, options)
    return master


def follow(command: str, master: Path, rate: float, cores: int) -> Watched:
    """Let the dataset grow beside a running program."""
    with tempfile.TemporaryDirectory() as name:
        raw, out = Path(name) / "raw", Path(name) / "out"
        raw.mkdir()
        for file in (master, master.with_name("info.txt")):
            shutil.copyfile(file, raw / file.name)
        files = sorted(master.parent.glob("*_data_*.h5"))
        arguments = [command, str(raw / master.name), "--out", str(out), "--cores", str(cores), "--json"]
        with (Path(name) / "result").open("w") as sink:
            program = subprocess.Popen([PROGRAM, *arguments], stdout=sink, stderr=subprocess.DEVNULL)
            watched = grow(files, raw, out / f"{command}.json", rate, program)
        assert program.returncode == 0, program.returncode
    return watched


def grow(
    files: list[Path], raw: Path, output: Path, rate: float, program: subprocess.Popen[bytes]
) -> Watched:
    """Copy the files at their times and watch the output until the program ends."""
    watched, waiting = Watched(), list(files)
    per_file = count(files[0])
    while program.poll() is None and not (output.parent / "progress.json").exists():
        time.sleep(TICK_S)
    time.sleep(1.0)  # the program waits for the scan
    begin = time.monotonic()
    number = 0
    while program.poll() is None or waiting:
        if waiting and time.monotonic() - begin >= (number + count(waiting[0], per_file)) / rate:
            file = waiting.pop(0)
            part = raw / f".{file.name}.part"
            shutil.copyfile(file, part)
            part.rename(raw / file.name)
            now, here = time.monotonic(), count(file, per_file)
            watched.readable |= dict.fromkeys(range(number + 1, number + here + 1), now)
            number += here
        look(output, watched)
        time.sleep(TICK_S)
    return watched


def count(file: Path, known: int = 0) -> int:
    """Images of a data file."""
    if known:
        return known
    import h5py

    with h5py.File(file, "r", locking=False) as handle:
        return int(handle["entry/data/data"].shape[0])


def look(output: Path, watched: Watched) -> None:
    """Note which frames the output shows now."""
    try:
        stamp = output.stat().st_mtime_ns
    except OSError:
        return
    if stamp == watched.stamp:
        return
    watched.stamp, now = stamp, time.monotonic()
    found = json.loads(output.read_bytes())
    part = found if "columns" in found else found["maps"][0]
    for frame in part["columns"]["frame"]:
        watched.shown.setdefault(frame, now)
    if not part["frames"]["waiting"] and not watched.complete:
        watched.complete = now


def report(command: str, watched: Watched, frames: int) -> None:
    """Print the numbers."""
    latencies, last = watched.latencies(), max(watched.readable.values())
    assert len(latencies) == frames, f"{len(latencies)} of {frames} frames were shown"
    percentile = latencies[int(0.95 * (len(latencies) - 1))]
    print(f"{command}: readable -> in {command}.json: median {statistics.median(latencies):.2f} s, "
          f"95 % {percentile:.2f} s, worst {latencies[-1]:.2f} s")  # fmt: skip
    print(f"{command}: last frame readable -> complete: {watched.complete - last:.2f} s", flush=True)


def main() -> None:
    """Make, follow, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--per-file", type=int, default=25)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=None, help="where the frames are made and kept")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        master = make(asked.keep or Path(name), asked.frames, asked.per_file, asked.cores)
        print(f"{asked.frames} frames of 4M, {asked.per_file} per file, {asked.rate:g} frames/s, "
              f"{asked.cores} cores")  # fmt: skip
        for command in ("look", "map"):
            report(command, follow(command, master, asked.rate, asked.cores), asked.frames)


if __name__ == "__main__":
    main()
