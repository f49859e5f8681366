"""Writes the generated pages of docs/reference. `make docs` runs it; a test checks that they are current."""

from __future__ import annotations

import json
from pathlib import Path

import typer.main

from beampace.cli.capacity_page import capacity_page
from beampace.cli.main import app
from beampace.core.taxonomy import TAXONOMY
from beampace.plan.capacity_model import json_schema as capacity_schema
from beampace.results import schema_page
from beampace.service.settings import json_schema
from beampace.service.settings_page import settings_page
from tools.web_reference import web_page

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    return {
        "capacity.md": capacity_page(),
        "capacity.schema.json": json.dumps(capacity_schema(), indent=2) + "\n",
        "commands.md": commands(),
        "configuration.md": settings_page(),
        "configuration.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "failures.md": failures(),
        "result.md": schema_page(),
        "web.md": web_page(),
    }


def commands() -> str:
    """The help of every command, from the program itself."""
    program = typer.main.get_command(app)
    parts = ["# Commands", ""]
    for name, command in sorted(program.commands.items()):
        if not command.hidden:
            help_text = command.get_help(command.make_context(f"beampace {name}", [], resilient_parsing=True))
            parts += [f"## beampace {name}", "", "```", help_text.rstrip(), "```", ""]
    return "\n".join(parts)


def failures() -> str:
    """The failure taxonomy as a table."""
    rows = [
        f"| `{code}` | {entry.words} | {entry.next_step} | {int(entry.exit)} |"
        for code, entry in TAXONOMY.items()
    ]
    head = [
        "# Failures",
        "",
        "Every way work can end without merged data. Exit codes: 1 the science gave no result, 2 bad input,",
        "3 infrastructure failed, 130 cancelled.",
        "",
        "| code | words | next step | exit |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


if __name__ == "__main__":
    for name, text in pages().items():
        (REFERENCE / name).write_text(text)
