"""`beampace process`: from options to a result on the terminal."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beampace.cli.console import ConsoleProgress
from beampace.cli.engines import engines, find_recipe, recipe_directories
from beampace.cli.guard import guarded
from beampace.cli.options import parse_cell, parse_d_min, parse_images, parse_space_group
from beampace.core.ports import Progress
from beampace.core.taxonomy import Exit
from beampace.results import Result, summary_rows
from beampace.work import FanOut, Finished, ProcessOptions, Switch
from beampace.work import process as process_dataset
from beampace.work.process import WORK
from beampace.work.recipe import process_by_recipe

STYLES = {Exit.RESULT: "bold green", Exit.SCIENCE: "bold yellow"}


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were typed."""

    master: Path
    engine: str
    images: str | None
    space_group: str | None
    unit_cell: str | None
    d_min: float | None
    cores: int | None
    out: Path | None
    quiet: float | None
    recipes: Path | None = None
    free_r: Path | None = None


def process_command(asked: Asked, *, json: bool) -> int:
    """Carry out the command; returns the exit code."""
    console = Console(stderr=True)

    def run(switch: Switch) -> int:
        with ConsoleProgress(console) as progress:
            finished = run_process(options_of(asked), FanOut((progress, switch)), asked.recipes)
        if json:
            sys.stdout.write(finished.result.model_dump_json(indent=2) + "\n")
        else:
            show(finished, Console())
        return int(finished.exit)

    return guarded(console, run, WORK if json else None)


def run_process(options: ProcessOptions, progress: Progress, recipes: Path | None = None) -> Finished:
    """Process with an engine of this program, or by a recipe.

    Raises:
        InputError: there is no recipe of that name, or it cannot be used.
    """
    known, directories = engines(), recipe_directories(recipes)
    if options.engine in known or not directories:
        return process_dataset(options, known, progress)
    return process_by_recipe(options, find_recipe(options.engine, directories), progress)


def options_of(asked: Asked) -> ProcessOptions:
    """The options as values.

    Raises:
        InputError: one of them is not of its form.
    """
    return ProcessOptions(
        master=asked.master,
        engine=asked.engine,
        images=parse_images(asked.images),
        space_group=parse_space_group(asked.space_group),
        unit_cell=parse_cell(asked.unit_cell),
        d_min=parse_d_min(asked.d_min),
        free_r=asked.free_r,
        cores=asked.cores,
        out=asked.out,
        patience_s=asked.quiet,
    )


def show(finished: Finished, console: Console) -> None:
    """The result as a table, and where the files are."""
    style = STYLES.get(finished.exit, "bold red")
    console.print(result_table(finished.result, style))
    if finished.directory:
        console.print(f"Files: {finished.directory}", highlight=False, markup=False, soft_wrap=True)


def result_table(result: Result, style: str) -> Table:
    """Two columns: label and value."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    table.add_row("", Text(result.verdict.code, style=style))
    for label, value in summary_rows(result):
        table.add_row(label, Text(value))
    return table
