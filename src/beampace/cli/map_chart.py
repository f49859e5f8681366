"""A map in the characters of a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from beampace.results.map_schema import Map, MapPart

SHADES = ("··", "░░", "▒▒", "▓▓", "██")
MISSING = "//"


def show_map(record: Map, console: Console) -> None:
    """Every grid that fits the terminal, two characters per cell; missing cells as //."""
    for part in record.maps:
        if 2 * part.grid.columns + 6 <= console.width:
            for line in map_lines(part):
                console.print(line, soft_wrap=True)


def map_lines(part: MapPart) -> list[Text]:
    """The rows of a map; crystals carry their number at the best cell."""
    top = max((value for row in part.scores for value in row if value is not None), default=0.0)
    ranks = {crystal.best_cell: crystal.rank for crystal in part.crystals if crystal.rank <= 99}
    lines = []
    for row, scores in enumerate(part.scores):
        line = Text(f"{row + 1:>4} ", style="dim")
        for column, score in enumerate(scores):
            rank = ranks.get((column, row))
            if rank is not None:
                line.append(f"{rank:>2}", style="bold black on yellow")
            else:
                line.append(_cell(score, top), style="dim" if score is None else "cyan")
        lines.append(line)
    return lines


def _cell(score: float | None, top: float) -> str:
    if score is None:
        return MISSING
    share = score / top if top > 0 else 0.0
    return SHADES[0] if share < 0.02 else SHADES[min(4, 1 + int(share * 4))]
