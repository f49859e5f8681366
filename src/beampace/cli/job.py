"""`beampace job`: carry out an order of the daemon's. For clusters, not for people."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from pathlib import Path

from rich.console import Console

from beampace.cli.guard import guarded
from beampace.core.errors import BeampaceError
from beampace.core.ports import Engine, Indexer
from beampace.results import write_text
from beampace.work import FanOut, LineProgress, Switch
from beampace.work.order import ENDING_FILE, Order
from beampace.work.run_order import run_order


def job_command(path: Path) -> int:
    """Carry out the order in a file; returns the exit code of the taxonomy.

    Standard output, the attempt's `output.txt`, gets one line for each stage.

    Args:
        path: the order; its directory is the attempt's.
    """
    console, attempt = Console(stderr=True), path.absolute().parent

    def run(switch: Switch) -> int:
        lines = LineProgress(sys.stdout)
        order = Order.read(path)
        try:
            finished = run_order(order, attempt, _engines, FanOut((lines, switch)), _indexer)
        except BeampaceError as error:
            write_text(attempt / ENDING_FILE, error.code.value)
            raise
        write_text(attempt / ENDING_FILE, finished.result.verdict.code)
        lines.note(f"{finished.result.verdict.code}: {finished.directory}")
        return int(finished.exit)

    return guarded(console, run)


def _indexer() -> AbstractContextManager[Indexer]:
    """The indexer of test shots; loaded only by work that needs one."""
    from beampace.engines.dials import DialsIndexer

    return closing(DialsIndexer())


def _engines() -> Mapping[str, Engine]:
    """The engines; loaded only by work that needs one."""
    from beampace.cli.engines import engines

    return engines()
