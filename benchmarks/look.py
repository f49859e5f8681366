"""Look against the fastest decoder and against DIALS's spot finder; run as `python benchmarks/look.py`.

Prints ratios of one run: everything on the same frames, interleaved, medians, one core unless said.
The decoder is bitshuffle's own, from hdf5plugin, called bare: the fastest at hand. Frames: EIGER2 X 16M,
uint32, bslz4, background 0.1 and 1 counts per pixel, a simulated crystal with over 300 spots.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hdf5plugin
import numpy as np
import numpy.typing as npt

from beampace.analysis import Analyser, Setup
from beampace.eiger import CHILD_ENVIRONMENT, open_read
from beampace.eiger.bitshuffle import decoder
from beampace.simulate.background import Background
from beampace.simulate.defects import Defects
from beampace.simulate.files import write_dataset
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan

Frame = npt.NDArray[np.uint32]
WORKER = """
import json, logging, os, sys, time
logging.disable(logging.CRITICAL)
from dials.command_line.find_spots import phil_scope
from dials.util.options import ArgumentParser
from dials.array_family import flex
from dxtbx.model.experiment_list import ExperimentListFactory
params, _ = ArgumentParser(phil=phil_scope).parse_args(["nproc=1"], show_diff_phil=False)
experiments = ExperimentListFactory.from_filenames([sys.argv[1]])
answers, sys.stdout = sys.stdout, open(os.devnull, "w")
for line in sys.stdin:
    image = int(line)
    params.spotfinder.scan_range = [(image, image)]
    begin = time.perf_counter()
    found = flex.reflection_table.from_observations(experiments, params)
    print(json.dumps([time.perf_counter() - begin, len(found)]), file=answers, flush=True)
"""


class WarmDials:
    """`dials.find_spots` in a process that stays: all is loaded before timing."""

    def __init__(self, master: Path) -> None:
        environment = {**os.environ, **CHILD_ENVIRONMENT, "HDF5_PLUGIN_PATH": hdf5plugin.PLUGINS_PATH}
        self._process = subprocess.Popen(
            ["/usr/bin/python3", "-c", WORKER, str(master)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def find(self, number: int) -> tuple[float, int]:
        """Seconds and spots of one frame."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        seconds, spots = json.loads(self._process.stdout.readline())
        return float(seconds), int(spots)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=60)


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def chunks_of(master: Path, n_frames: int) -> list[bytes]:
    """The compressed frames."""
    data = sorted(master.parent.glob("*_data_*.h5"))
    chunks: list[bytes] = []
    for path in data:
        with open_read(path) as handle:
            dataset = handle["entry/data/data"]
            chunks += [bytes(dataset.id.read_direct_chunk((k, 0, 0))[1]) for k in range(dataset.shape[0])]
    return chunks[:n_frames]


class Station:
    """One thread's buffer and analyser."""

    def __init__(self, setup: Setup) -> None:
        found = decoder()
        if found is None:
            raise SystemExit("hdf5plugin's bitshuffle does not export its decoder: nothing to compare with")
        self._decoder = found
        self.buffer = np.zeros(setup.shape, np.uint32)
        self.analyser = Analyser(setup)

    def decode(self, chunk: bytes) -> None:
        """Decode into the buffer."""
        # The first 12 bytes are HDF5's: raw size and block size. Nothing is checked here.
        block = int.from_bytes(chunk[8:12], "big") // 4
        source = np.frombuffer(chunk, np.uint8).ctypes.data + 12
        self._decoder(source, self.buffer.ctypes.data, self.buffer.size, 4, block)

    def look(self, chunk: bytes) -> int:
        """Decode and analyse; returns the spots."""
        self.decode(chunk)
        return self.analyser.analyse(self.buffer, 1).n_spots


def measure(level: float, n_frames: int, rounds: int, *, dials: bool) -> dict[str, float]:
    """All numbers for one background."""
    directory = Path(tempfile.mkdtemp(prefix="beampace-benchmark-"))
    try:
        scenario = Scenario(
            name="bench", detector="EIGER2 X 16M", n_frames=n_frames, width=0.2, distance=180.0,
            background=Background(level=level), photons=2500.0, defects=Defects(),
        )  # fmt: skip
        simulation = simulate_scan(scenario)
        master = write_dataset(simulation.dataset, simulation.mask, simulation.frames, directory)
        setup = Setup.make(simulation.dataset.detector, simulation.dataset.beam, simulation.mask)
        return compare(setup, master, chunks_of(master, n_frames), rounds, dials=dials)
    finally:
        shutil.rmtree(directory)


def compare(setup: Setup, master: Path, chunks: list[bytes], rounds: int, *, dials: bool) -> dict[str, float]:
    """Interleaved timings of decoding, looking and DIALS; one core, then two."""
    one, two = Station(setup), Station(setup)
    spots = [station.look(chunks[0]) for station in (one, two)]
    peer = WarmDials(master) if dials else None
    if peer:
        peer.find(1)
    times: dict[str, list[float]] = {name: [] for name in ("decode", "look", "dials", "decode2", "look2")}
    for turn in range(rounds):
        chunk = chunks[turn % len(chunks)]
        times["decode"].append(timed(lambda chunk=chunk: one.decode(chunk)))
        times["look"].append(timed(lambda chunk=chunk: one.look(chunk)))
        if peer and turn % 4 == 0:
            times["dials"].append(peer.find(turn % len(chunks) + 1)[0])
        if turn % 2 == 0:
            times["decode2"].append(speed_up((one, two), chunks, "decode"))
            times["look2"].append(speed_up((one, two), chunks, "look"))
    if peer:
        peer.close()
    middle = {name: statistics.median(values) for name, values in times.items() if values}
    return {**middle, "spots": float(spots[0])}


def speed_up(stations: tuple[Station, Station], chunks: Sequence[bytes], what: str) -> float:
    """Speed of two threads over that of one, on the same frames."""
    alone = timed(lambda: [getattr(stations[0], what)(chunk) for chunk in chunks])
    with ThreadPoolExecutor(2) as pool:

        def share(index: int) -> None:
            for chunk in chunks[index::2]:
                getattr(stations[index], what)(chunk)

        together = timed(lambda: list(pool.map(share, (0, 1))))
    return alone / together


def main() -> None:
    """Print a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--no-dials", action="store_true")
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        # Libraries read it when they are loaded: begin again.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OMP_NUM_THREADS": "1"})
    for level in (0.1, 1.0):
        found = measure(level, options.frames, options.rounds, dials=not options.no_dials)
        print(f"16M bslz4 uint32, background {level} counts/pixel, {found['spots']:.0f} spots")
        print(f"  decode {found['decode'] * 1e3:.1f} ms, decode and look {found['look'] * 1e3:.1f} ms")
        print(f"  look / decode                {found['look'] / found['decode']:6.2f}   (wanted <= 2.5)")
        if "dials" in found:
            print(f"  dials.find_spots / look      {found['dials'] / found['look']:6.1f}   (wanted >= 20)")
        print(f"  2 cores: look {found['look2']:.2f}, decode {found['decode2']:.2f} times faster;", end=" ")
        print(f"ratio {found['look2'] / found['decode2']:.2f} (wanted >= 0.9)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
