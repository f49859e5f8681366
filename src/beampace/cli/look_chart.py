"""Spots and resolution over a scan as blocks of a terminal; pure but for the console."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from rich.console import Console
from rich.text import Text

from beampace.results.schema import Column

BLOCKS = " ▁▂▃▄▅▆▇█"
ROWS = 5
WIDEST = 100
_NO_VALUE = "·"
_FAILED = "x"


def show_chart(columns: dict[str, Column], console: Console) -> None:
    """Two charts: spots, and resolution in 1/d**2 (taller is better). Failed frames are marked x."""
    frames = [int(str(value)) for value in columns.get("frame", ())]
    if len(frames) < 2:
        return
    width = max(20, min(WIDEST, console.width - 12))
    parts = binned(len(frames), width)
    failed = [value == "failed" for value in columns["verdict"]]
    lost = [all(failed[a:b]) for a, b in parts]
    spots = [mean(columns["spots"][a:b]) for a, b in parts]
    depth = [mean([inverse_square(value) for value in columns["d_min"][a:b]]) for a, b in parts]
    top = max((value for value in spots if value is not None), default=0.0)
    best = max((value for value in depth if value is not None), default=0.0)
    _print(console, "spots", bars(spots, lost, ROWS), f"{top:.0f}", "0", "cyan")
    if best > 0:
        _print(console, "d_min/Å", bars(depth, lost, ROWS), f"{1 / math.sqrt(best):.2f}", "∞", "yellow")
    first, last = str(frames[0]), str(frames[-1])
    console.print(Text(" " * 9 + first + last.rjust(max(1, len(parts) - len(first))), style="dim"))


def binned(n: int, width: int) -> list[tuple[int, int]]:
    """At most `width` runs of nearly equal length over `n` values."""
    count = min(n, width)
    edges = [n * index // count for index in range(count + 1)]
    return list(pairwise(edges))


def mean(values: Sequence[object]) -> float | None:
    """Mean of the numbers, None without any."""
    known = [float(value) for value in values if isinstance(value, int | float)]
    return sum(known) / len(known) if known else None


def inverse_square(value: object) -> float | None:
    """1/d**2 of a resolution."""
    return 1 / float(value) ** 2 if isinstance(value, int | float) and value > 0 else None


def bars(values: Sequence[float | None], lost: Sequence[bool], rows: int) -> list[str]:
    """Rows of blocks, top first; a dot on the base line where nothing is known, x where frames failed."""
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    eighths = [None if value is None else round(8 * rows * value / top) for value in values]
    lines = []
    for row in range(rows - 1, -1, -1):
        cells = []
        for height, gone in zip(eighths, lost, strict=True):
            if height is None:
                cells.append(" " if row else (_FAILED if gone else _NO_VALUE))
            else:
                cells.append(BLOCKS[max(0, min(8, height - 8 * row))])
        lines.append("".join(cells))
    return lines


def _print(console: Console, name: str, lines: list[str], top: str, bottom: str, style: str) -> None:
    for index, line in enumerate(lines):
        label = top if index == 0 else bottom if index == len(lines) - 1 else name if index == 2 else ""
        console.print(Text.assemble((f"{label:>7} │", "dim"), (line, style)), soft_wrap=True)
