"""Cold against warm starts of the local cluster; run as `python benchmarks/start_latency.py`.

Prints, from one run, interleaved, medians in milliseconds: from `submit` to the first line of a function
whose program imports what `beampace job` imports for `look` and `map`; and from `submit` to the first frame
opened by a real `beampace job` order, as its `progress.json` says (two simulated EIGER2 1M frames, already
there). The ratio cold : warm is what a standby process is worth.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from beampace.cli.numba_cache import choose, shipped_directory
from beampace.cluster import LocalCluster, Standby, read_exit
from beampace.core.job import ClusterState, Resources
from beampace.core.ports import JobSpec
from beampace.core.work import WorkName
from beampace.simulate.files import write_dataset
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.work.order import Order

JOB = (sys.executable, "-P", "-m", "beampace")
FIRST_LINE = (sys.executable, "-P", "-m", "first_line")
LOADED = ("beampace.cli.main", "beampace.cli.job", "beampace.work.look", "beampace.work.map")
MODULE = f"import {', '.join(LOADED)}, pathlib, time\n" + (
    "def main():\n    pathlib.Path('first').write_text(str(time.monotonic()))\n"
    "if __name__ == '__main__':\n    main()\n"
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    choose(os.environ, shipped_directory())
    with tempfile.TemporaryDirectory(prefix="start-latency-") as name:
        measure(Path(name), rounds)


def measure(root: Path, rounds: int) -> None:
    """Interleave cold and warm starts."""
    (root / "first_line.py").write_text(MODULE)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    standby = Standby(
        (*LOADED, "beampace.cli.warm:warm_command"),
        {JOB: "beampace.cli.main:run", FIRST_LINE: "first_line:main"},
    )
    cold = LocalCluster(root / "cold", environment=environment)
    began = time.monotonic()
    warm = LocalCluster(root / "warm", environment=environment, standby=standby)
    wait(lambda: not warm.states({}) and warm.standby == "ready", "the standby process")
    print(f"the standby process is ready after {time.monotonic() - began:.1f} s")
    master = simulated(root / "raw" / "scan")
    clusters = {"cold": cold, "warm": warm}
    report("first line of the function", clusters, rounds, lambda cluster: first_line(cluster, root))
    report("first frame of a look order", clusters, rounds, lambda cluster: look(cluster, root, master))
    warm.close()


def report(
    what: str, clusters: dict[str, LocalCluster], rounds: int, run: Callable[[LocalCluster], float]
) -> None:
    """Print medians of both and their ratio."""
    seconds: dict[str, list[float]] = {name: [] for name in clusters}
    for _ in range(rounds):
        for name, cluster in clusters.items():
            seconds[name].append(run(cluster))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    worst = {name: max(values) for name, values in seconds.items()}
    text = ", ".join(
        f"{name} {1000 * medians[name]:.0f} (worst {1000 * worst[name]:.0f})" for name in clusters
    )
    print(f"submit -> {what}: {text} ms; cold : warm = {medians['cold'] / medians['warm']:.1f}")


def first_line(cluster: LocalCluster, root: Path) -> float:
    """Seconds from submit to the first line of the function."""
    directory = Path(tempfile.mkdtemp(dir=root))
    began = time.monotonic()
    run(cluster, directory, FIRST_LINE)
    return float((directory / "first").read_text()) - began


def look(cluster: LocalCluster, root: Path, master: Path) -> float:
    """Seconds from submit to the first frame opened by a `beampace job`, by its `progress.json`."""
    directory = Path(tempfile.mkdtemp(dir=root))
    order = Order(
        key=directory.name,
        attempt=1,
        work=WorkName.LOOK,
        master=master,
        raw=root / "raw",
        results=root / "processed" / directory.name,
    )
    path = order.write(directory)
    began = datetime.now(tz=UTC)
    run(cluster, directory, (*JOB, "job", str(path)))
    (progress,) = order.results.rglob("progress.json")
    opened = datetime.fromisoformat(json.loads(progress.read_text())["first_frame_at"])
    return (opened - began).total_seconds()


def run(cluster: LocalCluster, directory: Path, argv: tuple[str, ...]) -> None:
    """Run an attempt to its end."""
    spec = JobSpec(directory.name, 1, argv, directory, Resources(), urgent=True)
    native_id = cluster.submit(spec)
    wait(lambda: cluster.states({native_id: directory})[native_id] is ClusterState.GONE, str(argv))
    record = read_exit(directory)
    if record is None or record.exit != 0:
        raise SystemExit(f"{argv} ended with {record}: {(directory / 'output.txt').read_text()}")


def wait(true: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + 120.0
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within 120 s")
        time.sleep(0.01)


def simulated(directory: Path) -> Path:
    """A small dataset; returns its master file."""
    directory.mkdir(parents=True)
    simulation = simulate_scan(replace(Scenario(), n_frames=2))
    return write_dataset(simulation.dataset, simulation.mask, simulation.frames, directory)


if __name__ == "__main__":
    main()
