"""The picture of a look: spots, resolution and background over the frames."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from beampace.results.look_schema import Look
from beampace.results.plots import numbers

TEXT, GRID, SPOTS, DEPTH, LEVEL = "#2f3a44", "#dfe3e6", "#0b6e8a", "#b4552d", "#6b7680"
LOST, ICE, USEFUL = "#c9ced3", "#7fb2d9", "#eaf4ee"
ROUND = (
    0.8,
    0.9,
    *(round(0.1 * n, 1) for n in range(10, 25)),
    2.6,
    2.8,
    3.0,
    3.5,
    4.0,
    5.0,
    6.0,
    8.0,
    10.0,
    20.0,
)
"""Values of d in A at which the axis of resolution has a tick."""
MARKS = 90
"""Up to so many frames every value has its own mark."""


def look_png(record: Look, words: str) -> bytes:
    """The picture as PNG.

    Args:
        record: what is known of the frames.
        words: the verdict, printed below the title.
    """
    return png_of(look_figure(record, words))


def png_of(figure: Figure) -> bytes:
    """A figure as PNG, drawn by Agg: no display, no global state."""
    stream = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(stream, format="png")
    return stream.getvalue()


def look_figure(record: Look, words: str) -> Figure:
    """The figure: three quantities over the frame number."""
    frame = numbers(record.columns["frame"])
    figure = Figure(figsize=(9.6, 6.6), dpi=120, facecolor="white")
    figure.text(0.085, 0.955, record.dataset.name, color=TEXT, fontsize=15, fontweight="bold", va="center")
    figure.text(0.085, 0.912, _wrapped(words), color=TEXT, fontsize=10.5, va="top", linespacing=1.35)
    top = 0.845 - 0.025 * len(_wrapped(words).splitlines())
    places = {"left": 0.085, "right": 0.975, "top": top, "bottom": 0.085, "hspace": 0.24}
    panels = figure.subplots(3, 1, sharex=True, height_ratios=(2.2, 1.6, 1.0), gridspec_kw=places)
    _spots(panels[0], record, frame)
    _resolution(panels[1], record, frame)
    _background(panels[2], record, frame)
    for axes in panels:
        _dress(axes)
        _shade(axes, record, frame)
    half = 0.5 if len(frame) > 1 else 1.0
    panels[2].set_xlim(record.frames.first - half, record.frames.last + half)
    panels[2].set_xlabel("frame", color=TEXT)
    panels[2].xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
    return figure


def _spots(axes: Axes, record: Look, frame: np.ndarray) -> None:
    spots, every = numbers(record.columns["spots"]), numbers(record.columns["spots_all"])
    axes.fill_between(frame, spots, every, color=LEVEL, alpha=0.18, linewidth=0, label="all spots")
    _line(axes, frame, spots, SPOTS)
    axes.fill_between(frame, 0, spots, color=SPOTS, alpha=0.12, linewidth=0)
    axes.set_ylim(0, max(1.0, float(np.nanmax(every, initial=1.0)) * 1.06))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    _name(axes, "spots per frame (grey: with ice rings and weak ones)")


def _resolution(axes: Axes, record: Look, frame: np.ndarray) -> None:
    d_min = numbers(record.columns["d_min"])
    _line(axes, frame, 1 / d_min**2, DEPTH, dots=True)
    known = d_min[np.isfinite(d_min)]
    low = 1 / (known.max() if known.size else 8.0) ** 2
    high = 1 / (known.min() if known.size else 2.0) ** 2
    axes.set_ylim(max(0.0, low - 0.15 * (high - low) - 0.005), high + 0.1 * (high - low) + 0.005)
    ticks = _round_spacings(*axes.get_ylim())
    axes.set_yticks([1 / d**2 for d in ticks], [f"{d:g}" for d in ticks])
    _name(axes, "resolution (Å), better upwards")


def _background(axes: Axes, record: Look, frame: np.ndarray) -> None:
    level = numbers(record.columns["background"])
    _line(axes, frame, level, LEVEL)
    axes.set_ylim(0, max(float(np.nanmax(level, initial=0.0)) * 1.15, 1e-3))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    _name(axes, "background (counts per pixel)")
    icy = frame[numbers(record.columns["ice_rings"]) == 1]
    if icy.size:
        top = axes.get_ylim()[1]
        axes.plot(icy, np.full(icy.size, 0.93 * top), "|", color=ICE, markersize=6, clip_on=False)
        axes.text(
            0.995, 0.76, "ice rings", color=ICE, fontsize=9, ha="right", va="top", transform=axes.transAxes
        )


def _line(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str, *, dots: bool = False) -> None:
    few = len(x) <= MARKS
    if dots and not few:
        axes.plot(x, y, ".", color=colour, markersize=4 if len(x) <= 500 else 2.5, alpha=0.7)
        return
    # Runs of adjoining frames only: no line leads over frames that are not there.
    gaps = np.flatnonzero(np.diff(x) > 1) + 1
    x, y = np.insert(x, gaps, np.nan), np.insert(y, gaps, np.nan)
    axes.plot(x, y, color=colour, linewidth=1.4, marker="o" if few else "", markersize=3.2)


def _shade(axes: Axes, record: Look, frame: np.ndarray) -> None:
    """Failed frames hatched, the useful range tinted."""
    failed = frame[[word == "failed" for word in record.columns["verdict"]]] if len(frame) else frame
    for first, last in _runs(failed):
        axes.axvspan(first - 0.5, last + 0.5, facecolor="#f4f5f6", edgecolor=LOST, hatch="////", linewidth=0)
    useful = record.useful_range
    if useful is not None and useful.ending not in ("whole", "no_diffraction"):
        axes.axvspan(useful.first - 0.5, useful.last + 0.5, color=USEFUL, zorder=-5)
        for edge in (useful.first - 0.5, useful.last + 0.5):
            axes.axvline(edge, color="#3f8f5f", linewidth=1, linestyle=(0, (4, 3)))


def _runs(values: np.ndarray) -> list[tuple[float, float]]:
    if not values.size:
        return []
    parts: Sequence[np.ndarray] = np.split(values, np.flatnonzero(np.diff(values) > 1) + 1)
    return [(float(part[0]), float(part[-1])) for part in parts]


def _dress(axes: Axes) -> None:
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GRID)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=TEXT, labelsize=9.5, length=0, pad=5)


def _name(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", color=TEXT, fontsize=10, pad=4)


def _round_spacings(low: float, high: float) -> list[float]:
    """Round values of d within a range of 1/d**2 that do not crowd each other."""
    found: list[float] = []
    for d in ROUND:
        place = 1 / d**2
        if low <= place <= high and (not found or 1 / found[-1] ** 2 - place > 0.11 * (high - low)):
            found.append(d)
    if len(found) >= 3:
        return found
    largest, smallest = 1 / math.sqrt(max(low, 1e-3)), 1 / math.sqrt(high)
    step = max(0.01, round((largest - smallest) / 4, 2))
    return [round(step * n, 2) for n in range(math.ceil(smallest / step), math.floor(largest / step) + 1)]


def _wrapped(words: str, width: int = 112) -> str:
    lines, line = [], ""
    for word in words.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])
