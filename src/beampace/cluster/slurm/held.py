"""Nodes that are kept: allocations held open, in which urgent attempts are steps that start at once.

An allocation is a job that only waits. It has an opaque name of its own, so that a daemon that starts again
finds the ones its predecessor made. Shortly before its time is up another is asked for, nothing new is
started in the old one, and it is given back when its last step has ended.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm.script import LAUNCHER_MB, MARGIN_S, MEMORY_MARGIN, OUTPUT_FILE
from beampace.cluster.slurm.squeue import Seen
from beampace.cluster.slurm.states import fate_of
from beampace.core.job import ClusterState, Resources
from beampace.core.sighting import Trouble

PREFIX = "bph-"
"""Of the names of all our allocations."""
HOLD = b"#!/bin/bash\nexec sleep infinity\n"
LATE_S = 60.0
"""Seconds after which an allocation that still waits is worth a word."""
ASK_AGAIN_S = 20.0
"""Seconds until an allocation that was asked for and is not in the queue's answers is asked for again."""
GIVE_BACK_AGAIN_S = 5.0
"""Seconds after which one that was given back and is still there is given back again."""


@dataclass(frozen=True, slots=True)
class HeldSettings:
    """What is kept.

    Attributes:
        allocations: how many, each of one node or a part of one; 0: none is kept.
        cores, memory_mb: of each, for the steps; memory 0: as much as the queue gives.
        time_s: for how long each is asked for.
        renew_s: seconds before its end at which the next one is asked for.
        everything: whether all attempts are steps, as where nodes are not shared; else only urgent ones are.
        exclusive: whether each is a whole node.
    """

    allocations: int = 0
    cores: int = 4
    memory_mb: int = 8000
    time_s: int = 8 * 3600
    renew_s: int = 1800
    everything: bool = False
    exclusive: bool = False


Key = tuple[str, str]
"""Reservation and partition."""


@dataclass(slots=True)
class _Allocation:
    job: int
    state: ClusterState
    ends: float
    since: float
    words: str = ""
    stuck: bool = False
    key: Key = ("", "")
    given_back: float = float("-inf")
    used: dict[str, Resources] = field(default_factory=dict)


