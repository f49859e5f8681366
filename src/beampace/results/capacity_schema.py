"""The published record of `beampace capacity`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["bounded", "limit", "growing"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ClassOutcome(_Record):
    """What happens to the work of one class."""

    of: str
    """Class: urgent, live, full, rerun."""
    n: int
    """Jobs, of all repeats."""
    median_s: float
    """Lag, seconds from the last frame to the result: median."""
    p95_s: float
    """95th percentile."""
    worst_s: float
    """Worst."""
    load: float
    """Work asked for per what the class can get; above 1 the lag must grow."""
    slope: float
    """Seconds by which the backlog grows per second of data taking, and its 95 % confidence limits."""
    slope_low: float
    """Lower limit."""
    slope_high: float
    """Upper limit."""
    behind_s: float
    """Backlog when data taking ends: seconds of work left."""
    state: State
    """Whether the lag stays bounded."""


class NodesOutcome(_Record):
    """What happens with so many nodes."""

    nodes: int
    """Nodes."""
    cores: int
    """Cores of all of them."""
    state: State
    """That of the class that fares worst."""
    load: float
    """The highest load of a class."""
    load_of_all: float
    """All work asked for per all cores, as if none were kept for urgent and live work."""
    kept_cores: int
    """Cores that full processing may not use."""
    in_time: float
    """Share of processing results that are there before another scan of the same length would have ended."""
    classes: tuple[ClassOutcome, ...]
    """By class, the most pressing first."""
    behind_s: tuple[float, ...]
    """Backlog in the course of data taking, at even distances: mean of the repeats, worst class."""


class EngineNeed(_Record):
    """What an engine needs to be as fast as data taking."""

    engine: str
    """Engine, or `look` for no processing."""
    nodes: int | None = None
    """Fewest nodes that keep the lag bounded; None: not within the limit of the search."""
    p95_s: float | None = None
    """95th percentile of the lag with so many."""
    in_time: float | None = None
    """Share of results that are there before another scan of the same length would have ended."""
    pace_nodes: int | None = None
    """Fewest nodes with which that share is 95 % or more; None: no number of nodes does."""
    shortest_s: float
    """Shortest lag of a job that waits for nobody."""
    words: str
    """The same in words."""


class LagCompared(_Record):
    """The lag of a class as it was, beside the simulated one."""

    of: str
    """Class."""
    n: int
    """Jobs measured."""
    measured_median_s: float
    """Median lag as it was."""
    measured_p95_s: float
    """95th percentile as it was."""
    simulated_median_s: float
    """Median of the simulation."""
    simulated_p95_s: float
    """95th percentile of the simulation."""


class CapacityAnswer(_Record):
    """What a cluster can bear."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    schema_: Literal["capacity-result/1"] = Field(default="capacity-result/1", alias="schema")
    """Version of this record."""
    title: str
    """Of the beamtime."""
    hours: float
    """Hours of data taking."""
    collections: float
    """Datasets, mean of the repeats."""
    seed: int
    """Chooses all that is random."""
    repeats: int
    """How often it was simulated."""
    described_nodes: int
    """Nodes of the description."""
    needed_nodes: int | None
    """Fewest nodes that keep the lag of every class bounded; None: not within the limit of the search."""
    outcomes: tuple[NodesOutcome, ...]
    """By number of nodes: described, needed, and one more or less."""
    engines: tuple[EngineNeed, ...]
    """What each engine needs."""
    believed: tuple[str, ...]
    """Work for which nothing was measured: the daemon's beliefs stand in."""
    compared: tuple[LagCompared, ...] = ()
    """Lags of the ledger beside simulated ones."""
    words: str
    """The answer in words."""
