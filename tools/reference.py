"""Writes the generated pages of docs/reference. `make docs` runs it; a test checks that they are current."""

from __future__ import annotations

from pathlib import Path

import typer.main
from beampace.cli.main import app
from typer.cli import get_docs_for_click

from beampace.core.taxonomy import TAXONOMY
from beampace.results import schema_page

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    return {"commands.md": commands(), "failures.md": failures(), "result.md": schema_page()}


def commands() -> str:
    """The commands and their options, from the program itself."""
    command = typer.main.get_command(app)
    context = typer.main.click.Context(command, info_name="beampace")
    text = get_docs_for_click(obj=command, ctx=context, name="beampace", title="Commands")
    return text.rstrip() + "\n"


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
