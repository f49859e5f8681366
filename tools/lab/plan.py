"""What a laboratory shall be: its size, its accounts, its ports."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PORTS_FROM = 11000
PORTS_TO = 31000
"""Below the range from which the system gives ports to clients, who might take one before it is used."""
TRIES = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """A laboratory.

    Attributes:
        beamtime: id of its beamtime; also the reservation's name.
        accounts: Unix accounts of the beamtime; the first is the one in the metadata.
        nodes: number of nodes, named cn01, cn02 and so on; each has its own slurmd.
        cores, memory_mb: what each node says it has. Nothing enforces it: there are no cgroups.
        reserved: number of nodes in the reservation, counted from the first.
        shared: whether the metadata name the partition whose nodes are shared between jobs.
        rest: with slurmrestd and tokens.
        accounting: with slurmdbd and MariaDB.
    """

    beamtime: str = "11019999"
    accounts: tuple[str, ...] = ("bttest04", "bttest05")
    nodes: int = 4
    cores: int = 8
    memory_mb: int = 16000
    reserved: int = 3
    shared: bool = False
    rest: bool = True
    accounting: bool = False

    @property
    def node_names(self) -> tuple[str, ...]:
        """All nodes."""
        return tuple(f"cn{number:02d}" for number in range(1, self.nodes + 1))

    @property
    def reserved_nodes(self) -> tuple[str, ...]:
        """The nodes in the reservation."""
        return self.node_names[: self.reserved]

    @property
    def partition(self) -> str:
        """The partition in the metadata."""
        return SHARED if self.shared else EXCLUSIVE


EXCLUSIVE = "ponline_p11"
"""The partition that gives whole nodes to a job."""
SHARED = "pshared_p11"
"""The partition that gives cores and memory."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports."""

    slurmctld: int
    slurmdbd: int
    slurmrestd: int
    sshd: int
    slurmd: tuple[int, ...]


def free_ports(nodes: int) -> Ports:
    """A block of ports that nobody listens on.

    Raises:
        OSError: none was found.
    """
    for _ in range(TRIES):
        first = random.randrange(PORTS_FROM, PORTS_TO)  # noqa: S311 - no secret
        block = range(first, first + 4 + nodes)
        if all(_is_free(port) for port in block):
            return Ports(block[0], block[1], block[2], block[3], tuple(block[4:]))
    raise OSError(f"No free block of {4 + nodes} ports between {PORTS_FROM} and {PORTS_TO}.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def write(path: Path, plan: Plan, ports: Ports) -> None:
    """Keep plan and ports for whoever opens the laboratory later."""
    path.write_text(
        json.dumps({"plan": asdict(plan), "ports": asdict(ports)}, indent=2) + "\n", encoding="utf-8"
    )


def read(path: Path) -> tuple[Plan, Ports]:
    """What `write` kept.

    Raises:
        OSError: it is not there.
    """
    text = json.loads(path.read_text(encoding="utf-8"))
    return Plan(**_tuples(text["plan"])), Ports(**_tuples(text["ports"]))


def _tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