@dataclass(slots=True)
class HeldPool:
    """The allocations of one daemon. No I/O: it says what to ask for and where there is room.

    Attributes:
        place: the daemon's directory, whose digest is in the names of its allocations.
        settings: what is kept; another layout of the site changes it.
        clock: monotonic seconds.
        key: reservation and partition in which allocations are asked for now.
    """

    place: Path
    settings: HeldSettings = HeldSettings()
    clock: Callable[[], float] = time.monotonic
    key: Key = ("", "")
    _known: dict[int, _Allocation] = field(default_factory=dict)
    _homes: dict[str, int] = field(default_factory=dict)
    _asked: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The opaque name of all allocations of this daemon."""
        return PREFIX + hashlib.sha256(str(self.place).encode(errors="surrogateescape")).hexdigest()[:16]

    def look(self, answer: Mapping[str, tuple[Seen, ...]]) -> None:
        """Take in an answer of the queue: which allocations there are, and which steps run in which."""
        for seen in answer.get(self.name, ()):
            fate = fate_of(seen.state, seen.reason)
            state = fate.state
            ends = self.clock() + (self.settings.time_s if seen.left_s is None else seen.left_s)
            known = self._known.get(seen.job)
            if known is None and state in (ClusterState.QUEUED, ClusterState.RUNNING):
                self._known[seen.job] = _Allocation(
                    seen.job, state, ends, self.clock(), fate.words, fate.stuck, self.key
                )
                self._asked = self._asked[1:]
            elif known is not None:
                known.words, known.stuck = fate.words, fate.stuck
                if state is not known.state:
                    known.state, known.ends = state, ends
        listed = {seen.job for seen in answer.get(self.name, ())}
        alive = {job: one for job, one in self._known.items() if one.state is not ClusterState.GONE}
        self._known = {job: one for job, one in alive.items() if job in listed}

    def to_ask_for(self) -> int:
        """How many allocations have to be asked for now."""
        now = self.clock()
        self._asked = [at for at in self._asked if now - at < ASK_AGAIN_S]
        good = sum(not (self._ageing(one) or self._vain(one)) for one in self._known.values())
        return max(0, self.settings.allocations - good - len(self._asked))

    def asked(self) -> None:
        """One was asked for."""
        self._asked.append(self.clock())

    def refused(self) -> None:
        """The last one that was asked for was refused: it never comes."""
        self._asked = self._asked[:-1]

    def to_give_back(self, *, all_of_them: bool = False) -> tuple[int, ...]:
        """Allocations to be given back now: old ones without steps and those that never begin, or all."""
        late = self.clock() - GIVE_BACK_AGAIN_S
        return tuple(
            job
            for job, one in self._known.items()
            if one.given_back <= late
            and (all_of_them or self._vain(one) or (self._ageing(one) and not one.used))
        )

    def gave_back(self, jobs: Iterable[int]) -> None:
        """These were given back; nothing is started there any more."""
        for job in jobs:
            self._known[job].given_back = self.clock()

    def room(self, wish: Resources) -> int | None:
        """The allocation in which a step of this size has room now, or None; the fullest that fits.

        One whose end is near is taken last: its successor may have the same node, and wait for it.
        """
        fitting = [one for one in self._known.values() if self._fits(one, wish)]
        best = min(fitting, key=lambda one: (self._ageing(one), self._free_cores(one)), default=None)
        return None if best is None else best.job

    def fitting(self, wish: Resources, least: int) -> int:
        """Cores that a step would get now: at most what it wishes, at least `least`, or 0."""
        free = (self._free_cores(one) for one in self._known.values() if self._fits(one, wish, least))
        return min(wish.cores, max(free, default=0))

    def troubles(self) -> tuple[Trouble, ...]:
        """What staff should know of allocations that do not come."""
        waiting = [one for one in self._known.values() if one.state is ClusterState.QUEUED]
        late = [one for one in waiting if self.clock() - one.since > LATE_S]
        if not late or len(late) < self.settings.allocations:
            return ()
        why = late[0].words or "The queue does not say why."
        words = f"No node could be held for {LATE_S:.0f} s. {why}"
        return (
            Trouble("slurm", words, "Ask the staff of the cluster why job " + str(late[0].job) + " waits."),
        )

    def take(self, job: int, name: str, wish: Resources) -> None:
        """A step was started there."""
        self._homes[name] = job
        if job in self._known:
            self._known[job].used[name] = wish

    def home(self, name: str) -> int | None:
        """The allocation in which a step was started, 0 for none; None: that is to be said by `at_home`."""
        return self._homes.get(name)

    def at_home(self, name: str, job: int) -> None:
        """A predecessor started a step there, or in none that is known (0)."""
        self._homes[name] = job

    def keep(self, names: Iterable[str]) -> None:
        """Forget others than these: where they were started, and what they used."""
        kept = set(names)
        self._homes = {name: job for name, job in self._homes.items() if name in kept}
        for one in self._known.values():
            one.used = {name: wish for name, wish in one.used.items() if name in kept}

    def adopt(self, job: int, name: str, wish: Callable[[], Resources]) -> None:
        """A step that somebody else started runs there; it is asked once what it may use."""
        if job in self._known and name not in self._known[job].used:
            self._known[job].used[name] = wish()

    def free(self, names: Iterable[str]) -> None:
        """These attempts have ended."""
        for one in self._known.values():
            for name in names:
                one.used.pop(name, None)

    def _fits(self, one: _Allocation, wish: Resources, least: int | None = None) -> bool:
        if one.state is not ClusterState.RUNNING or one.given_back > float("-inf"):
            return False
        memory = sum(used.memory_mb for used in one.used.values()) + wish.memory_mb
        enough = not self.settings.memory_mb or memory <= self.settings.memory_mb
        # One that may take longer than any allocation lasts is started all the same, in a fresh one.
        time_s = min(wish.time_s + MARGIN_S, self.settings.time_s - self.settings.renew_s)
        cores = wish.cores if least is None else min(least, wish.cores)
        return enough and self._free_cores(one) >= cores and one.ends - self.clock() >= time_s

    def _free_cores(self, one: _Allocation) -> int:
        return self.settings.cores - sum(used.cores for used in one.used.values())

    def _vain(self, one: _Allocation) -> bool:
        """Whether it never begins, or waits in a reservation that is not the one any more."""
        return one.stuck or (one.state is ClusterState.QUEUED and one.key != self.key)

    def _ageing(self, one: _Allocation) -> bool:
        """Whether it runs and its end is near."""
        return one.state is ClusterState.RUNNING and one.ends - self.clock() < self.settings.renew_s


def hold_argv(
    name: str, granted: OnlineResources, settings: HeldSettings, extra: tuple[str, ...]
) -> tuple[str, ...]:
    """The command that asks for an allocation; its input is `HOLD`."""
    memory = math.ceil(settings.memory_mb * MEMORY_MARGIN) + LAUNCHER_MB * settings.cores
    given = {
        "--partition": granted.partition,
        "--reservation": granted.reservation,
        "--job-name": name,
        "--comment": name,
        "--time": str(math.ceil(settings.time_s / 60)),
        "--mem": f"{memory}M" if settings.memory_mb else "0",
    }
    named = tuple(f"{key}={value}" for key, value in given.items() if value)
    size = (f"--cpus-per-task={settings.cores}", "--nodes=1", "--ntasks=1")
    whole = ("--exclusive",) if settings.exclusive else ()
    fixed = ("--parsable", "--no-requeue", "--chdir=/", "--output=/dev/null")
    return ("sbatch", *fixed, *size, *whole, *named, *extra)


def step_argv(
    job: int, name: str, wish: Resources, directory: PurePosixPath, command: tuple[str, ...]
) -> tuple[str, ...]:
    """The command that runs a step in an allocation.

    Args:
        job: the allocation.
        name: opaque name of the attempt.
        wish: what the step may use.
        directory: the attempt's directory as the node sees it.
        command: what runs there.
    """
    memory = math.ceil(wish.memory_mb * MEMORY_MARGIN) + LAUNCHER_MB
    output = str(directory / OUTPUT_FILE).replace("%", "%%")
    return (
        "srun",
        f"--jobid={job}",
        "--overlap",
        "--exact",
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={wish.cores}",
        *([f"--mem={memory}M"] if wish.memory_mb else []),
        f"--job-name={name}",
        f"--chdir={directory}",
        f"--output={output}",
        "--open-mode=append",
        "--input=none",
        *command,
    )
