"""Attempts of a cluster, as real processes."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from beampace.cluster import LocalCluster
from beampace.cluster.launcher import MARK_DIRECTORY, all_processes
from beampace.core.job import ClusterState, Resources
from beampace.core.ports import JobSpec

PATIENCE_S = 20.0


def wait_for(true: Callable[[], object], what: str = "it") -> None:
    """Wait until something holds, by the clock and not by hope."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen in {PATIENCE_S} s"
        time.sleep(0.01)


def processes_of(directory: Path) -> list[int]:
    """Pids of everything that carries a mark of an attempt below `directory`."""
    mark = f"{MARK_DIRECTORY}={directory}".encode()
    return [pid for pid in all_processes() if mark in environment_of(pid)]


def environment_of(pid: int) -> bytes:
    """The environment of a process as the kernel shows it."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def alive(pid: int) -> bool:
    """Whether a process runs (and is no zombie)."""
    return pid in all_processes()


@dataclass
class Attempts:
    """Makes attempts in directories of their own."""

    root: Path
    cluster: LocalCluster
    made: list[JobSpec] = field(default_factory=list)

    def spec(self, *argv: str, urgent: bool = False, **limits: int) -> JobSpec:
        directory = self.root / f"job{len(self.made)}-1"
        directory.mkdir()
        spec = JobSpec(f"job{len(self.made)}", 1, argv, directory, Resources(**limits), urgent)
        self.made.append(spec)
        return spec

    def python(self, code: str, **limits: int) -> JobSpec:
        return self.spec(sys.executable, "-c", textwrap.dedent(code), **limits)

    def state(self, spec: JobSpec, cluster: LocalCluster | None = None) -> ClusterState:
        native_id = f"local:{spec.name}"
        return (cluster or self.cluster).states({native_id: spec.directory})[native_id]

    def wait_gone(self, spec: JobSpec, cluster: LocalCluster | None = None) -> None:
        wait_for(lambda: self.state(spec, cluster) is ClusterState.GONE, f"the end of {spec.name}")

    def wait_file(self, spec: JobSpec, name: str) -> str:
        path = spec.directory / name
        wait_for(lambda: path.exists() and path.read_text(), f"{path}")
        return path.read_text()

    def clean(self) -> None:
        """Leave nothing behind, whatever a test did."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for spec in self.made:
                self.cluster.cancel(f"local:{spec.name}", spec.directory)
            pids = processes_of(self.root)
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            if not pids:
                break
        self.cluster.close()
