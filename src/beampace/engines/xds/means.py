"""What the machine, or the Slurm job around us, gives XDS to work with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from beampace.engines.xds.split import Means

HOOK = Path(__file__).parent / "hook"
"""Directory with our own `forkxds`; it comes first on PATH when there are several nodes."""

SHARE = 0.8
"""Of free memory that XDS may take where nothing else says how much it may."""


def means_of(cores: int, environment: Mapping[str, str], meminfo: str) -> Means:
    """Nodes and memory of a Slurm job, or of this machine.

    Args:
        cores: that may be used on each node.
        environment: of the process.
        meminfo: text of /proc/meminfo.
    """
    nodes = max(1, _whole(environment.get("SLURM_JOB_NUM_NODES", "1")) or 1)
    granted = _whole(environment.get("SLURM_MEM_PER_NODE", ""))
    per_core = _whole(environment.get("SLURM_MEM_PER_CPU", ""))
    if nodes > 1:  # a step that asks for more cores than the job has on its node does not start
        cores = min((cores, *_on_each(environment.get("SLURM_JOB_CPUS_PER_NODE", ""))))
    memory = granted or (per_core * cores if per_core else 0) or SHARE * _free_mb(meminfo)
    return Means(cores, nodes, float(memory))


def read_meminfo() -> str:
    """The text of /proc/meminfo, "" where there is none."""
    with suppress(OSError):
        return Path("/proc/meminfo").read_text(encoding="ascii")
    return ""


def with_hook(environment: Mapping[str, str], nodes: int) -> dict[str, str]:
    """The environment in which XDS's jobs become steps of the Slurm job, where it has several nodes."""
    if nodes <= 1:
        return dict(environment)
    return {**environment, "PATH": f"{HOOK}{os.pathsep}{environment.get('PATH', '')}"}


def _on_each(text: str) -> Iterator[int]:
    """Cores on the nodes of a job, from words such as "8(x2),4"."""
    counts = (_whole(word.partition("(")[0]) for word in text.split(","))
    return (count for count in counts if count)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _free_mb(meminfo: str) -> float:
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 1024
    return 8000.0
