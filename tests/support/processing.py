"""Running the program as a user does, on simulated data."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beampace.simulate.files import write_dataset
from beampace.simulate.options import WriteOptions
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit code, result record, where its files are, what was said."""

    exit: int
    result: dict[str, Any]
    directory: Path
    said: str

    @property
    def code(self) -> str:
        """Code of the verdict."""
        return self.result["verdict"]["code"]

    @property
    def all_words(self) -> str:
        """Words, next step and warnings of the verdict."""
        verdict = self.result["verdict"]
        return " ".join([verdict["words"], verdict["next_step"], *verdict["warnings"]])


def simulate(scenario: Scenario, directory: Path, options: WriteOptions | None = None) -> Path:
    """Write a dataset and its truth; returns the master file."""
    simulation = simulate_scan(scenario, cores=2)
    directory.mkdir(parents=True, exist_ok=True)
    simulation.truth.write(directory / scenario.name)
    return write_dataset(simulation.dataset, simulation.mask, simulation.frames, directory, options)


def process(master: Path, out: Path, *options: str, timeout: float = 1500) -> Ended:
    """`beampace process MASTER --json --out OUT ...`."""
    command = [sys.executable, "-m", "beampace", "process", str(master), "--json", "--out", str(out)]
    ended = subprocess.run(
        [*command, "--quiet", "1", *options], capture_output=True, text=True, timeout=timeout, check=False
    )
    assert ended.stdout, ended.stderr
    return Ended(ended.returncode, json.loads(ended.stdout), out, ended.stderr)
