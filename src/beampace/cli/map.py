"""`beampace map`: from options to a map on the terminal."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from beampace.analysis import Corner, Score
from beampace.cli.console import ConsoleProgress
from beampace.cli.guard import available_cores, guarded
from beampace.cli.map_chart import show_map
from beampace.cli.process import show
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.results.map_schema import Map
from beampace.work import Finished
from beampace.work.cancel import Switch
from beampace.work.map import MapOptions, map_grid
from beampace.work.map_shape import GridWishes
from beampace.work.progress import FanOut


@dataclass(frozen=True, slots=True)
class MapAsked:
    """The options as they were typed."""

    masters: tuple[Path, ...]
    grid: str | None
    step_um: str | None
    snake: bool | None
    vertical: bool
    corner: str
    score: str
    cores: int | None
    out: Path | None
    quiet: float | None


def map_command(asked: MapAsked, *, json: bool) -> int:
    """Carry out the command; returns the exit code."""
    console = Console(stderr=True)

    def run(switch: Switch) -> int:
        options = options_of(asked)
        with ConsoleProgress(console) as progress:
            finished = map_grid(options, FanOut((progress, switch)))
        if json:
            sys.stdout.write(finished.result.model_dump_json(indent=2) + "\n")
        else:
            _show(finished, Console())
        return int(finished.exit)

    return guarded(console, run, "map" if json else None)


def options_of(asked: MapAsked) -> MapOptions:
    """The options as values.

    Raises:
        InputError: one of them is not of its form.
    """
    if not 1 <= len(asked.masters) <= 2:
        raise failure(Failure.BAD_REQUEST, f"map takes one or two masters, not {len(asked.masters)}.")
    wishes = GridWishes(
        parse_size(asked.grid), parse_step(asked.step_um), asked.snake, asked.vertical, Corner(asked.corner)
    )
    cores = asked.cores or available_cores()
    return MapOptions(asked.masters, wishes, Score(asked.score), cores, asked.out, asked.quiet)


def parse_size(text: str | None) -> tuple[int, int] | None:
    """`COLUMNSxROWS`.

    Raises:
        InputError: not of that form.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", text.strip())
    if not match or not int(match[1]) or not int(match[2]):
        raise failure(Failure.BAD_REQUEST, f"--grid takes COLUMNSxROWS, such as 20x15, not {text!r}.")
    return int(match[1]), int(match[2])


def parse_step(text: str | None) -> tuple[float, float] | None:
    """`X,Y` in um, or one number for both.

    Raises:
        InputError: not of that form, or not positive.
    """
    if text is None:
        return None
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if len(values) == 1:
        values *= 2
    if len(values) != 2 or not all(0 < value < 1e6 for value in values):
        raise failure(Failure.BAD_REQUEST, f"--step-um takes X,Y in um, such as 20,20, not {text!r}.")
    return values[0], values[1]


def _show(finished: Finished, console: Console) -> None:
    path = finished.directory / "map.json" if finished.directory else None
    if path is not None and path.exists():
        show_map(Map.model_validate_json(path.read_bytes()), console)
    show(finished, console)
