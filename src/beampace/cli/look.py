"""`beampace look`: from options to a table and a chart on the terminal."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from beampace.cli.console import ConsoleProgress
from beampace.cli.guard import guarded
from beampace.cli.look_chart import show_chart
from beampace.cli.options import parse_images
from beampace.cli.process import show
from beampace.work.cancel import Switch
from beampace.work.look import LookOptions, look
from beampace.work.progress import FanOut


@dataclass(frozen=True, slots=True)
class LookAsked:
    """The options as they were typed."""

    master: Path
    images: str | None
    cores: int | None
    out: Path | None
    quiet: float | None


def look_command(asked: LookAsked, *, json: bool) -> int:
    """Carry out the command; returns the exit code."""
    console = Console(stderr=True)

    def run(switch: Switch) -> int:
        options = LookOptions(asked.master, parse_images(asked.images), asked.cores, asked.out, asked.quiet)
        with ConsoleProgress(console) as progress:
            finished = look(options, FanOut((progress, switch)))
        if json:
            sys.stdout.write(finished.result.model_dump_json(indent=2) + "\n")
        else:
            show_chart(dict(finished.result.columns), Console())
            show(finished, Console())
        return int(finished.exit)

    return guarded(console, run, "look" if json else None)
