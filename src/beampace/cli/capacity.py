"""`beampace capacity`: what a cluster can bear, simulated."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from beampace.cli.calling import Where, plainly, told
from beampace.cli.capacity_file import description_of, text_of
from beampace.cli.capacity_view import show_capacity
from beampace.cli.config import print_json
from beampace.core.errors import failure
from beampace.core.taxonomy import Exit, Failure
from beampace.plan.capacity_model import Description, Trial, json_schema, study
from beampace.results.capacity_schema import CapacityAnswer
from beampace.results.write import write_bytes
from beampace.service.use import GroupUse

if TYPE_CHECKING:
    from beampace.cli.capacity_ledger import Recorded


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed.

    Attributes:
        description: file, or name of one that is shipped.
        nodes: in the place of the description's, or None.
        most: nodes beyond which nothing is tried.
        seed, repeats: of the simulation.
        plot: where the picture goes, or None.
        measured: whether the ledger's costs are used.
        beamtime: a beamtime of the ledger to simulate in the place of the described one, or None.
    """

    description: str
    nodes: int | None = None
    most: int = 64
    seed: int = 1
    repeats: int = 6
    plot: Path | None = None
    measured: bool = False
    beamtime: str | None = None


def capacity_command(where: Where, asked: Asked, *, json: bool) -> int:
    """Carry out the command; returns the exit code."""

    def answer() -> CapacityAnswer:
        found = capacity_answer(where, asked)
        if asked.plot is not None:
            from beampace.results.capacity_plot import capacity_png

            write_bytes(asked.plot, capacity_png(found))
        return found

    def show(console: Console, found: CapacityAnswer) -> None:
        show_capacity(console, found)
        if asked.plot is not None:
            console.print(Text(str(asked.plot)), soft_wrap=True)

    return told(answer, show, json=json)


def capacity_answer(where: Where, asked: Asked) -> CapacityAnswer:
    """Simulate.

    Raises:
        InputError: the description or a value is wrong, or there is no such beamtime (bad_request).
        InfrastructureError: the ledger cannot be read.
    """
    description = _with_nodes(description_of(asked.description), asked)
    if not asked.measured:
        return study(_trial(description, asked), asked.most)
    # What comes with the ledger is slow to import, and not needed for a description alone.
    from beampace.cli.capacity_ledger import Recorded, with_measured
    from beampace.service.ledger_place import existing_ledger

    with existing_ledger(where.directory(), where.config) as ledger:
        if asked.beamtime is None:
            description = with_measured(description, ledger)
            return study(_trial(description, asked), asked.most)
        recorded = Recorded(ledger, asked.beamtime)
        described = with_measured(recorded.described(description), ledger)
    return _as_it_was(described, recorded, asked)


def _as_it_was(described: Description, recorded: Recorded, asked: Asked) -> CapacityAnswer:
    """A beamtime of the ledger again, and how well that meets what was measured."""
    trial = replace(_trial(described, asked), recorded=recorded.collected(), tails=recorded.tails())
    done = [one for n in range(asked.repeats) for one in trial.play(described.cluster.nodes, n)]
    return study(trial, asked.most).model_copy(update={"compared": recorded.compared(done)})


def _trial(description: Description, asked: Asked) -> Trial:
    return Trial(description, description.rules_used, asked.seed, asked.repeats, GroupUse)


def _with_nodes(description: Description, asked: Asked) -> Description:
    if asked.nodes is None:
        return description
    cluster = description.cluster.model_copy(update={"nodes": asked.nodes})
    try:
        cluster.capacity(asked.nodes)
    except ValueError as error:
        detail = f"--nodes {asked.nodes}: {error} (cluster.urgent_cores, cluster.live_cores)."
        raise failure(Failure.BAD_REQUEST, detail) from error
    return description.model_copy(update={"cluster": cluster})


def schema_command() -> int:
    """Print the published schema of a description; returns the exit code."""

    def run() -> int:
        print_json(json_schema())
        return int(Exit.RESULT)

    return plainly(run)


def print_command(named: str) -> int:
    """Print a description, to begin one's own with; returns the exit code."""

    def run() -> int:
        sys.stdout.write(text_of(named)[0])
        return int(Exit.RESULT)

    return plainly(run)
