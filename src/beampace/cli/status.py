"""`beampace status`: how things are, once or for as long as one looks."""

from __future__ import annotations

import time
from contextlib import suppress

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from beampace.cli.calling import Where, call, made, plainly, told
from beampace.cli.status_view import status_view
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Exit
from beampace.web import StatusAnswer, StatusRequest

EVERY_S = 1.0
PATIENCE_S = 10.0


def status_command(where: Where, beamtime: str, *, json: bool, watch: bool) -> int:
    """Carry out the command; returns the exit code."""

    def answer() -> StatusAnswer:
        return call(where, made(StatusRequest, beamtime=beamtime), StatusAnswer, PATIENCE_S)

    if watch and not json:
        return _watched(where, beamtime)
    return told(answer, _show, json=json)


def _show(console: Console, status: StatusAnswer) -> None:
    console.print(status_view(status))


def _watched(where: Where, beamtime: str) -> int:
    """Show the status again and again until Ctrl-C; a daemon that restarts meanwhile is waited for."""
    console, request = Console(), made(StatusRequest, beamtime=beamtime)

    def run() -> int:
        view = status_view(call(where, request, StatusAnswer, PATIENCE_S))
        with suppress(KeyboardInterrupt), Live(view, console=console, screen=console.is_terminal) as live:
            while True:
                time.sleep(EVERY_S)
                live.update(_now(where, request), refresh=True)
        return int(Exit.RESULT)

    return plainly(run)


def _now(where: Where, request: StatusRequest) -> RenderableType:
    try:
        return status_view(call(where, request, StatusAnswer, PATIENCE_S))
    except InfrastructureError as error:
        return Text(f"{error.words} {error.next_step}", style="bold red")
