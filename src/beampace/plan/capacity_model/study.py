"""How many nodes keep the lag bounded, what one more or less changes, and what each engine needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from statistics import fmean

from beampace.core.dataset import DatasetKind
from beampace.core.work import Event, WorkClass, WorkName
from beampace.plan.capacity_model.description import Description, EngineTable
from beampace.plan.capacity_model.outcome import Trial, judged_work, outcome
from beampace.plan.capacity_model.steadiness import LOAD
from beampace.plan.capacity_model.tasks import follows, measured
from beampace.plan.rules import Rule
from beampace.plan.sizing import percentile
from beampace.results.capacity_schema import CapacityAnswer, EngineNeed, NodesOutcome

MOST_NODES = 64
ENOUGH = 0.95
"""Share of results in time that counts as keeping pace."""
LOOK_ONLY = "look"


@dataclass(slots=True)
class Search:
    """Outcomes by number of nodes, each simulated once.

    Attributes:
        trial: how it is simulated.
        most: nodes beyond which nothing is tried.
    """

    trial: Trial
    most: int = MOST_NODES
    known: dict[int, NodesOutcome | None] = field(default_factory=dict)

    def at(self, nodes: int) -> NodesOutcome | None:
        """The outcome; None where so few nodes leave nothing beside what is kept."""
        if nodes not in self.known:
            try:
                self.trial.description.cluster.capacity(nodes)
            except ValueError:
                self.known[nodes] = None
            else:
                self.known[nodes] = outcome(self.trial, nodes)
        return self.known[nodes]

    def least(self, good: Callable[[NodesOutcome], bool], near: int) -> int | None:
        """Fewest nodes that are good, looked for from `near` on; more of them are taken to be no worse."""

        def fine(nodes: int) -> bool:
            found = self.at(nodes)
            return found is not None and good(found)

        nodes = max(1, min(near, self.most))
        while nodes <= self.most and not fine(nodes):
            nodes += 1
        if nodes > self.most:
            return None
        while nodes > 1 and fine(nodes - 1):
            nodes -= 1
        return nodes

    def bounded(self) -> int | None:
        """Fewest nodes that keep the lag of every class bounded."""
        described = self.trial.description.cluster.nodes
        found = self.at(described)
        near = int(found.load * described) + 1 if found else described
        return self.least(_bounded, near) if near <= self.most else None


def _bounded(found: NodesOutcome) -> bool:
    return found.state == "bounded"


def _in_pace(found: NodesOutcome) -> bool:
    return found.state == "bounded" and found.in_time >= ENOUGH


def study(trial: Trial, most: int = MOST_NODES) -> CapacityAnswer:
    """The whole answer.

    Args:
        trial: the beamtime and how it is simulated.
        most: nodes beyond which nothing is tried.
    """
    description, search = trial.description, Search(trial, most)
    described, needed = description.cluster.nodes, search.bounded()
    wanted = {n + more for n in (described, needed) if n is not None for more in (-1, 0, 1)}
    outcomes = [search.at(nodes) for nodes in sorted(wanted) if nodes >= 1]
    engines = tuple(engine_need(_search_with(search, engine), engine) for engine in description.compare)
    return CapacityAnswer(
        title=description.title,
        hours=description.hours,
        collections=fmean(len(trial.collected(repeat)) for repeat in range(trial.repeats)),
        seed=trial.seed,
        repeats=trial.repeats,
        described_nodes=described,
        needed_nodes=needed,
        outcomes=tuple(found for found in outcomes if found),
        engines=engines,
        believed=believed(description, trial.rules),
        words=_words(search.at(described), described, needed, most),
    )


def engine_need(search: Search, engine: str) -> EngineNeed:
    """What one engine needs when it does all processing.

    Args:
        search: of the beamtime with that engine.
        engine: its name.
    """
    trial, most, nodes = search.trial, search.most, search.bounded()
    alone = [max(0.0, one.lag) for one in judged_work(trial.play(most, 0))]
    if not alone:
        words = "The rules plan no such work for what is collected."
        return EngineNeed(engine=engine, shortest_s=0.0, words=words)
    shortest = min(alone)
    found = None if nodes is None else search.at(nodes)
    if nodes is None or found is None:
        words = f"More than {_nodes(most)} are needed to keep the lag bounded."
        return EngineNeed(engine=engine, shortest_s=shortest, words=words)
    judged = judged_work(one for repeat in range(trial.repeats) for one in trial.play(nodes, repeat))
    pace = _pace(search, nodes, found.in_time)
    scans = [one.task.scan_s for one in judged] or [0.0]
    return EngineNeed(
        engine=engine,
        nodes=nodes,
        p95_s=percentile([max(0.0, one.lag) for one in judged], 0.95) if judged else 0.0,
        in_time=found.in_time,
        pace_nodes=pace,
        shortest_s=shortest,
        words=_need_words(nodes, pace, found.in_time, shortest, (min(scans), max(scans))),
    )


def _pace(search: Search, nodes: int, share: float) -> int | None:
    """Fewest nodes that keep pace; plenty of them tell first whether any number does."""
    if share >= ENOUGH:
        return nodes
    plenty = search.at(min(search.most, 4 * nodes + 4))
    return search.least(_in_pace, nodes + 1) if plenty and _in_pace(plenty) else None


def _search_with(search: Search, engine: str) -> Search:
    """The search for an engine; the one there is, where that engine does all processing anyway."""
    trial = search.trial
    rules = rules_with(trial.description, trial.rules, engine)
    return search if rules == trial.rules else Search(replace(trial, rules=rules), search.most)


def rules_with(description: Description, rules: tuple[Rule, ...], engine: str) -> tuple[Rule, ...]:
    """The rules with one engine for all processing of rotation scans, or with none."""
    others = tuple(rule for rule in rules if rule.work is not WorkName.PROCESS)
    if engine == LOOK_ONLY:
        return others
    table = description.engines.get(engine, EngineTable())
    live = follows(table, WorkName.PROCESS, engine)
    mine = [rule for rule in rules if rule.work is WorkName.PROCESS]
    if all(rule.engine == engine and (rule.on is Event.SEEN) == live for rule in mine) and len(mine) == 1:
        return rules
    return (
        *others,
        Rule(
            name=f"processing by {engine}",
            kinds=frozenset({DatasetKind.ROTATION}),
            on=Event.SEEN if live else Event.COMPLETE,
            work=WorkName.PROCESS,
            engine=engine,
            work_class=WorkClass.LIVE if live else WorkClass.FULL,
            min_frames=min((rule.min_frames for rule in mine), default=2),
        ),
    )


def believed(description: Description, rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """Work of datasets of the description for which there is no cost."""
    kinds, known = {one.kind for one in description.collections}, measured(description)
    due = {(rule.work, rule.engine) for rule in rules if rule.kinds & kinds}
    return tuple(
        sorted(f"{work.value} {engine}".strip() for work, engine in due if (work, engine) not in known)
    )


def _words(found: NodesOutcome | None, described: int, needed: int | None, most: int) -> str:
    here = {
        "growing": "the lag grows for as long as data are taken",
        "limit": "the lag is at its limit: nothing is left for a bad hour",
        "bounded": "the lag stays bounded",
    }
    first = f"With {_nodes(described)} " + (here[found.state] if found else "nothing is left for work") + "."
    if found and found.state != "bounded" and found.load_of_all < LOAD:
        first += f" {found.kept_cores} of {found.cores} cores are kept for urgent and live work; without that"
        first += f" the load would be {found.load_of_all:.2f}."
    if needed is None:
        return f"{first} More than {_nodes(most)} would be needed."
    if needed < described:
        return f"{first} Of them {needed} would be enough."
    return first if needed == described else f"{first} {_nodes(needed)} keep it bounded."


def _need_words(
    nodes: int, pace: int | None, share: float, shortest: float, scans: tuple[float, float]
) -> str:
    first = f"{_nodes(nodes)} to keep the lag bounded"
    if pace == nodes:
        return f"{first}, and {share:.0%} of results before the next scan as long would end."
    if pace is not None:
        return f"{first}; {_nodes(pace)} for {ENOUGH:.0%} of results before the next scan as long would end."
    return (
        f"{first}; however many there are, only {share:.0%} of results come before the next scan as long"
        f" would end: a job that waits for nobody takes {shortest:.0f} s or more, scans"
        f" {_span(*scans)}. It must become shorter."
    )


def _span(low: float, high: float) -> str:
    return f"{low:.0f} s" if round(low) == round(high) else f"{low:.0f} to {high:.0f} s"


def _nodes(count: int) -> str:
    return f"{count} node" if count == 1 else f"{count} nodes"
