"""The boundary of the program: signals in, exit codes and plain words out."""

from __future__ import annotations

import os
from collections.abc import Callable

from rich.console import Console

from beampace.core.errors import BeampaceError
from beampace.work import Switch, stopped_by_signals
from beampace.work.directory import os_failure


def guarded(console: Console, run: Callable[[Switch], int]) -> int:
    """Run a command; an ending of the taxonomy becomes words on the console and its exit code."""
    switch = Switch()
    try:
        with stopped_by_signals(switch):
            return run(switch)
    except BeampaceError as error:
        ending = error
    except OSError as error:
        ending = os_failure(error, str(error.filename or ""))
    show_error(console, ending)
    return int(ending.entry.exit)


def show_error(console: Console, error: BeampaceError) -> None:
    """Code, words and next step."""
    console.print(f"[bold red]{error.code}[/bold red]: ", end="", highlight=False)
    console.print(error.words, highlight=False, markup=False)
    console.print(f"Next: {error.next_step}", highlight=False, markup=False)


def available_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0))
