"""The fast engine against our `dials` engine on the same frames; run as `python benchmarks/fast_engine.py`.

One simulated sweep of 4M, both interleaved, from the finished files to the result by `beampace process`.
Prints wall and CPU seconds, their ratios, and how merged intensities agree with the truth to one resolution.
A first run of the fast engine, which compiles its kernels, is left out.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from dials_engine import Run, agreement, simulated, timed

ENGINES = ("dials", "fast")


def processed(engine: str, master: Path, directory: Path, cores: int) -> Run:
    """`beampace process` with an engine."""
    program = str(Path(sys.executable).with_name("beampace"))
    command = [program, "process", str(master), "--engine", engine, "--cores", str(cores), "--out", "out"]
    return Run(*timed([command], directory), *agreement(directory / "out" / "merged.mtz", master))


def main() -> None:
    """Simulate a sweep, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=250)
    parser.add_argument("--cores", type=int, default=2)
    asked = parser.parse_args()
    runs: dict[str, list[Run]] = {engine: [] for engine in ENGINES}
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        master = simulated(base / "raw", asked.frames, 0.0, asked.cores)
        processed("fast", master, base / "warm", asked.cores)
        for number in range(asked.rounds):
            for engine in ENGINES:
                runs[engine].append(processed(engine, master, base / f"{engine}{number}", asked.cores))
    print(f"{asked.frames} frames of 4M, {asked.cores} cores, {asked.rounds} rounds, medians")
    for engine, found in runs.items():
        wall, cpu = (statistics.median(getattr(run, what) for run in found) for what in ("wall", "cpu"))
        run = found[-1]
        print(f"  {engine:6} wall {wall:6.1f} s, CPU {cpu:6.1f} s, CC with truth {run.cc:.5f}, R {run.r:.4f}")
    for what in ("wall", "cpu"):
        pairs = zip(runs["fast"], runs["dials"], strict=True)
        ratio = statistics.median(getattr(fast, what) / getattr(dials, what) for fast, dials in pairs)
        print(f"  {what} fast / dials: {ratio:.3f}")


if __name__ == "__main__":
    main()
