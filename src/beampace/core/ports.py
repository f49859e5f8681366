"""Protocols at which the pure core meets the world; each has an in-memory twin here or nearby."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from beampace.core.engine import EngineRecord, Readable, Request, Tweak
from beampace.core.indexing import Opinion, Shots
from beampace.core.job import ClusterState, Ending, Resources
from beampace.core.sighting import Trouble


class Progress(Protocol):
    """Where work reports how far it is. Calls are cheap and never raise.

    `check` is the one exception: it raises `Cancelled` when somebody asked to stop.
    """

    def stage(self, name: str, total: int = 0) -> None:
        """Begin a stage of `total` frames (0: unknown)."""

    def advance(self, done: int) -> None:
        """Say how many frames of the stage are done."""

    def note(self, text: str) -> None:
        """Say one sentence, such as the reason for a second try."""

    def check(self) -> None:
        """Raise `Cancelled` when the work should stop."""


class Ahead(Protocol):
    """Work on a scan that is still being written."""

    def seen(self, readable: Readable) -> None:
        """Take note that more frames can be read; returns at once, never fails."""


class Engine(Protocol):
    """A way to get from frames to merged reflections."""

    @property
    def name(self) -> str:
        """As it is asked for."""
        ...

    @property
    def tweaks(self) -> frozenset[Tweak]:
        """Departures from the defaults that it knows, for second tries."""
        ...

    def missing(self) -> tuple[str, ...]:
        """What is not installed, as sentences that say how to get it; empty when ready.

        Raises:
            InfrastructureError: it is there and cannot be used, such as licence_expired.
        """
        ...

    def versions(self) -> dict[str, str]:
        """Program -> version, for `check` and for every result; empty when not installed."""
        ...

    def remarks(self) -> tuple[str, ...]:
        """What the beamline should know of it although it works, such as a licence that ends soon."""
        ...

    def ahead(self, request: Request) -> AbstractContextManager[Ahead]:
        """Begin on a scan that is being written; `process` within the context takes over what was done.

        Args:
            request: what will be asked for, with the dataset's own master and all announced frames.
        """
        ...

    def process(self, request: Request, progress: Progress) -> EngineRecord:
        """Carry out a request.

        Raises:
            ScienceError: the data gave no merged result.
            InfrastructureError: a program is missing, crashed, or the disk is full.
            Cancelled: `progress.check` said so; nothing it started still runs.
        """
        ...


class Indexer(Protocol):
    """A way to find the lattice of a few test shots."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Independent ways it can go about it, the quickest first."""
        ...

    def prepare(self) -> None:
        """Begin what takes time before the first question, without waiting for it; never fails."""

    def index(self, shots: Shots, method: str, check: Callable[[], None]) -> Opinion:
        """One opinion; no lattice is an opinion too.

        Args:
            shots: the question.
            method: one of `methods`.
            check: called some times a second; what it raises ends the search.

        Raises:
            InfrastructureError: a program is missing or crashed.
        """
        ...


@dataclass(slots=True)
class TruthfulIndexer:
    """In-memory indexer: answers each method with what it was given, and keeps the questions."""

    answers: Mapping[str, Opinion]
    asked: list[tuple[str, Shots]] = field(default_factory=list)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods it has answers for."""
        return tuple(self.answers)

    def prepare(self) -> None:
        """Nothing takes time."""

    def index(self, shots: Shots, method: str, check: Callable[[], None]) -> Opinion:
        """The prepared opinion."""
        check()
        self.asked.append((method, shots))
        return self.answers[method]


@dataclass(slots=True)
class RecordedProgress:
    """In-memory progress: keeps what it was told."""

    stages: list[tuple[str, int]] = field(default_factory=list)
    done: int = 0
    notes: list[str] = field(default_factory=list)

    def stage(self, name: str, total: int = 0) -> None:
        """Remember the stage."""
        self.stages.append((name, total))
        self.done = 0

    def advance(self, done: int) -> None:
        """Remember how far it is."""
        self.done = done

    def note(self, text: str) -> None:
        """Remember the sentence."""
        self.notes.append(text)

    def check(self) -> None:
        """Nobody asks an in-memory progress to stop."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """An attempt as it is given to a cluster.

    Attributes:
        key: opaque key of the job; with `attempt` it names the attempt.
        attempt: number of the attempt, from 1.
        argv: program and arguments; never a shell string.
        directory: the attempt's own directory, which exists; launcher and job leave their files in it.
        resources: what it may use.
        urgent: whether it may use what is kept free for urgent work, and a warm process.
        environment: variables added to the cluster's own environment.
    """

    key: str
    attempt: int
    argv: tuple[str, ...]
    directory: Path
    resources: Resources
    urgent: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """An opaque name of the attempt, unique in the life of the ledger."""
        return f"{self.key}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class ClusterSize:
    """What a cluster has for attempts.

    Attributes:
        nodes: machines; an attempt is on one of them.
        cores, memory_mb: of each of them.
        urgent_cores, urgent_memory_mb: of all of it, what is held for urgent attempts; 0: not said.
    """

    nodes: int
    cores: int
    memory_mb: int
    urgent_cores: int = 0
    urgent_memory_mb: int = 0


class Cluster(Protocol):
    """Where jobs run."""

    name: str

    def submit(self, spec: JobSpec) -> str:
        """Give an attempt to the cluster and return the cluster's own id of it.

        Giving the same attempt twice starts it once: the second call returns the id of the first.

        Raises:
            InfrastructureError: it was not taken; nothing of it runs.
        """
        ...

    def states(self, directories: Mapping[str, Path]) -> Mapping[str, ClusterState]:
        """States of attempts: native id -> state. A state that is not known is UNKNOWN.

        Args:
            directories: native id -> the attempt's directory.

        Raises:
            InfrastructureError: the poll failed; nothing follows from it.
        """
        ...

    def find(self, spec: JobSpec) -> str | None:
        """The id of an attempt that was submitted though nobody wrote it down, or None when it never was."""
        ...

    def fitting(self, wish: Resources, least: int, *, urgent: bool) -> int:
        """Cores with which an attempt would be taken now: at most what it wishes, at least `least`, else 0.

        It costs nothing and never raises; what is taken in the end, `submit` says.
        """
        ...

    def size(self) -> ClusterSize | None:
        """What there is for attempts at this moment; None when nobody asks or nobody knows."""
        ...

    def ending(self, native_id: str) -> Ending | None:
        """Why an attempt is gone, in the cluster's own words; None when it is not, or nobody knows."""
        ...

    def troubles(self) -> tuple[Trouble, ...]:
        """What keeps it from taking attempts, for staff."""
        ...

    def charges(self, native_ids: Iterable[str]) -> Mapping[str, float]:
        """Core-seconds by the cluster's own accounts: native id -> what is known so far. Never waits.

        Attempts of which nothing is known are left out; asking again later may give more.
        """
        ...

    def cancel(self, native_id: str, directory: Path) -> None:
        """Ask for the end of a whole process tree; returns at once, a later poll confirms it."""
        ...

    def release(self) -> None:
        """Give back all that is held beside the attempts, as at the end of a beamtime.

        Raises:
            InfrastructureError: it could not be asked; it can be asked again.
        """
        ...

    def close(self) -> None:
        """Let go of helpers; running attempts go on."""
        ...
