"""Rows of `beampace check --site` that Slurm answers: what it is, and how it is divided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from beampace.cli import site_questions as ask
from beampace.cli.site_reach import Probe, Reach, in_words
from beampace.cli.site_row import Question, Row
from beampace.cluster.slurm.probe import Questions
from beampace.cluster.slurm.site import (
    Record,
    ends_in,
    sizes,
    takes_jobs,
    time_limit,
    version_of,
    where,
    whole_nodes,
)
from beampace.core.errors import BeampaceError

_NOTHING = ("", "(null)", "N/A")
_STEP = "Have the online resources of the beamtime checked (`startBeamtime --online`)."


@dataclass(frozen=True, slots=True)
class Facts:
    """What Slurm said: its configuration and clock, partition, reservation and nodes; empty: not known.

    Attributes:
        why: what it said when it did not answer, or "".
    """

    config: Record = field(default_factory=dict)
    now: float | None = None
    partition: Record = field(default_factory=dict)
    reservation: Record = field(default_factory=dict)
    nodes: tuple[Record, ...] = ()
    version: str = ""
    accounting: bool | None = None
    why: str = ""


def facts_of(reach: Reach) -> Facts:
    """Ask Slurm; without any answer only `why` is known."""
    asked = Questions(reach.transport, reach.slurm.programs)
    try:
        return _facts(asked, reach)
    except BeampaceError as error:
        return Facts(why=error.detail)


def _facts(asked: Questions, reach: Reach) -> Facts:
    config, now = asked.config()
    partition = asked.partition(reach.granted.partition)
    if not asked.answered and asked.why is not None:
        raise asked.why
    reservation = asked.reservation(reach.granted.reservation)
    nodes = asked.nodes(where({} if reach.granted.reservation else partition, reservation))
    version = asked.version() or version_of(config.get("SLURM_VERSION", ""))
    why = asked.why.detail if asked.why is not None else ""
    return Facts(config, now, partition, reservation, nodes, version, asked.accounting(), why)


def slurm_probes(reach: Reach, facts: Facts) -> Iterator[Probe]:
    """Everything that Slurm answers."""
    yield ask.VERSION, lambda: _version(facts)
    yield ask.ACCOUNTING, lambda: _accounting(facts)
    yield ask.SHARING, lambda: _sharing(reach, facts)
    yield ask.TIME, lambda: _time(reach, facts)
    yield ask.NODES, lambda: _nodes(reach, facts)
    yield ask.GPU, lambda: _gpus(reach, facts)
    yield ask.RESERVATION, lambda: _reservation(reach, facts)


def _version(facts: Facts) -> Row:
    if not facts.version:
        return ask.VERSION.unknown(facts.why or "It does not say.", "scontrol --version")
    return ask.VERSION.found(facts.version, "scontrol --version", ask.VERSION.safe)


def _accounting(facts: Facts) -> Row:
    if facts.accounting is None:
        return ask.ACCOUNTING.unknown("It gave no clear answer.", "sacct")
    if not facts.accounting:
        return ask.ACCOUNTING.found("no", "sacct", ask.ACCOUNTING.safe)
    so = "How jobs ended that left no files is asked of sacct."
    return ask.ACCOUNTING.found("yes", "sacct", so)


def _partition_of(reach: Reach) -> str:
    return f"scontrol -o show partition {reach.granted.partition}".strip()


def _sharing(reach: Reach, facts: Facts) -> Row:
    evidence = f"{_partition_of(reach)}; scontrol show config"
    if not facts.partition:
        return _no_partition(ask.SHARING, reach, facts)
    alone = whole_nodes(facts.config, facts.partition)
    said = f"OverSubscribe={facts.partition.get('OverSubscribe', '?')}, {facts.config.get('SelectType', '?')}"
    if alone is None:
        return ask.SHARING.unknown(f"It cannot be told from {said}.", evidence)
    if alone:
        so = "Holds whole nodes and runs its work as steps in them, several at once in a node."
        return ask.SHARING.found(f"no, a job has whole nodes ({said})", evidence, so)
    so = "Submits a job for each piece of work, and holds a small allocation for what is urgent."
    return ask.SHARING.found(f"yes ({said})", evidence, so)


def _no_partition(question: Question, reach: Reach, facts: Facts) -> Row:
    name = reach.granted.partition
    if not facts.config or not name:
        return question.unknown(facts.why or "Slurm does not say.", _partition_of(reach))
    return question.problem(
        f"There is no partition {name} that the account may see.", _partition_of(reach), _STEP
    )


def _time(reach: Reach, facts: Facts) -> Row:
    if not facts.partition:
        return _no_partition(ask.TIME, reach, facts)
    most, usual = (time_limit(facts.partition, key) for key in ("MaxTime", "DefaultTime"))
    words = f"at most {in_words(most)}" if most else "without a bound"
    words += f"; {in_words(usual)} when it does not say" if usual else ""
    so = "Gives every job a time limit, never above this one." if most else ask.TIME.safe
    return ask.TIME.found(words, _partition_of(reach), so)


def _nodes(reach: Reach, facts: Facts) -> Row:
    named = reach.granted.reservation
    evidence = f"scontrol -o show node ({f'of reservation {named}' if named else 'of the partition'})"
    if not facts.nodes:
        return ask.NODES.unknown(_nodeless(reach, facts), evidence)
    room = sizes(facts.nodes, facts.partition)
    out = [_state(node) for node in facts.nodes if not takes_jobs(node)]
    if not room.nodes:
        step = "Have the nodes brought back, or others reserved."
        return ask.NODES.problem(f"none takes jobs: {_few(out)}", evidence, step, "Work waits.")
    count = f"{len(room.nodes)} node{'s' * (len(room.nodes) != 1)} ({_few(room.nodes)})"
    words = f"{count}, each with {room.cores} cores and {room.memory_mb / 1000:.0f} GB for jobs"
    words += f"; out: {_few(out)}" if out else ""
    return ask.NODES.found(words, evidence, "Sizes its work to fit into such a node.")


def _state(node: Record) -> str:
    reason = node.get("Reason", "")
    return f"{node.get('NodeName')} {node.get('State')}" + (f" ({reason})" if reason else "")


def _few(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _nodeless(reach: Reach, facts: Facts) -> str:
    """Why no node is known."""
    if facts.config and reach.granted.reservation and not facts.reservation:
        return "The reservation is not there, so nobody knows which."
    return facts.why or "Slurm names none."


def _gpus(reach: Reach, facts: Facts) -> Row:
    evidence = "scontrol -o show node, Gres"
    if not facts.nodes:
        return ask.GPU.unknown(_nodeless(reach, facts), evidence)
    named = {node.get("Gres", "") for node in facts.nodes} - set(_NOTHING)
    words = "; ".join(sorted(named)) if named else "none that Slurm knows of"
    return ask.GPU.found(words, evidence, ask.GPU.safe)


def _reservation(reach: Reach, facts: Facts) -> Row:
    name = reach.granted.reservation
    if not name:
        so = "Submits without one: work waits for nodes like everybody's."
        return ask.RESERVATION.found("none is named", "onlineAnalysis.slurmReservation", so)
    evidence = f"scontrol -o show reservation {name}"
    if not facts.reservation:
        if not facts.config:
            return ask.RESERVATION.unknown(facts.why or "Slurm does not say.", evidence)
        words = f"Slurm knows no reservation {name} that the account may see."
        return ask.RESERVATION.problem(
            words, evidence, _STEP, "Jobs are refused until the metadata name one that is."
        )
    users = facts.reservation.get("Users", "")
    if users not in _NOTHING and reach.granted.account not in users.split(","):
        words = f"it is there, but for {users} and not for {reach.granted.account}"
        return ask.RESERVATION.problem(words, evidence, _STEP, "Jobs are refused.")
    words = f"{facts.reservation.get('State', '')}, {_lasts(facts)}"
    return ask.RESERVATION.found(
        words, evidence, f"Begins nothing that would outlast it. {ask.RESERVATION.safe}"
    )


def _lasts(facts: Facts) -> str:
    left = ends_in(facts.reservation, facts.now)
    if left is None:
        return "its end is not known"
    return f"ends in {in_words(left)}" if left > 0 else f"ended {in_words(left)} ago"
