"""The boundary of the program: signals in, exit codes and plain words out."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.core.verdict import Verdict
from beampace.results import build_result
from beampace.work import Switch, stopped_by_signals
from beampace.work.directory import os_failure


def guarded(console: Console, run: Callable[[Switch], int], json_work: str | None = None) -> int:
    """Run a command; an ending of the taxonomy becomes words on the console and its exit code.

    Args:
        console: where words go.
        run: the command.
        json_work: with `--json`, the work whose result record standard output is promised.
    """
    switch = Switch()
    try:
        with stopped_by_signals(switch):
            return run(switch)
    except BeampaceError as error:
        ending = error
    except OSError as error:
        ending = os_failure(error, str(error.filename or ""))
    except Exception as error:  # noqa: BLE001 - the last boundary: a crash is never an answer of science
        console.print(Text(traceback.format_exc(), style="dim"))
        ending = failure(Failure.ENGINE_FAILED, f"beampace itself failed: {type(error).__name__}: {error}.")
    show_error(console, ending)
    if json_work:
        record = build_result(json_work, None, None, None, None, Verdict.of(ending))
        sys.stdout.write(record.model_dump_json(indent=2) + "\n")
    return int(ending.entry.exit)


def show_error(console: Console, error: BeampaceError) -> None:
    """Code, words and next step."""
    console.print(f"[bold red]{error.code}[/bold red]: ", end="", highlight=False)
    console.print(error.words, highlight=False, markup=False)
    console.print(f"Next: {error.next_step}", highlight=False, markup=False)


def available_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0))
