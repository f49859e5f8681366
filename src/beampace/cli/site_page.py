"""The rows of `beampace check --site` for people: a table on a wide terminal, paragraphs on a narrow one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beampace.cli.site_row import Row, State, plain, summary

WIDE = 150
"""Columns from which on there is room for a table."""
_STYLE = {State.FOUND: "green", State.UNKNOWN: "yellow", State.PROBLEM: "bold red", State.OPEN: "dim"}
_KEYS = 28
"""Columns of the longest key."""
_LABELS = 10
"""Columns of the words before what is said."""


Section = tuple[str, tuple[Row, ...]]
"""A title, and its rows."""


def show(sections: Iterable[Section], console: Console) -> list[Row]:
    """Print each section as soon as it is there, and how many questions had an answer; returns all rows."""
    rows: list[Row] = []
    for title, group in sections:
        rows += group
        console.print(Text(f"\n{title}", style="bold"))
        for part in _table(group) if console.width >= WIDE else _paragraphs(group):
            console.print(part)
    console.print(Text(f"\n{summary(rows)}"))
    return rows


def _table(rows: Iterable[Row]) -> Iterator[Table]:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True, header_style="dim")
    table.add_column("", width=_LABELS - 1)
    for name, ratio in (("question", 3), ("found", 6), ("asked", 5), ("so beampace ...", 5)):
        table.add_column(name, ratio=ratio, overflow="fold")
    table.add_column("key", width=_KEYS, overflow="fold")
    for row in map(plain, rows):
        found = Text(row.found)
        if row.next_step:
            found.append(f"\n{_next(row)}", style=_next_style(row))
        keys = Text("\n".join(row.keys), style="dim")
        asked, so = Text(row.evidence, style="dim"), Text(row.consequence)
        table.add_row(_mark(row), Text(row.question), found, asked, so, keys)
    yield table


def _paragraphs(rows: Iterable[Row]) -> Iterator[Table]:
    for row in map(plain, rows):
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=_LABELS)
        grid.add_column(overflow="fold")
        grid.add_row(_mark(row), Text(row.question, style="bold"))
        grid.add_row("", Text(row.found))
        for label, words in _details(row):
            grid.add_row(Text(label, style="dim", justify="right"), Text(words, style="dim"))
        if row.next_step:
            grid.add_row("", Text(_next(row), style=_next_style(row)))
        yield grid


def _details(row: Row) -> Iterator[tuple[str, str]]:
    named = {"asked": row.evidence, "so": row.consequence, "key": ", ".join(row.keys)}
    return ((label, words) for label, words in named.items() if words)


def _mark(row: Row) -> Text:
    return Text(row.state.value, style=_STYLE[row.state])


def _next(row: Row) -> str:
    return f"Next: {row.next_step}"


def _next_style(row: Row) -> str:
    return "bold" if row.state is State.PROBLEM else ""
