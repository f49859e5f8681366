"""Test shots of EIGER2 X 16M to a strategy; run as `python benchmarks/strategy.py`.

Prints medians in seconds, with DIALS's worker warm (its session began before): from the moment the files of
2, 3 and 4 simulated shots can be read until `strategy.json` is there (asked: <= 5 s), and until the second
opinion stands in it (asked: <= 15 s); and what the first took by its parts. The first run of a process also
loads kernels: it is not counted, as a warm worker has them loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from beampace.cli.numba_cache import choose, shipped_directory
from beampace.core.taxonomy import Exit
from beampace.engines.dials import DialsIndexer
from beampace.simulate.files import write_dataset
from beampace.simulate.options import InfoFile, WriteOptions
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.work.cancel import Switch
from beampace.work.strategy import StrategyOptions, strategy

DETECTOR, DISTANCE, WIDTH, INTERVAL = "EIGER2 X 16M", 200.0, 0.2, 45.0
TICK_S = 0.005
AS_P11 = WriteOptions(images_per_file=1, info=InfoFile.AFTER, patch=True, patch_delay=0.0)


@dataclass(slots=True)
class Watched:
    """Seconds from the beginning until `strategy.json` was there, and until it had a second opinion."""

    first: float = 0.0
    second: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self, path: Path, began: float) -> None:
        """Look at the file until it is complete, or the work is over."""
        while not self.second and not self.over.is_set():
            time.sleep(TICK_S)
            if not path.exists():
                continue
            self.first = self.first or time.perf_counter() - began
            if json.loads(path.read_text())["second_opinion"] is not None:
                self.second = time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of one run: to both writings, and of the parts of the first."""

    first: float
    second: float
    read: float
    index: float
    plan: float


def shots(directory: Path, frames: int) -> Path:
    """Write test shots as P11 does, each in a file of its own; returns the master."""
    made = simulate_scan(
        Scenario(
            name="shots",
            detector=DETECTOR,
            distance=DISTANCE,
            width=WIDTH,
            interval=INTERVAL,
            n_frames=frames,
        ),
        2,
    )
    return write_dataset(made.dataset, made.mask, made.frames, directory, AS_P11)


def run(master: Path, out: Path, indexer: DialsIndexer) -> Run:
    """One strategy of files that are there.

    Raises:
        SystemExit: there was none.
    """
    watched, began = Watched(), time.perf_counter()
    thread = threading.Thread(target=watched.watch, args=(out / "strategy.json", began))
    thread.start()
    finished = strategy(StrategyOptions((master,), out=out, patience_s=0.0), indexer, Switch())
    if finished.exit != Exit.RESULT:
        watched.over.set()
        raise SystemExit(f"no strategy: {finished.result.verdict.words}")
    thread.join()
    took = finished.result.timing
    return Run(watched.first, watched.second, took["read"], took["index"], took["plan"])


def report(frames: int, runs: list[Run]) -> None:
    """One line of medians."""
    first, second, read, index, plan = (
        statistics.median(getattr(one, name) for one in runs)
        for name in ("first", "second", "read", "index", "plan")
    )
    worst = max(one.first for one in runs), max(one.second for one in runs)
    print(
        f"{frames} shots: strategy.json {first:.2f} s (worst {worst[0]:.2f}; asked <= 5), "
        f"second opinion {second:.2f} s (worst {worst[1]:.2f}; asked <= 15); "
        f"look {read:.2f}, index {index:.2f}, plan {plan:.2f}"
    )


def main() -> None:
    """Simulate, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shots", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--cores", type=int, default=2)
    asked = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.cores])
    choose(os.environ, shipped_directory())
    with tempfile.TemporaryDirectory(prefix="strategy-") as name, closing(DialsIndexer()) as indexer:
        base = Path(name)
        masters = {frames: shots(base / f"raw_{frames}", frames) for frames in asked.shots}
        began = time.perf_counter()
        version = indexer.warm_up(lambda: None)
        print(
            f"{DETECTOR}, {WIDTH:g} degrees a shot, {asked.cores} cores, medians of {asked.rounds}; {version}"
        )
        print(f"DIALS ready in {time.perf_counter() - began:.1f} s, not counted")
        run(masters[asked.shots[0]], base / "unmeasured", indexer)
        runs: dict[int, list[Run]] = {frames: [] for frames in asked.shots}
        for number in range(asked.rounds):
            for frames, master in masters.items():
                runs[frames].append(run(master, base / f"out_{frames}_{number}", indexer))
        for frames, measured in runs.items():
            report(frames, measured)


if __name__ == "__main__":
    main()
