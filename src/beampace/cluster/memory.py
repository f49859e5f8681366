"""A cluster without processes: the in-memory twin of `LocalCluster`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beampace.cluster.plain import PlainCluster
from beampace.core.errors import failure
from beampace.core.job import ClusterState, Ending
from beampace.core.ports import JobSpec
from beampace.core.taxonomy import Failure


@dataclass
class InMemoryCluster(PlainCluster):
    """A cluster that remembers what it was given; somebody else says how its jobs fare.

    Attributes:
        submitted: native id -> attempt, in the order given.
        known: native id -> state; QUEUED after a submit.
        cancelled: native ids asked to end, in order.
        refuse: code with which submits are refused, or None.
        refused: submits that were refused.
        lose_answer: the next submit takes the attempt and fails all the same, as when the daemon dies or the
            connection breaks before the id is written down.
        polls_fail: whether polls fail.
        ends_at_cancel: whether a cancel makes an attempt GONE by itself.
        endings: native id -> why it is gone.
        charged: native id -> core-seconds by its own accounts.
        released: how often it was asked to give back what is held.
    """

    name: str = "memory"
    submitted: dict[str, JobSpec] = field(default_factory=dict)
    known: dict[str, ClusterState] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    refuse: Failure | None = None
    refused: list[JobSpec] = field(default_factory=list)
    lose_answer: bool = False
    polls_fail: bool = False
    ends_at_cancel: bool = True
    endings: dict[str, Ending] = field(default_factory=dict)
    charged: dict[str, float] = field(default_factory=dict)
    released: int = 0
    closed: bool = False

    def submit(self, spec: JobSpec) -> str:
        """Take an attempt, once.

        Raises:
            InfrastructureError: it was told to refuse, or to lose its answer.
        """
        native_id = self._id(spec)
        if native_id in self.submitted:
            return native_id
        if self.refuse is not None:
            self.refused.append(spec)
            raise failure(self.refuse, f"The cluster in memory was told to refuse {spec.name}.")
        self.submitted[native_id] = spec
        self.known[native_id] = ClusterState.QUEUED
        if self.lose_answer:
            self.lose_answer = False
            raise failure(Failure.NODE_LOST, f"The answer about {spec.name} was lost.")
        return native_id

    def states(self, directories: Mapping[str, Path]) -> Mapping[str, ClusterState]:
        """States as they were set; UNKNOWN for what was never submitted.

        Raises:
            InfrastructureError: it was told to fail.
        """
        if self.polls_fail:
            raise failure(Failure.NODE_LOST, "The cluster in memory was told to fail its polls.")
        return {native_id: self.known.get(native_id, ClusterState.UNKNOWN) for native_id in directories}

    def find(self, spec: JobSpec) -> str | None:
        """The id of a submitted attempt, or None."""
        native_id = self._id(spec)
        return native_id if native_id in self.submitted else None

    def cancel(self, native_id: str, directory: Path) -> None:  # noqa: ARG002 (part of the protocol)
        """Remember the wish."""
        self.cancelled.append(native_id)
        if self.ends_at_cancel and native_id in self.known:
            self.known[native_id] = ClusterState.GONE

    def ending(self, native_id: str) -> Ending | None:
        """What was said of it."""
        return self.endings.get(native_id)

    def charges(self, native_ids: Iterable[str]) -> Mapping[str, float]:
        """What was written down."""
        return {one: self.charged[one] for one in native_ids if one in self.charged}

    def release(self) -> None:
        """Remember the wish."""
        self.released += 1

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def set_state(self, native_id: str, state: ClusterState) -> None:
        """Say how an attempt fares.

        Raises:
            KeyError: it was never submitted.
        """
        if native_id not in self.submitted:
            raise KeyError(native_id)
        self.known[native_id] = state

    def _id(self, spec: JobSpec) -> str:
        return f"{self.name}:{spec.name}"
