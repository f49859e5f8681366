"""What `beampace capacity` shows on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beampace.results.capacity_schema import CapacityAnswer, NodesOutcome
from beampace.results.durations import lasting

_STYLES = {"bounded": "green", "limit": "yellow", "growing": "bold red"}
_LEFT = ("lag", "class", "engine", "what it needs")


def show_capacity(console: Console, answer: CapacityAnswer) -> None:
    """The answer in words and tables."""
    console.print(Text(answer.title, style="bold"), soft_wrap=True)
    shown = f"{answer.collections:.0f} datasets in {answer.hours:.3g} h, simulated {answer.repeats} times"
    console.print(Text(f"{shown} (seed {answer.seed})."))
    console.print(Text(answer.words, style=_style(answer)), soft_wrap=True)
    if answer.believed:
        words = ", ".join(answer.believed)
        console.print(Text(f"Not measured, so taken from the daemon's beliefs: {words}.", style="yellow"))
    _outcomes(console, answer)
    _engines(console, answer)
    _compared(console, answer)


def _style(answer: CapacityAnswer) -> str:
    states = [one.state for one in answer.outcomes if one.nodes == answer.described_nodes]
    return _STYLES[states[0]] if states else "bold red"


def _outcomes(console: Console, answer: CapacityAnswer) -> None:
    table = _table(
        "Last frame to result", "nodes", "class", "lag", "load", "median", "p95", "worst", "left at the end"
    )
    for one in answer.outcomes:
        for row in _rows(one):
            table.add_row(*row)
    console.print(table)


def _rows(one: NodesOutcome) -> list[list[Text]]:
    rows = []
    for number, found in enumerate(one.classes):
        times = (found.median_s, found.p95_s, found.worst_s, found.behind_s)
        rows.append(
            [
                Text(str(one.nodes) if number == 0 else ""),
                Text(found.of),
                Text(found.state, style=_STYLES[found.state]),
                Text(f"{found.load:.2f}"),
                *(Text(lasting(seconds)) for seconds in times),
            ]
        )
    return rows


def _engines(console: Console, answer: CapacityAnswer) -> None:
    if not answer.engines:
        return
    table = _table("As fast as data taking", "engine", "nodes", "p95", "alone", "what it needs")
    for one in answer.engines:
        table.add_row(
            one.engine,
            "-" if one.nodes is None else str(one.nodes),
            "-" if one.p95_s is None else lasting(one.p95_s),
            lasting(one.shortest_s),
            Text(one.words),
        )
    console.print(table)


def _compared(console: Console, answer: CapacityAnswer) -> None:
    if not answer.compared:
        return
    table = _table("As it was, and simulated", "class", "n", "median", "simulated", "p95", "simulated")
    for one in answer.compared:
        times = (one.measured_median_s, one.simulated_median_s, one.measured_p95_s, one.simulated_p95_s)
        table.add_row(one.of, str(one.n), *(lasting(seconds) for seconds in times))
    console.print(table)


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title, title_style="bold", title_justify="left", box=None, pad_edge=False)
    for head in heads:
        table.add_column(head, justify="left" if head in _LEFT else "right")
    return table
