"""The picture of a map: heat map, crystals outlined and numbered, missing cells hatched, scale bar."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from beampace.results.look_plot import png_of
from beampace.results.map_schema import Map, MapCrystal, MapPart

TEXT, FAINT, EDGE, OUTLINE = "#2f3a44", "#7a858f", "#c5ccd1", "#e4572e"
MAP_COLOURS = LinearSegmentedColormap.from_list(
    "beampace", ["#f1f5f2", "#c9e6d3", "#86cdb7", "#3aa0a5", "#1f6f94", "#234080", "#1d1650"]
)
LISTED = 8
"""Crystals named in the list beside the map."""
WIDEST, TALLEST, LEAST = 7.6, 6.2, 0.42
"""Largest and least sides of a map in inches."""
TOP, BOTTOM, LEFT, SIDE, BETWEEN = 0.95, 0.95, 0.75, 2.75, 1.05
"""Room in inches above, below and left of the maps, right of them (colour bar and list), and between two."""
TITLES = {
    "spots": "spots per frame",
    "intensity": "counts of the spots",
    "resolution": "resolution d (Å)",
    "combined": "spots x 2 Å / d",
}


def map_png(record: Map, dpi: int = 120) -> bytes:
    """The picture as PNG."""
    return png_of(map_figure(record, dpi))


def map_figure(record: Map, dpi: int = 120) -> Figure:
    """The figure: one map, or two below one another."""
    sizes = [_size(part) for part in record.maps]
    width = LEFT + max(max(w for w, _ in sizes), 3.6) + SIDE
    height = max(TOP + sum(h for _, h in sizes) + BETWEEN * (len(sizes) - 1) + BOTTOM, 2.35)
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    y = height - TOP
    for part, (w, h) in zip(record.maps, sizes, strict=True):
        y -= h
        _draw_part(figure, record, part, (LEFT, y, w, h))
        y -= BETWEEN
    _title(figure, record)
    return figure


def _size(part: MapPart) -> tuple[float, float]:
    """Width and height of a map in inches, cells true to their step."""
    step = part.grid.step_um or (1.0, 1.0)
    wide, tall = part.grid.columns * step[0], part.grid.rows * step[1]
    scale = min(WIDEST / wide, TALLEST / tall, 0.55 / max(step))
    return max(wide * scale, LEAST), max(tall * scale, LEAST)


def _title(figure: Figure, record: Map) -> None:
    width, height = figure.get_size_inches()
    names = " and ".join(part.dataset.name for part in record.maps)
    done = sum(part.frames.analysed for part in record.maps)
    cells = sum(part.grid.columns * part.grid.rows for part in record.maps)
    said = f"{done} of {cells} cells" if done < cells else f"{cells} cells"
    if record.state == "running":
        said += ", filling"
    x = LEFT / width
    figure.text(x, 1 - 0.30 / height, names, color=TEXT, fontsize=15, fontweight="bold", va="center")
    figure.text(
        x, 1 - 0.60 / height, f"{TITLES[record.score]}  ·  {said}", color=FAINT, fontsize=10.5, va="center"
    )


def _draw_part(figure: Figure, record: Map, part: MapPart, place: tuple[float, float, float, float]) -> None:
    width, height = figure.get_size_inches()
    x, y, w, h = place
    axes = figure.add_axes((x / width, y / height, w / width, h / height))
    scores = np.array(part.scores, dtype=np.float64).reshape(part.grid.rows, part.grid.columns)
    norm = Normalize(0, max(float(np.nanmax(scores, initial=0.0)), 1e-9))
    axes.imshow(
        np.ma.masked_invalid(scores), cmap=MAP_COLOURS, norm=norm, aspect="auto", interpolation="nearest",
        extent=(0, part.grid.columns, part.grid.rows, 0),
    )  # fmt: skip
    _lines(axes, part)
    _missing(axes, part, scores, running=record.state == "running")
    for crystal in part.crystals:
        _outline(axes, part, crystal)
    for crystal in part.crystals[:LISTED]:
        _number(axes, crystal)
    _dress(axes, part)
    _scale_bar(axes, part, h)
    bar_height = min(h, 1.7) if h > 0.8 else 0.8
    bar = figure.add_axes(
        ((x + w + 0.28) / width, (y + h - bar_height) / height, 0.16 / width, bar_height / height)
    )
    _colour_bar(bar, norm, record.score)
    _list(figure, record, part, (x + w + 1.05) / width, (y + h) / height)


def _lines(axes: Axes, part: MapPart) -> None:
    """Thin lines between the cells, unless they would hide them."""
    if max(part.grid.columns, part.grid.rows) > 60:
        return
    columns, rows = part.grid.columns, part.grid.rows
    lines = [[(column, 0), (column, rows)] for column in range(columns + 1)]
    lines += [[(0, row), (columns, row)] for row in range(rows + 1)]
    axes.add_collection(LineCollection(lines, colors="white", linewidths=0.6), autolim=False)


def _missing(axes: Axes, part: MapPart, scores: np.ndarray, *, running: bool) -> None:
    """Missing cells hatched; those still to come left empty."""
    columns = zip(part.columns["frame"], part.columns["verdict"], strict=True)
    failed = [frame for frame, word in columns if word == "failed"]
    unknown = np.isnan(scores)
    lost = unknown & np.isin(np.array(part.numbers), np.array(failed, dtype=np.int64)) if running else unknown
    for cells, colour, edge, hatch in (
        (unknown & ~lost, "white", EDGE, None),
        (lost, "#fafbfb", FAINT, "/////"),
    ):
        corners = np.argwhere(cells)[:, ::-1]
        square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        shown = PolyCollection(
            corners[:, None, :] + square,
            facecolors=colour,
            edgecolors=edge,
            linewidths=0.5,
            hatch=hatch,
            zorder=2.2,
        )
        axes.add_collection(shown, autolim=False)


def _outline(axes: Axes, part: MapPart, crystal: MapCrystal) -> None:
    """The border of a crystal's cells."""
    cells, edges = set(crystal.cells), []
    for column, row in cells:
        if (column - 1, row) not in cells:
            edges.append([(column, row), (column, row + 1)])
        if (column + 1, row) not in cells:
            edges.append([(column + 1, row), (column + 1, row + 1)])
        if (column, row - 1) not in cells:
            edges.append([(column, row), (column + 1, row)])
        if (column, row + 1) not in cells:
            edges.append([(column, row + 1), (column + 1, row + 1)])
    wide = 2.0 if max(part.grid.columns, part.grid.rows) <= 40 else 1.2
    axes.add_collection(
        LineCollection(edges, colors=OUTLINE, linewidths=wide, capstyle="round", clip_on=False, zorder=3)
    )


