"""Rules: which work is due for a dataset, from its kind and what happened to it. A pure decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from beampace.core.dataset import DatasetKind
from beampace.core.work import Event, WorkClass, WorkName


class Rule(BaseModel):
    """When this happens to a dataset of such a kind, that work is due."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(min_length=1, max_length=64)
    """Name of the rule, for messages."""
    kinds: frozenset[DatasetKind] = Field(min_length=1)
    """Kinds of dataset it is for."""
    on: Event
    """What happens to the dataset."""
    work: WorkName
    """What is due."""
    engine: str = Field(default="", max_length=64)
    """By which engine or recipe; only for `process` and `merge`."""
    work_class: WorkClass
    """Who waits for it."""
    min_frames: int = Field(default=1, ge=0)
    """Fewest frames it is done for."""
    max_frames: int | None = Field(default=None, ge=1)
    """Most frames it is done for."""
    options: Mapping[str, Any] = {}
    """What is asked of the work, as in an order."""
    where_installed: bool = False
    """Only where its engine can be used; nothing is said where it cannot."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.max_frames is not None and self.max_frames < self.min_frames:
            raise ValueError(f"max_frames ({self.max_frames}) is below min_frames ({self.min_frames})")
        if (self.work is WorkName.PROCESS) != bool(self.engine) and self.work is not WorkName.MERGE:
            raise ValueError(f"`process` needs an engine and no other work has one (work is `{self.work}`)")
        return self


INDEXED_BY: Mapping[WorkName, str] = MappingProxyType({WorkName.STRATEGY: "dials"})
"""Engine whose indexer a work needs that is done by no engine itself."""

DEFAULT_RULES = (
    Rule(
        name="map of a grid scan",
        kinds=frozenset({DatasetKind.GRID}),
        on=Event.SEEN,
        work=WorkName.MAP,
        work_class=WorkClass.URGENT,
    ),
    Rule(
        name="look at test shots",
        kinds=frozenset({DatasetKind.SCREENING}),
        on=Event.SEEN,
        work=WorkName.LOOK,
        work_class=WorkClass.URGENT,
    ),
    Rule(
        name="strategy of test shots",
        kinds=frozenset({DatasetKind.SCREENING}),
        on=Event.SEEN,
        work=WorkName.STRATEGY,
        work_class=WorkClass.URGENT,
        max_frames=10,
    ),
    Rule(
        name="look while it is collected",
        kinds=frozenset({DatasetKind.ROTATION, DatasetKind.STILLS}),
        on=Event.SEEN,
        work=WorkName.LOOK,
        work_class=WorkClass.LIVE,
    ),
    Rule(
        name="full processing",
        kinds=frozenset({DatasetKind.ROTATION}),
        on=Event.COMPLETE,
        work=WorkName.PROCESS,
        engine="dials",
        work_class=WorkClass.FULL,
        # One frame spans no rotation. From two on, the engine itself says in words what is lacking:
        # leaving a short scan without an answer would look like a lost dataset.
        min_frames=2,
    ),
    Rule(
        name="full processing by XDS",
        kinds=frozenset({DatasetKind.ROTATION}),
        on=Event.COMPLETE,
        work=WorkName.PROCESS,
        engine="xds",
        work_class=WorkClass.FULL,
        min_frames=2,
        where_installed=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is known when something happens to a dataset.

    Attributes:
        kind: of the dataset.
        event: what happened.
        n_announced: frames the detector was armed for.
        group: whose it is.
        sample: its sample, or "".
        generation: how often it grew after it seemed finished.
        engines: names of the engines and recipes that can be used.
        n_frames: frames that are there, when that is known: an aborted scan has fewer than announced.
    """

    kind: DatasetKind
    event: Event
    n_announced: int
    group: str = ""
    sample: str = ""
    generation: int = 0
    engines: frozenset[str] = frozenset()
    n_frames: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """Work that is due, and the name of the rule that says so."""

    rule: str
    work: WorkName
    engine: str
    work_class: WorkClass
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that fits but is not carried out, and why."""

    rule: str
    work: WorkName
    engine: str
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What is due, in the order of the rules; iterating gives the works."""

    works: tuple[PlannedWork, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def __iter__(self) -> Iterator[PlannedWork]:
        return iter(self.works)

    def __len__(self) -> int:
        return len(self.works)


def decide(scenario: Scenario, rules: Sequence[Rule] = DEFAULT_RULES) -> Decision:
    """The works that are due.

    When a finished dataset grew, everything that was due for it at `seen` and `complete` is due again, as
    class `rerun`, after what rules for `grew` itself ask for. The same work is due once, by the first rule.
    """
    fitting = [rule for rule in _due(scenario, rules) if _enough(scenario, rule)]
    works: dict[str, PlannedWork] = {}
    skipped: dict[str, Skipped] = {}
    for rule in fitting:
        what = repr((rule.work, rule.engine, sorted(rule.options.items())))
        needed = rule.engine or INDEXED_BY.get(rule.work, "")
        if needed and needed not in scenario.engines:
            if rule.where_installed:
                continue
            why = f"Engine {needed} is not available."
            skipped.setdefault(what, Skipped(rule.name, rule.work, needed, why))
        else:
            works.setdefault(what, _planned(scenario, rule))
    return Decision(tuple(works.values()), tuple(skipped.values()))


def _due(scenario: Scenario, rules: Iterable[Rule]) -> list[Rule]:
    """Rules for the kind and the event."""
    kind = [rule for rule in rules if scenario.kind in rule.kinds]
    own = [rule for rule in kind if rule.on is scenario.event]
    again = [rule for rule in kind if rule.on is not Event.GREW] if scenario.event is Event.GREW else []
    return own + again


def _enough(scenario: Scenario, rule: Rule) -> bool:
    frames = scenario.n_announced if scenario.n_frames is None else scenario.n_frames
    return rule.min_frames <= frames and (rule.max_frames is None or frames <= rule.max_frames)


def _planned(scenario: Scenario, rule: Rule) -> PlannedWork:
    again = scenario.event is Event.GREW and rule.on is not Event.GREW
    work_class = WorkClass.RERUN if again else rule.work_class
    return PlannedWork(rule.name, rule.work, rule.engine, work_class, rule.options)
