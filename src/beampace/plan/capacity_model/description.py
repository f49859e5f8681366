"""Description of a beamtime: what is collected, on which cluster, by which rules, and what work has cost."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from beampace.core.dataset import DatasetKind
from beampace.core.work import WorkName
from beampace.plan.capacity import Capacity, usual_capacity
from beampace.plan.rules import DEFAULT_RULES, Rule

SCHEMA = "capacity-1"
MOST_COLLECTIONS = 50_000
"""Collections of one simulated run beyond which it would take minutes."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_. -]{1,64}$")]


class Table(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class ClusterTable(Table):
    """The cluster, and how the daemon uses it."""

    nodes: int = Field(ge=1, le=1000)
    """Nodes."""
    cores_per_node: int = Field(ge=1, le=4096)
    """Cores of a node; no job is spread over two."""
    memory_mb_per_node: int = Field(default=500_000, ge=256)
    """Memory of a node, MB."""
    urgent_cores: int | None = Field(default=None, ge=0)
    """Cores of the whole cluster that only urgent work may use; by default a quarter, as the daemon's."""
    live_cores: int | None = Field(default=None, ge=0)
    """Further cores that only urgent and live work may use; by default an eighth, as the daemon's."""
    order: Literal["newest", "oldest"] = "newest"
    """Which dataset of a group goes first: `newest` is the daemon's order, `oldest` that of a plain queue,
    which knows no groups either."""
    seen_s: float = Field(default=0.5, ge=0, le=3600)
    """Seconds from the beginning of a scan to the moment at which work that follows it may start."""
    notice_s: float = Field(default=0.5, ge=0, le=3600)
    """Seconds from the last frame to the moment at which work that needs all frames may start."""
    start_s: float = Field(default=0.5, ge=0, le=3600)
    """Seconds from the decision to start a job to its first frame; its cores are taken meanwhile."""
    end_s: float = Field(default=0.2, ge=0, le=3600)
    """Seconds from the end of a job to the moment at which its result can be seen."""

    def capacity(self, nodes: int) -> Capacity:
        """What the daemon would divide if there were so many nodes.

        Raises:
            ValueError: what is kept for urgent and live work leaves nothing.
        """
        usual = usual_capacity(nodes * self.cores_per_node, nodes * self.memory_mb_per_node)
        urgent = usual.urgent_cores if self.urgent_cores is None else self.urgent_cores
        live = usual.live_cores if self.live_cores is None else self.live_cores
        return Capacity(
            usual.cores,
            usual.memory_mb,
            urgent,
            usual.urgent_memory_mb if urgent else 0,
            live,
            usual.live_memory_mb if live else 0,
        )


class CollectionTable(Table):
    """Datasets of one sort."""

    name: Name
    """What people call it."""
    kind: DatasetKind
    """Its kind."""
    frames: int = Field(ge=1, le=10_000_000)
    """Frames of one."""
    frame_time_s: float = Field(gt=0, le=3600)
    """Seconds per frame."""
    per_hour: float = Field(gt=0, le=3600)
    """How many an hour."""
    rhythm: Literal["regular", "random"] = "regular"
    """`regular`: at equal distances; `random`: independently of each other (a Poisson process)."""
    pause_s: float = Field(default=0.0, ge=0, le=3600)
    """Seconds after its last frame before the detector can take the next dataset of any sort."""
    images_per_file: int = Field(default=1000, ge=1)
    """Frames that become readable together, when their file is closed."""
    groups: tuple[Name, ...] = Field(default=("beamtime",), min_length=1)
    """Groups that take turns."""
    from_h: float = Field(default=0.0, ge=0)
    """Hour at which it begins."""
    to_h: float | None = Field(default=None, gt=0)
    """Hour at which it ends; by default that of the beamtime."""

    @property
    def lasts_s(self) -> float:
        """Seconds from its first frame to its last."""
        return self.frames * self.frame_time_s


class EngineTable(Table):
    """What the measured costs of an engine do not say."""

    cores: int | None = Field(default=None, ge=1, le=4096)
    """Cores it always asks for, as a recipe does; by default the daemon decides from the costs."""
    memory_mb: int = Field(default=2000, ge=1)
    """Memory it asks for with `cores`, MB."""
    follows: bool = False
    """It works while the scan runs; look, map and the engine `fast` do so anyway."""
    serial: float = Field(default=0.0, ge=0, le=1)
    """Share of the measured time that more cores do not shorten."""
    variation: float = Field(default=0.0, ge=0, le=2)
    """Relative standard deviation of its time beyond that of the costs themselves (log-normal)."""


class CostTable(Table):
    """What one job was measured to cost: what the daemon's ledger keeps of each attempt."""

    work: WorkName
    """What was done."""
    engine: str = Field(default="", max_length=64)
    """By which engine."""
    frames: int = Field(ge=1)
    """Frames it worked on."""
    core_seconds: float = Field(gt=0)
    """Processor time, seconds."""
    seconds: float = Field(gt=0)
    """Wall time, seconds."""
    max_rss_mb: float = Field(default=0.0, ge=0)
    """Largest memory, MB."""
    cores: int = Field(ge=1)
    """Cores it was given."""


class Description(Table):
    """A beamtime to simulate."""

    schema_: Literal["capacity-1"] = Field(alias="schema")
    """Version of this format."""
    title: str = Field(default="", max_length=200)
    """What it is, for people."""
    hours: float = Field(default=12.0, gt=0, le=240)
    """How long data are taken."""
    cluster: ClusterTable
    """The cluster."""
    collections: tuple[CollectionTable, ...] = Field(min_length=1)
    """What is collected."""
    rules: tuple[Rule, ...] | None = None
    """What is done for which dataset, as in the daemon's configuration; by default the daemon's rules."""
    engines: dict[str, EngineTable] = {}
    """Engine or work (`look`, `map`...) -> what its costs do not say."""
    costs: tuple[CostTable, ...] = ()
    """What work was measured to cost; what is missing is taken from the beliefs of the daemon."""
    compare: tuple[Name, ...] = ()
    """Engines of which each is tried in the place of all others; `look` stands for no processing at all."""

    @property
    def rules_used(self) -> tuple[Rule, ...]:
        """Its rules, or the daemon's."""
        everywhere = tuple(rule for rule in DEFAULT_RULES if not rule.where_installed)
        return everywhere if self.rules is None else self.rules

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        self._check_windows()
        self._check_detector()
        try:
            self.cluster.capacity(self.cluster.nodes)
        except ValueError as error:
            raise ValueError(f"cluster.urgent_cores, cluster.live_cores: {error}") from error
        return self

    def _check_windows(self) -> None:
        for number, one in enumerate(self.collections):
            end = self.hours if one.to_h is None else one.to_h
            if not one.from_h < end <= self.hours:
                raise ValueError(
                    f"collections.{number} ({one.name}): from_h {one.from_h:g} and to_h {end:g} must rise and"
                    f" lie within hours = {self.hours:g}"
                )
        total = sum(one.per_hour * self.hours for one in self.collections)
        if total > MOST_COLLECTIONS:
            raise ValueError(f"collections: {total:.0f} are more than {MOST_COLLECTIONS}; shorten hours")

    def _check_detector(self) -> None:
        """One detector takes one dataset at a time."""
        windows = [(c.from_h, self.hours if c.to_h is None else c.to_h, c) for c in self.collections]
        edges = sorted({edge for low, high, _ in windows for edge in (low, high)})
        for low, high in pairwise(edges):
            taken = [c for begin, end, c in windows if begin <= low and high <= end]
            busy = sum(c.per_hour * (c.lasts_s + c.pause_s) for c in taken)
            if busy > 3600 * (1 + 1e-6):
                raise ValueError(
                    f"collections.per_hour: from hour {low:g} to {high:g} the detector would be busy for"
                    f" {busy:.0f} s of every 3600 s"
                )


def json_schema() -> dict[str, Any]:
    """The published schema of a description."""
    return Description.model_json_schema(by_alias=True)