def _number(axes: Axes, crystal: MapCrystal) -> None:
    """A cross at the centre, and the number in a disc on the corner of the crystal's uppermost cell."""
    x, y = crystal.centre
    axes.plot(x, y, "+", color="white", markersize=11, markeredgewidth=3.2, clip_on=False, zorder=4)
    axes.plot(x, y, "+", color=OUTLINE, markersize=10, markeredgewidth=1.6, clip_on=False, zorder=4)
    upper = min(row for _, row in crystal.cells)
    right = max(column for column, row in crystal.cells if row == upper) + 1
    axes.annotate(
        str(crystal.rank), (right, upper), color="white", fontsize=9.5, fontweight="bold",
        ha="center", va="center", zorder=6, annotation_clip=False,
        bbox={"boxstyle": "circle,pad=0.28", "facecolor": OUTLINE, "edgecolor": "white", "linewidth": 1.2},
    )  # fmt: skip


def _dress(axes: Axes, part: MapPart) -> None:
    """Cells are counted from 1 on the axes, the numbers in the middle of their cells."""
    axes.set_xlim(0, part.grid.columns)
    axes.set_ylim(part.grid.rows, 0)
    axes.set_xticks(_ticks(part.grid.columns), [str(int(t + 0.5)) for t in _ticks(part.grid.columns)])
    axes.set_yticks(_ticks(part.grid.rows), [str(int(t + 0.5)) for t in _ticks(part.grid.rows)])
    axes.xaxis.tick_top()
    axes.tick_params(colors=FAINT, labelsize=9, length=0, pad=3)
    for spine in axes.spines.values():
        spine.set_color(EDGE)
    axes.set_ylabel("row", color=FAINT, fontsize=9)


