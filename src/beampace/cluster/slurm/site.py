"""A site as Slurm describes it, from the text of its programs: pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from beampace.cluster.slurm.squeue import seconds

Record = Mapping[str, str]
"""What `scontrol -o show ...` says of one thing."""

_KEY = re.compile(r"(?:^|(?<=\s))([A-Z][A-Za-z0-9_:/]*)=")
_SETTING = re.compile(r"^(\w+)\s*=\s(.*)$", re.M)
_CLOCK = re.compile(r"^Configuration data as of ([0-9]{1,12})$", re.M)
_VERSION = re.compile(r"\b([0-9]+\.[0-9]+(?:\.[0-9]+)?(?:-[A-Za-z0-9.]+)?)")
_OUT = frozenset(("DOWN", "DRAIN", "DRAINED", "DRAINING", "ERROR", "FAIL", "FAILING", "FUTURE", "UNKNOWN"))
_OUT |= {"NOT_RESPONDING", "NO_RESPOND", "INVAL", "INVALID_REG"}
"""States of a node that takes no jobs."""


@dataclass(frozen=True, slots=True)
class Site:
    """A site as Slurm describes it.

    Attributes:
        exclusive: whether a job gets whole nodes; None: not known.
        nodes: names of the nodes that take jobs: those of the reservation, without one those of the
            partition. Empty: not known, or none does.
        cores: that a job may have on each of them (Slurm's CPUs): the smallest; 0: not known.
        memory_mb: the same for memory, in MB; 0: not known.
        most_time_s: longest time limit of the partition, in seconds; 0: no bound, or not known.
        default_time_s: its time limit of a job that names none, in seconds; 0: none, or not known.
        reservation_ends_s: seconds from now to the end of the reservation by the controller's clock; negative
            after it. None: not known, or there is no reservation.
        version: of Slurm, such as "22.05.8"; "": not known.
        accounting: whether `sacct` answers; None: not known.
    """

    exclusive: bool | None = None
    nodes: tuple[str, ...] = ()
    cores: int = 0
    memory_mb: int = 0
    most_time_s: int = 0
    default_time_s: int = 0
    reservation_ends_s: float | None = None
    version: str = ""
    accounting: bool | None = None


def parse_records(text: str) -> tuple[Record, ...]:
    """The things that `scontrol -o show ...` lists, one a line.

    A value goes on to the next ` Key=`, because some have spaces. Of a key that comes twice the first counts:
    free text, such as the reason of a drained node, comes last.
    """
    found = (_record(line) for line in text.split("\n"))
    return tuple(record for record in found if record)


def _record(line: str) -> Record:
    keys = list(_KEY.finditer(line))
    record: dict[str, str] = {}
    for key, following in zip_longest(keys, keys[1:]):
        end = len(line) if following is None else following.start()
        record.setdefault(key[1], line[key.end() : end].strip())
    return record


def parse_config(text: str) -> Record:
    """The settings that `scontrol show config` lists."""
    return {name: value.strip() for name, value in _SETTING.findall(text)}


def clock_of(text: str) -> float | None:
    """When the controller gave its configuration, in seconds since 1970 by its own clock, or None."""
    found = _CLOCK.search(text)
    return float(found[1]) if found else None


def version_of(text: str) -> str:
    """The version in text such as `slurm-wlm 22.05.8`, or ""."""
    found = _VERSION.search(text)
    return found[1] if found else ""


def whole_nodes(config: Record, partition: Record) -> bool | None:
    """Whether jobs of a partition get whole nodes; None when it cannot be said.

    With the plug-in select/linear they do even where OverSubscribe is NO; with the others only where it is
    EXCLUSIVE (slurm.conf, OverSubscribe).
    """
    shared = partition.get("OverSubscribe", partition.get("Shared", "")).split(":")[0].upper()
    if shared in ("EXCLUSIVE", "YES", "FORCE"):
        return shared == "EXCLUSIVE"
    kind = config.get("SelectType", "")
    return kind == "select/linear" if shared == "NO" and kind else None


def where(partition: Record, reservation: Record) -> str:
    """The expression of the nodes that jobs go to: of the reservation, without one of the partition."""
    named = (one.get("Nodes", "") for one in (reservation, partition))
    return next((nodes for nodes in named if nodes not in ("", "(null)")), "")


def ends_in(reservation: Record, now: float | None) -> float | None:
    """Seconds from now (since 1970) to the end of a reservation, or None."""
    end = reservation.get("EndTime", "")
    return int(end) - now if now is not None and end.isascii() and end.isdigit() else None


def time_limit(partition: Record, key: str) -> int:
    """A time limit of a partition in seconds; 0 for none, UNLIMITED, or one that is not known."""
    return seconds(partition.get(key, "")) or 0


@dataclass(frozen=True, slots=True)
class Sizes:
    """Nodes that take jobs, and the cores and memory (MB) that a job may have on each; 0: not known."""

    nodes: tuple[str, ...]
    cores: int
    memory_mb: int


def sizes(nodes: Iterable[Record], partition: Record) -> Sizes:
    """Those of some nodes that take jobs, within the bounds that a partition sets per node."""
    good = [node for node in nodes if takes_jobs(node)]
    return Sizes(
        tuple(node.get("NodeName", "") for node in good),
        _least([_cores(node) for node in good], partition.get("MaxCPUsPerNode", "")),
        _least([_memory_mb(node) for node in good], partition.get("MaxMemPerNode", "")),
    )


def takes_jobs(node: Record) -> bool:
    """Whether a node is neither down nor being drained. `*` is one that does not answer."""
    state = node.get("State", "UNKNOWN").upper()
    words = {word.strip("~#!%$@^-") for word in state.split("+")}
    return not (words & _OUT or any(word.endswith("*") for word in words))


def _cores(node: Record) -> int:
    """Without those that Slurm keeps for the system (CPUEfctv, since 22.05)."""
    return _number(node.get("CPUEfctv", "")) or _number(node.get("CPUTot", ""))


def _memory_mb(node: Record) -> int:
    return max(0, _number(node.get("RealMemory", "")) - _number(node.get("MemSpecLimit", "")))


def _least(values: Sequence[int], bound: str) -> int:
    most = _number(bound)
    return min((*values, most) if most and values else values, default=0)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
