"""A site for the replay on Slurm: its programs wait for faults, and some need more than they get."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from beampace.core.dataset import DatasetKind
from beampace.core.taxonomy import Failure
from beampace.simulate.beamtime.played import PlayedDataset
from tests.support.invariant import Works
from tests.support.replay import EVERY_FRAME
from tests.support.slurm_holds import Holds
from tests.support.slurm_site import SlurmSite

HASTY = "hasty"
HASTY_S = 6.0
"""Seconds that the recipe for stills grants."""
MEMORY_MB = 400
"""Of the recipe for scans, for the first attempt; each further one that ran out of it gets twice as much."""
READER = '''"""Reads every frame; waits, lingers or takes memory where the test wants it."""

import json
import os
import sys
import time
from pathlib import Path

BEGAN = time.monotonic()
here = Path(__file__).parent
companion, out, name, read_s = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
task = json.loads((here / "tasks.json").read_text()).get(name, "")
first = not list(out.parents[1].glob(f"process_*/{out.name}/began"))
(out / "began").touch()


def held():
    """What is waited for, if this is one of those that wait for it."""
    note = {"attempt": "BEAMPACE_ATTEMPT", "node": "SLURMD_NODENAME", "job": "SLURM_JOB_ID"}
    note = {key: os.environ[name] for key, name in note.items()}
    attempt = int(note["attempt"].rpartition("-")[2])
    for armed in sorted((here / "armed").iterdir()):
        most, latest = map(int, armed.read_text().split())
        for number in range(most if attempt <= latest else 0):
            path = here / "notes" / f"{armed.name}-{number}"
            try:
                file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            except FileExistsError:
                continue
            os.write(file, json.dumps({**note, "pid": os.getpid()}).encode())
            return armed.name
    return ""


fault = held() if out.name == "every_frame" and not task else ""
import h5py
import hdf5plugin

number = 0
with h5py.File(companion, "r", locking=False) as handle:
    for entry in sorted(entry for entry in handle["entry/data"] if entry.startswith("data_")):
        try:
            number += sum(1 for frame in handle["entry/data"][entry])
        except (KeyError, OSError):
            continue
taken = []
for _ in range({"greedy": 10, "hog": 80}.get(task, 0)):
    taken.append(b"x" * 50_000_000)
    time.sleep(0.1)
if task == "late" or (task == "late once" and first):
    time.sleep(600)
while fault and not (here / "struck" / fault).exists():
    time.sleep(0.1)
(out / "counts.json").write_text(json.dumps({"frames": number}))
time.sleep(max(0.0, read_s - (time.monotonic() - BEGAN)))
'''


@dataclass(frozen=True)
class FaultySite(SlurmSite):
    """Where it takes place.

    Attributes:
        tasks: name of a dataset -> how its work fares: `greedy` needs more memory than it gets at first,
            `hog` more than it ever gets; `late once` and `late` take too long; `last` runs when the beamtime
            ends.
    """

    tasks: Mapping[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        super().prepare()
        recipes = self.base / "recipes"
        (recipes / "read_frames.py").write_text(READER)
        (recipes / "tasks.json").write_text(json.dumps({n: t for n, t in self.tasks.items() if t != "last"}))
        (recipes / f"{EVERY_FRAME}.toml").write_text(self._recipe(EVERY_FRAME, 5, 6.0))
        (recipes / f"{HASTY}.toml").write_text(self._recipe(HASTY, 1, HASTY_S / 60))
        self.holds.prepare()

    @property
    def holds(self) -> Holds:
        """Where programs wait."""
        return Holds(self.base / "recipes")

    def _recipe(self, name: str, cores: int, minutes: float) -> str:
        program = self.base / "recipes/read_frames.py"
        return f"""schema = "recipe-1"
name = "{name}"
kinds = ["rotation", "stills"]
command = ["{self.python}", "{program}", "{{companion}}", "{{out}}", "{{name}}", "{self.read_s}"]
read = "exit"
required = ["counts"]
[resources]
cores = {cores}
memory_mb = {MEMORY_MB}
minutes = {minutes}
[results]
counts = "counts.json"
"""

    @property
    def rules(self) -> tuple[tuple[str, str, str, str, str, str, int], ...]:
        hasty = ("read stills", "stills", "complete", "process", HASTY, "full", 1)
        return (*super().rules, hasty)

    def expected(self, dataset: PlayedDataset) -> Works:
        stills = {("process", HASTY)} if dataset.kind == DatasetKind.STILLS else set()
        return (super().expected(dataset) | stills) - self.fails(dataset).keys()

    def fails(self, dataset: PlayedDataset) -> Mapping[tuple[str, str], str]:
        found = {
            "hog": {("process", EVERY_FRAME): Failure.OUT_OF_MEMORY.value},
            "late": {("process", HASTY): Failure.TIMED_OUT.value},
            "last": {("process", EVERY_FRAME): Failure.BEAMTIME_CLOSED.value},
        }
        return found.get(self.tasks.get(dataset.name, ""), {})