def _ticks(n: int) -> list[float]:
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**6) if n / s <= 14)
    numbers = range(1, n + 1, step) if step <= 2 else sorted({1, *range(step, n + 1, step)})
    return [number - 0.5 for number in numbers]


def _scale_bar(axes: Axes, part: MapPart, h: float) -> None:
    """A bar of a round length below the map: um when the step is known, else cells."""
    step = part.grid.step_um[0] if part.grid.step_um else 1.0
    longest = part.grid.columns * step * 0.4
    length = _round_below(max(longest, step))
    cells = length / step
    down = part.grid.rows * (1 + 0.20 / h)
    axes.plot([0, cells], [down, down], color=TEXT, linewidth=3, solid_capstyle="butt", clip_on=False)
    unit = "µm" if part.grid.step_um else ("cell, size not known" if length == 1 else "cells, size not known")
    axes.text(
        0,
        part.grid.rows * (1 + 0.30 / h),
        f"{length:g} {unit}",
        color=TEXT,
        fontsize=9.5,
        va="top",
        clip_on=False,
    )


def _round_below(value: float) -> float:
    power = 10 ** math.floor(math.log10(value))
    return float(max(f * power for f in (1, 2, 5) if f * power <= value * 1.0001))


def _colour_bar(axes: Axes, norm: Normalize, score: str) -> None:
    axes.imshow(
        np.linspace(1, 0, 256)[:, None],
        cmap=MAP_COLOURS,
        aspect="auto",
        extent=(0, 1, 0, float(norm.vmax or 1)),
    )
    axes.yaxis.tick_right()
    axes.set_xticks([])
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=score == "spots"))
    if score == "resolution":
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{1 / value:.1f}" if value > 0 else "none")
        )
    axes.tick_params(colors=FAINT, labelsize=9, length=0, pad=3)
    for spine in axes.spines.values():
        spine.set_color(EDGE)


def _list(figure: Figure, record: Map, part: MapPart, x: float, y: float) -> None:
    """The crystals beside the map."""
    height = figure.get_size_inches()[1]
    lines = [_line(crystal, record.score) for crystal in part.crystals[:LISTED]]
    rest = len(part.crystals) - LISTED
    if rest > 0:
        lines.append(f"and {rest} fainter")
    said = "\n".join(lines) or ("nothing yet" if record.state == "running" else "no crystal")
    head = "Crystals" if lines else ""
    figure.text(x, y, head, color=OUTLINE, fontsize=10, fontweight="bold", va="top")
    figure.text(
        x, y - (0.24 / height if head else 0), said, color=TEXT, fontsize=9.5, va="top", linespacing=1.5
    )


def _line(crystal: MapCrystal, score: str) -> str:
    column, row = crystal.centre
    peak = crystal.peak or 0.0
    what = f"{peak:.0f}" if peak >= 10 else f"{peak:.2g}"
    if score == "resolution" and peak > 0:
        what = f"{1 / peak:.1f} Å"
    unit = " spots" if score == "spots" else ""
    place = f"col {column + 0.5:.1f}, row {row + 0.5:.1f}"
    return f"{crystal.rank}   {place}\n     {what}{unit}, frame {crystal.best_frame}"
