"""`beampace config`: what the configuration says, where it says so, and what it may say."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from beampace.cli.guard import guarded
from beampace.core.errors import failure
from beampace.core.taxonomy import Exit, Failure
from beampace.plan import DEFAULT_RULES
from beampace.service.configuration import load, values
from beampace.service.settings import json_schema
from beampace.web.tokens import create_tokens
from beampace.work.cancel import Switch


def show_command(config: Path | None, *, origin: bool) -> int:
    """Print every key with its value; returns the exit code."""

    def run() -> None:
        found = load(config)
        table = Table(box=None, pad_edge=False, show_header=False)
        for key, value in values(found.settings):
            shown = DEFAULT_RULES if key == "rules" and value is None else value
            cells = [key, _plain(shown), found.origins[key] if origin else ""]
            table.add_row(*(Text(cell) for cell in cells))
        Console(width=200 if not sys.stdout.isatty() else None).print(table)

    return _guarded(run)


def verify_command(config: Path | None) -> int:
    """Say whether a daemon can be started with the configuration; returns the exit code."""
    from beampace.cli.serve import engines_of
    from beampace.service.verifying import faults_of

    def run() -> None:
        found = load(config)
        faults = faults_of(found, engines_of(found.settings))
        if faults:
            hint = "Correct the named keys; `beampace config schema` lists what each takes."
            raise failure(Failure.BAD_REQUEST, "\n".join(("", *faults)), hint)
        sys.stdout.write(f"{found.file or 'The default configuration'} can be used.\n")

    return _guarded(run)


def tokens_command(config: Path | None) -> int:
    """Make the token file of the HTTP interface and print the tokens, once; returns the exit code."""
    from beampace.service.web_parts import tokens_path

    def run() -> None:
        path = tokens_path(load(config).settings)
        if path.exists() or path.is_symlink():
            hint = "Its tokens count. Remove it to make new ones, and restart the daemon."
            raise failure(Failure.BAD_REQUEST, f"There is a token file {path} already.", hint)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        create_tokens(path)
        sys.stdout.write(f"# {path}\n{path.read_text(encoding='utf-8')}")

    return _guarded(run)


def schema_command() -> int:
    """Print the published schema of the configuration file; returns the exit code."""
    return _guarded(lambda: print_json(json_schema()))


def print_json(content: Any) -> None:
    """JSON on standard output."""
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


def _guarded(run: Callable[[], None]) -> int:
    def command(switch: Switch) -> int:
        del switch
        run()
        return int(Exit.RESULT)

    return guarded(Console(stderr=True), command)


def _plain(value: Any) -> str:
    """A value as TOML would have it, more or less."""
    if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        return "\n".join(_rule(rule) for rule in value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_plain(one) for one in value) + "]"
    return "" if value is None else str(value)


def _rule(rule: Any) -> str:
    kinds = ", ".join(sorted(rule.kinds))
    return f"{rule.name}: {kinds} {rule.on} -> {rule.work} {rule.engine} ({rule.work_class})".replace(
        "  ", " "
    )
