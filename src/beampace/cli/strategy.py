"""`beampace strategy`: from options to plans on the terminal."""

from __future__ import annotations

import json as jsonlib
import math
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from beampace.analysis.strategy import Wanted
from beampace.cli.console import ConsoleProgress
from beampace.cli.guard import guarded
from beampace.cli.options import parse_cell, parse_d_min, parse_space_group
from beampace.cli.process import show
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.engines.dials import DialsIndexer
from beampace.results.strategy_schema import CollectionPlan, Strategy
from beampace.work.beamline import Beamline
from beampace.work.cancel import Switch
from beampace.work.job import Finished
from beampace.work.progress import FanOut
from beampace.work.strategy import StrategyOptions, strategy
from beampace.work.strategy_situation import Wishes


@dataclass(frozen=True, slots=True)
class StrategyAsked:
    """The options as they were typed."""

    masters: tuple[Path, ...]
    completeness: float
    multiplicity: float | None
    i_over_sigma: float
    d_min: float | None
    anomalous: bool
    transmission: float | None
    flux: float | None
    beam_um: str | None
    unit_cell: str | None
    space_group: str | None
    out: Path | None
    quiet: float | None
    config: Path | None = None


def strategy_command(asked: StrategyAsked, *, json: bool) -> int:
    """Carry out the command; returns the exit code."""
    console = Console(stderr=True)

    def run(switch: Switch) -> int:
        options = options_of(asked)
        with closing(DialsIndexer()) as indexer, ConsoleProgress(console) as progress:
            finished = strategy(options, indexer, FanOut((progress, switch)))
        if json:
            sys.stdout.write(finished.result.model_dump_json(indent=2) + "\n")
        else:
            show_plans(finished, Console())
            show(finished, Console())
        return int(finished.exit)

    return guarded(console, run, "strategy" if json else None)


def options_of(asked: StrategyAsked) -> StrategyOptions:
    """The options in numbers.

    Raises:
        InputError: bad_request.
    """
    for name, value in (("completeness", asked.completeness), ("transmission", asked.transmission)):
        if value is not None and not 0 < value <= 1:
            raise failure(Failure.BAD_REQUEST, f"--{name} is a fraction above 0 and up to 1, not {value:g}.")
    wanted = Wanted(
        completeness=asked.completeness,
        multiplicity=asked.multiplicity,
        i_over_sigma=asked.i_over_sigma,
        d_min=parse_d_min(asked.d_min),
        anomalous=asked.anomalous,
    )
    beamline = beamline_of(asked.config)
    wishes = Wishes(
        wanted,
        beamline.limits,
        asked.transmission,
        asked.flux or beamline.flux,
        beamline.beam_um if asked.beam_um is None else parse_beam(asked.beam_um),
    )
    return StrategyOptions(
        masters=asked.masters,
        wishes=wishes,
        unit_cell=parse_cell(asked.unit_cell),
        space_group=parse_space_group(asked.space_group),
        out=asked.out,
        patience_s=asked.quiet,
    )


def beamline_of(config: Path | None) -> Beamline:
    """What the beamline can do, from the daemon's configuration: a file, or that of `BEAMPACE_CONFIG`.

    Raises:
        InputError: the configuration cannot be read, or a key is wrong (bad_request).
    """
    from beampace.service.configuration import load

    return load(config).settings.beamline


def parse_beam(text: str) -> tuple[float, float]:
    """Width and height of the beam from `50x20`.

    Raises:
        InputError: bad_request.
    """
    try:
        width, height = (float(part) for part in text.lower().split("x"))
    except ValueError:
        width = height = 0.0
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise failure(Failure.BAD_REQUEST, f"--beam {text}: give width and height in micrometre, as 50x20.")
    return width, height


def show_plans(finished: Finished, console: Console) -> None:
    """The plans as a table, the recommendation first."""
    if finished.directory is None or "strategy" not in finished.result.files:
        return
    text = (finished.directory / finished.result.files["strategy"]).read_text()
    found = Strategy.model_validate(jsonlib.loads(text))
    plans = [found.recommendation, *found.alternatives] if found.recommendation else []
    if not plans:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("plan")
    for name in ("start", "range", "width", "frames", "s/frame", "transm.", "mm", "complete"):
        table.add_column(name, justify="right", no_wrap=True)
    for plan in plans:
        table.add_row(*_row(plan))
    console.print(table)


def _row(plan: CollectionPlan) -> tuple[str, ...]:
    complete = "" if plan.completeness is None else f"{100 * plan.completeness:.1f} %"
    return (
        f"{plan.rank} {plan.kind}",
        f"{plan.start_deg:g}",
        f"{plan.range_deg:g}",
        f"{plan.width_deg:g}",
        str(plan.frames),
        f"{plan.exposure_s:.4g}",
        f"{100 * plan.transmission:.3g} %",
        f"{plan.distance_mm:.0f}",
        complete,
    )
