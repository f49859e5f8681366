"""`beampace check`: what is installed, what is missing and how to get it."""

from __future__ import annotations

import importlib.metadata
import json as json_format
import os
import platform
import shutil
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beampace import __version__
from beampace.cli.engines import all_recipes, engines
from beampace.cli.guard import guarded
from beampace.core.errors import BeampaceError
from beampace.core.ports import Engine
from beampace.core.taxonomy import Exit
from beampace.work import Switch

NEEDED = ("dials",)
"""Engines without which there is no merged dataset."""
LIBRARIES = ("h5py", "hdf5plugin", "dectris-compression", "numpy", "numba", "gemmi")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check: what, whether it is fine, its version or what to do.

    Attributes:
        needed: whether beampace lacks something without it; an engine more is welcome and not needed.
    """

    what: str
    ok: bool
    says: str
    needed: bool = True


def findings(engines: Iterable[Engine], directory: Path) -> tuple[Finding, ...]:
    """Everything `beampace check` looks at; `directory` is where results would go."""
    return (
        Finding(
            "beampace", ok=True, says=f"{__version__} on Python {platform.python_version()}, {sys.prefix}"
        ),
        *(_library(name) for name in LIBRARIES),
        *(_engine(engine) for engine in engines),
        *_recipes(),
        _writable(directory),
        _space(directory),
        Finding("cores", ok=True, says=str(len(os.sched_getaffinity(0)))),
    )


def as_json(found: Iterable[Finding]) -> str:
    """The findings as one JSON document."""
    return json_format.dumps(
        {"schema": "check/1", "findings": [asdict(finding) for finding in found]}, indent=2
    )


def check_command(*, json: bool) -> int:
    """Carry out `beampace check`; exit code 3 when something is missing."""

    def run(_: Switch) -> int:
        found = findings(engines().values(), Path.cwd())
        if json:
            sys.stdout.write(as_json(found) + "\n")
        else:
            _show(found, Console())
        return int(Exit.RESULT if all(one.ok or not one.needed for one in found) else Exit.INFRASTRUCTURE)

    return guarded(Console(stderr=True), run)


def _show(found: Iterable[Finding], console: Console) -> None:
    table = Table(box=None, show_header=False)
    for finding in found:
        table.add_row(_mark(finding), finding.what, Text(finding.says))
    console.print(table)


def _mark(finding: Finding) -> Text:
    if finding.ok:
        return Text("ok", style="green")
    return Text("missing", style="bold red") if finding.needed else Text("absent", style="yellow")


def _library(name: str) -> Finding:
    return Finding(name, ok=True, says=importlib.metadata.version(name))


def _engine(engine: Engine) -> Finding:
    what, needed = f"engine {engine.name}", engine.name in NEEDED
    try:
        missing = engine.missing()
        told = missing or (", ".join(f"{name} {version}" for name, version in engine.versions().items()),)
        return Finding(what, not missing, " ".join((*told, *engine.remarks())), needed)
    except BeampaceError as error:
        # An engine that was installed and works no more is missed, whichever it is.
        return Finding(what, ok=False, says=f"{error.words} {error.next_step}")


def _recipes() -> list[Finding]:
    """The recipes of the environment; one that cannot be used says why."""
    found, wrong = all_recipes()
    good = [
        Finding(f"recipe {name}", ok=True, says=f"{loaded.path}: {loaded.recipe.about}".rstrip(": "))
        for name, loaded in sorted(found.items())
    ]
    return good + [
        Finding("recipe", ok=False, says=f"{error.detail} {error.hint}".strip()) for error in wrong
    ]


def _writable(directory: Path) -> Finding:
    if os.access(directory, os.W_OK):
        return Finding("results", ok=True, says=f"can be written to {directory}")
    return Finding(
        "results", ok=False, says=f"cannot be written to {directory}; choose another place with --out"
    )


def _space(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free / 1e9
    return Finding("disk", ok=free > 1, says=f"{free:.0f} GB free at {directory}")
