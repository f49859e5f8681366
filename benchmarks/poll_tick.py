"""Ticks of the watch over a beamtime of 500 datasets and 100,000 frames: how long they take, and memory.

Three parts: a start over the whole tree (every master is read), a scan that runs while a new dataset
appears every few seconds, and rest. For the second part the delay from the appearance of a master to its
sighting is given too. Data files are sparse: the watch lists them and never opens them.

Run: `python benchmarks/poll_tick.py [datasets] [frames each] [frames per file] [seconds]`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

import numpy as np

from beampace.core.sighting import Sighting
from beampace.simulate.layouts import data_name, write_master
from beampace.simulate.options import WriteOptions
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.watch import Identifier, Watch, WatchSettings

TICK_S = 0.2
FILE_BYTES = 25_000_000
SCENARIO = Scenario(name="lyso", detector="EIGER2 X 1M", n_frames=1, width=0.1, photons=10)


class Beamtime:
    """Writes masters and data files."""

    def __init__(self, raw: Path, n_frames: int, per_file: int) -> None:
        self.raw, self.n_frames, self.per_file = raw, n_frames, per_file
        self.dataset = simulate_scan(SCENARIO, 1).dataset
        fast, slow = self.dataset.detector.image_size
        self.mask = np.zeros((slow, fast), np.uint32)
        self.n_files = -(-n_frames // per_file)

    def master(self, number: int) -> Path:
        """The master of dataset `number`, with all its links; five runs a sample, two samples a user."""
        sample, run = f"lyso{number // 5}", number % 5 + 1
        directory = self.raw / f"user{number // 10}" / sample / f"rotational_{run:03d}"
        directory.mkdir(parents=True)
        name = f"{sample}_{run}"
        taken = datetime(2026, 5, 4, tzinfo=UTC) + timedelta(minutes=number)
        scan = replace(self.dataset.scan, starts=tuple(0.1 * i for i in range(self.n_frames)))
        dataset = replace(self.dataset, name=name, scan=scan, n_announced=self.n_frames, collected=taken)
        path = directory / f"{name}_master.h5"
        part = directory / f".{path.name}.part"
        write_master(part, dataset, self.mask, WriteOptions(images_per_file=self.per_file))
        part.rename(path)
        return path

    def data(self, master: Path, order: int) -> None:
        """Data file `order` of a dataset."""
        with (master.parent / data_name(master.name.removesuffix("_master.h5"), order)).open("wb") as stream:
            stream.truncate(FILE_BYTES)

    def whole(self, number: int) -> None:
        """A finished dataset."""
        master = self.master(number)
        for order in range(1, self.n_files + 1):
            self.data(master, order)


class Ticks:
    """Runs ticks and keeps how long they took and when masters were sighted."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.seconds: list[float] = []
        self.sighted: dict[str, float] = {}
        self.last: tuple[Sighting, ...] = ()

    def run(self, what: str, done: Callable[[], bool], between: Callable[[], None] | None = None) -> None:
        """Tick at the daemon's pace until done, and print."""
        self.seconds = []
        begin, cpu = time.monotonic(), time.process_time()
        while not done():
            start = time.monotonic()
            tick = self.watch.tick()
            self.seconds.append(tick.seconds)
            self.sighted.update({s.path: time.monotonic() for s in tick.sightings})
            if between:
                between()
            time.sleep(max(0.0, start + TICK_S - time.monotonic()))
        wall = time.monotonic() - begin
        self._print(what, wall, (time.process_time() - cpu) / wall)

    def _print(self, what: str, wall: float, cpu: float) -> None:
        times = [1e3 * seconds for seconds in self.seconds]
        p95 = quantiles(times, n=20)[-1]
        print(
            f"{what:<28}{len(times):>5} ticks  median {median(times):6.1f} ms  p95 {p95:6.1f} ms  "
            f"worst {max(times):6.1f} ms  {wall:5.1f} s  {100 * cpu:3.0f} % of a core  {memory_mb():6.1f} MB"
        )


def memory_mb() -> float:
    """Memory this process holds now."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def main(n: int = 500, n_frames: int = 200, per_file: int = 25, seconds: int = 20) -> None:
    """Make the tree, then run the three parts."""
    with tempfile.TemporaryDirectory() as directory:
        raw = Path(directory).resolve() / "raw"
        raw.mkdir()
        beamtime = Beamtime(raw, n_frames, per_file)
        for number in range(n):
            beamtime.whole(number)
        identifier = Identifier()
        ticks = Ticks(Watch(raw, WatchSettings(), identifier))
        frames = n * n_frames
        print(
            f"{n} datasets, {frames} frames, {n * beamtime.n_files} data files; {memory_mb():.1f} MB before"
        )
        ticks.run("start", lambda: len(ticks.sighted) >= n)
        scan(beamtime, ticks, n, seconds)
        until = time.monotonic() + seconds
        ticks.run("rest", lambda: time.monotonic() > until)
        ticks.watch.close()
        identifier.close()


def scan(beamtime: Beamtime, ticks: Ticks, n: int, seconds: int) -> None:
    """A data file each tick, and a new dataset when one is whole."""
    made: dict[str, float] = {}
    state = {"number": n, "order": beamtime.n_files, "master": beamtime.raw}

    def step() -> None:
        number, order = int(str(state["number"])), int(str(state["order"]))
        if order >= beamtime.n_files:
            master = beamtime.master(number)
            made[str(master)] = time.monotonic()
            state.update(number=number + 1, order=0, master=master)
        else:
            beamtime.data(Path(str(state["master"])), order + 1)
            state["order"] = order + 1

    until = time.monotonic() + seconds
    ticks.run("a scan runs", lambda: time.monotonic() > until, step)
    delays = [1e3 * (ticks.sighted[path] - moment) for path, moment in made.items() if path in ticks.sighted]
    print(f"{len(delays)} new masters sighted after {median(delays):.0f} ms, worst {max(delays):.0f} ms")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
