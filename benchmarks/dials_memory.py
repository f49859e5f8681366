"""Memory of `beampace process` with the `dials` engine, all its processes together.

Run: `python benchmarks/dials_memory.py [--frames 900] [--cores 2]`: a sweep of 4M at 0.2 degrees. Prints the
highest sum of proportional set sizes (pages that processes share count once) in samples of half a second.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from beampace.simulate.files import write_dataset
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan

PROGRAM = str(Path(sys.executable).with_name("beampace"))
SAMPLE_S = 0.5
BASE_MB, PER_CORE_MB = 2000, 600


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found


def used_mb(pid: int) -> float:
    """Sum of the proportional set sizes of a process and all below it."""
    total = 0
    for one in family(pid):
        with suppress(OSError):
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def main() -> None:
    """Simulate, process, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=900)
    parser.add_argument("--cores", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        scenario = Scenario(name="memory", detector="EIGER2 X 4M", n_frames=asked.frames, width=0.2)
        scan = simulate_scan(scenario, asked.cores)
        master = write_dataset(scan.dataset, scan.mask, scan.frames, base / "raw")
        command = [PROGRAM, "process", str(master), "--cores", str(asked.cores), "--out", str(base / "out")]
        started, most = time.perf_counter(), 0.0
        program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while program.poll() is None:
            most = max(most, used_mb(program.pid))
            time.sleep(SAMPLE_S)
        if program.returncode:
            raise RuntimeError((base / "out" / "log.txt").read_text())
        allowed = BASE_MB + PER_CORE_MB * asked.cores
        print(
            f"{asked.frames} frames of 4M, {asked.cores} cores: {most:.0f} MB at most (asked: {allowed} MB), "
            f"{time.perf_counter() - started:.0f} s"
        )


if __name__ == "__main__":
    main()
