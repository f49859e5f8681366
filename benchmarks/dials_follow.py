"""Following a scan with the `dials` engine: how long after the last frame is the result there?

Run: `python benchmarks/dials_follow.py [--frames 250] [--per-file 10] [--rate 5] [--rounds 1]`.

A sweep of 4M appears as closed files at a fixed rate, by copying, beside `beampace process`; then the
finished set is processed. Prints seconds from the last file to the end of the program, what the finished set
took, their ratio, and how the observations of both agree.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gemmi
import numpy as np

from beampace.simulate.files import write_dataset
from beampace.simulate.options import WriteOptions
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan

PROGRAM = str(Path(sys.executable).with_name("beampace"))
TICK_S = 0.02


def made(directory: Path, frames: int, per_file: int, cores: int) -> Path:
    """A sweep of 4M at 0.2 degrees."""
    scenario = Scenario(name="follow", detector="EIGER2 X 4M", n_frames=frames, width=0.2)
    scan = simulate_scan(scenario, cores)
    return write_dataset(
        scan.dataset, scan.mask, scan.frames, directory, WriteOptions(images_per_file=per_file)
    )


def command(master: Path, out: Path, cores: int) -> list[str]:
    """`beampace process`."""
    return [PROGRAM, "process", str(master), "--cores", str(cores), "--out", str(out)]


def finished(master: Path, out: Path, cores: int) -> float:
    """Seconds for the finished set."""
    started = time.perf_counter()
    subprocess.run(command(master, out, cores), check=True, capture_output=True)
    return time.perf_counter() - started


def followed(master: Path, directory: Path, per_file: int, rate: float, cores: int) -> tuple[float, Path]:
    """Seconds from the last file to the end of the program, and where its result is."""
    raw, out = directory / "raw", directory / "out"
    raw.mkdir(parents=True)
    shutil.copyfile(master, raw / master.name)
    program = subprocess.Popen(
        command(raw / master.name, out, cores), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not (out / "progress.json").exists():
        time.sleep(TICK_S)
    begin, last = time.perf_counter(), 0.0
    for number, file in enumerate(sorted(master.parent.glob("*_data_*.h5")), start=1):
        time.sleep(max(0.0, begin + number * per_file / rate - time.perf_counter()))
        part = raw / f".{file.name}.part"
        shutil.copyfile(file, part)
        part.rename(raw / file.name)
        last = time.perf_counter()
    if program.wait() != 0:
        raise RuntimeError((out / "log.txt").read_text())
    return time.perf_counter() - last, out


def agreement(one: Path, other: Path) -> tuple[int, int, int, float]:
    """(observations of either, those of both, correlation of the intensities of these)."""
    tables = [observations(out / "unmerged.mtz") for out in (one, other)]
    shared = sorted(tables[0].keys() & tables[1].keys())
    pairs = np.array([[table[key] for key in shared] for table in tables])
    return len(tables[0]), len(tables[1]), len(shared), float(np.corrcoef(pairs)[0, 1])


def observations(path: Path) -> dict[tuple[int, ...], float]:
    """(h, k, l in the asymmetric unit, place on the detector and frame, coarsely) -> scaled intensity.

    The place tells equivalent observations apart, whatever axes were chosen.
    """
    mtz = gemmi.read_mtz_file(str(path))
    x, y, frame = (mtz.column_with_label(name).array / 20 for name in ("XDET", "YDET", "BATCH"))
    place = np.column_stack([*(mtz.column_with_label(name).array for name in "HKL"), x, y, frame])
    keys = map(tuple, np.rint(place).astype(int).tolist())
    return dict(zip(keys, mtz.column_with_label("I").array.tolist(), strict=True))


def main() -> None:
    """Make, follow, process, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=250)
    parser.add_argument("--per-file", type=int, default=10)
    parser.add_argument("--rate", type=float, default=5.0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="directory for everything; a new one by default")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = asked.keep or Path(name)
        master = made(root / "set", asked.frames, asked.per_file, asked.cores)
        following, whole = [], []
        for number in range(asked.rounds):
            seconds, out = followed(master, root / f"f{number}", asked.per_file, asked.rate, asked.cores)
            following.append(seconds)
            whole.append(finished(master, root / f"w{number}", asked.cores))
            print(f"last frame to result {seconds:.1f} s; the finished set {whole[-1]:.1f} s", flush=True)
        a, b, both, cc = agreement(out, root / f"w{asked.rounds - 1}")
        ratio = statistics.median(following) / statistics.median(whole)
        print(f"{asked.frames} frames of 4M at {asked.rate:g}/s, {asked.cores} cores: ratio {ratio:.3f}")
        print(f"observations: {a} followed, {b} finished ({a / b - 1:+.2%}), {both} in both; CC {cc:.5f}")


if __name__ == "__main__":
    main()
