"""`make demo-slurm`: the small beamtime of `make demo`, on a Slurm cluster and as the beamtime user."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from beampace.cli.demo import numbered, played
from beampace.cli.demo_results import exit_of_all, overview, results_below
from beampace.cli.guard import available_cores, guarded
from beampace.work import Switch
from tools.lab import running
from tools.lab.interpreter import kernels, shared_python
from tools.lab.lab import Lab, run
from tools.lab.plan import Plan
from tools.lab.processes import until

PLAN = Plan(nodes=3, reserved=2, cores=2, memory_mb=6000)
"""Two exclusive nodes that together claim twice what a small machine has."""

CONFIGURATION = """state_dir = "{state}"

[beamtime]
roots = ["{current}"]

[cluster]
kind = "slurm"

[cluster.slurm]
known_hosts = "{known_hosts}"
port = {port}
node_base = "{node_base}"
python = "/usr/bin/python3"
program = ["{python}"]
setup = ["export NUMBA_CACHE_DIR={kernels}"]
scratch = ["/tmp"]
scratch_mb = 100
grace_s = 1.0
"""


def demo(words: argparse.Namespace) -> int:
    """Carry out the command; returns the exit code."""
    console = Console()

    def play_it(switch: Switch) -> int:
        began = time.monotonic()
        place = numbered(words.directory)
        with _laboratory() as lab, _played(lab, console, switch):
            _tell(lab, console)
            shutil.copytree(lab.place.files(lab.plan.beamtime) / "processed", place / "processed")
            (lab.place.current / lab.metadata.name).unlink()
            console.print("The beamtime is stopped: its metadata file is gone.")
            until(lambda: not lab.queue(), "nothing is left in the queue", 60.0)
            console.print("The nodes are given back: nothing is left in the queue.")
        shown = results_below(place / "processed")
        console.print(overview(shown))
        console.print(Text(f"Look at {place / 'processed' / 'index.html'}"), soft_wrap=True)
        console.print(f"The demonstration took {time.monotonic() - began:.0f} s.", highlight=False)
        return exit_of_all(shown)

    return guarded(Console(stderr=True), play_it)


@contextmanager
def _laboratory() -> Iterator[Lab]:
    """A laboratory that lasts as long as the block, and goes with everything it made."""
    root = Path(tempfile.mkdtemp(prefix="bp-demo-", dir="/tmp"))
    try:
        lab = running.start(root, PLAN, owned=True)
        try:
            yield lab
        finally:
            running.stop(lab)
    finally:
        shutil.rmtree(root)


@contextmanager
def _played(lab: Lab, console: Console, switch: Switch) -> Iterator[None]:
    """The beamtime on the laboratory, with its daemon."""
    files, base = lab.place.files(lab.plan.beamtime), lab.place.root / "site"
    base.mkdir(mode=0o700)
    config = base / "beampace.toml"
    config.write_text(_configuration(lab, base / "state"), encoding="utf-8")
    lab.announce()
    console.print(
        f"A Slurm cluster with {lab.plan.nodes} nodes runs in {lab.place.root}; beamtime {lab.plan.beamtime} "
        f"has {lab.plan.reserved} of them, account {lab.user}.",
        soft_wrap=True,
    )
    serve = ("--config", str(config))
    with played(files, base / "state", serve, available_cores(), console, switch):
        yield


def _configuration(lab: Lab, state: Path) -> str:
    return CONFIGURATION.format(
        state=state,
        current=lab.place.current,
        known_hosts=lab.known_hosts,
        port=lab.ssh_port,
        node_base=lab.place.node_base,
        python=shared_python(lab),
        kernels=kernels(lab),
    )


def _tell(lab: Lab, console: Console) -> None:
    """What Slurm itself says, and what each group used."""
    said = lab.run(["squeue", "-h", "--states=all", "-o", "job %i of %u on %N: %T, %C cores for %M"]).stdout
    console.print(Text(f"What the queue says:\n{said.strip()}"))
    state = lab.place.root / "site" / "state"
    report = [str(Path(shared_python(lab))), "-m", "beampace", "report", "--state-dir", str(state)]
    console.print(Text(run(report, {}).stdout.strip()), soft_wrap=True)
