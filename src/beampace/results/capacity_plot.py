"""The picture of a capacity study: backlog in the course of data taking, and lag per class by nodes."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from beampace.results.capacity_schema import CapacityAnswer, EngineNeed, NodesOutcome
from beampace.results.durations import lasting
from beampace.results.look_plot import GRID, TEXT, png_of

STATES = {"bounded": "#2e7d5b", "limit": "#c08a1e", "growing": "#b4552d"}
CLASSES = {"urgent": "#7a4fa3", "live": "#0b6e8a", "full": "#2f3a44", "rerun": "#9aa3ab"}
STYLES = ("-", (0, (5, 2)), (0, (1, 1.5)), "-.", (0, (3, 1, 1, 1, 1, 1)))
ROUND_S = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400, 259200)
"""Seconds at which an axis of lags has a tick."""


def capacity_png(answer: CapacityAnswer) -> bytes:
    """The picture as PNG."""
    return png_of(capacity_figure(answer))


def capacity_figure(answer: CapacityAnswer) -> Figure:
    """The figure: two panels, and a third where engines are compared."""
    rows = 3 if answer.engines else 2
    ratios = (2.0, 1.7, 0.35 + 0.25 * len(answer.engines))[:rows]
    words = wrap(answer.words, 105)
    height = 2.2 + 1.75 * sum(ratios) + 0.2 * len(words)
    figure = Figure(figsize=(9.6, height), dpi=120, facecolor="white")
    figure.text(0.1, 1 - 0.32 / height, answer.title, color=TEXT, fontsize=14, fontweight="bold", va="center")
    figure.text(0.1, 1 - 0.54 / height, "\n".join(words), color=TEXT, fontsize=10, va="top", linespacing=1.35)
    top = 1 - (0.9 + 0.2 * len(words)) / height
    places = {"left": 0.1, "right": 0.975, "top": top, "bottom": 0.55 / height, "hspace": 0.34}
    panels = figure.subplots(rows, 1, height_ratios=ratios, gridspec_kw=places)
    _course(panels[0], answer)
    _lags(panels[1], answer.outcomes)
    if answer.engines:
        _engines(panels[2], answer.engines)
    for number, axes in enumerate(panels):
        _dress(axes, "y" if number < 2 else "x")
    return figure


def _course(axes: Axes, answer: CapacityAnswer) -> None:
    """Seconds of work left, over the hours."""
    top = max((max(one.behind_s, default=0.0) for one in answer.outcomes), default=0.0)
    unit, name = (3600.0, "hours") if top > 2 * 3600 else (60.0, "minutes")
    for number, one in enumerate(answer.outcomes):
        count = len(one.behind_s)
        hours = (np.arange(count) + 0.5) * answer.hours / max(1, count)
        words = f"{_nodes(one.nodes)}: {one.state}"
        style = STYLES[number % len(STYLES)]
        values = np.array(one.behind_s) / unit
        axes.plot(hours, values, color=STATES[one.state], linestyle=style, linewidth=1.6, label=words)
    axes.set_xlim(0, answer.hours)
    axes.set_ylim(0, None)
    axes.set_xlabel("hours of data taking", color=TEXT, fontsize=9.5, labelpad=2)
    axes.set_title(f"work left ({name} for the cores it may use)", loc="left", color=TEXT, fontsize=10, pad=4)
    if answer.outcomes:
        axes.legend(frameon=False, fontsize=9, labelcolor=TEXT, loc="upper left")


def _lags(axes: Axes, outcomes: Sequence[NodesOutcome]) -> None:
    """Median and 95th percentile of each class, over the nodes."""
    low, high, named = 1.0, 10.0, set[str]()
    for place, one in enumerate(outcomes):
        for number, found in enumerate(one.classes):
            x = place + 0.14 * (number - (len(one.classes) - 1) / 2)
            median, p95 = max(0.05, found.median_s), max(0.05, found.p95_s)
            colour = CLASSES[found.of]
            axes.plot([x, x], [median, p95], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
            label = None if found.of in named else found.of
            axes.plot([x], [median], "o", color=colour, markersize=5.5, label=label)
            axes.plot([x], [p95], "_", color=colour, markersize=11, markeredgewidth=2)
            named.add(found.of)
            low, high = min(low, median), max(high, p95)
    axes.set_yscale("log")
    axes.set_ylim(low / 1.6, high * 1.8)
    axes.yaxis.set_major_locator(FixedLocator([s for s in ROUND_S if low / 1.6 <= s <= high * 1.8]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: lasting(value)))
    axes.set_xticks(range(len(outcomes)), [_nodes(one.nodes) for one in outcomes])
    axes.set_xlim(-0.6, len(outcomes) - 0.4)
    axes.set_title(
        "last frame to result (dot: median, bar: 95th percentile)", loc="left", color=TEXT, fontsize=10, pad=4
    )
    if named:
        axes.legend(frameon=False, fontsize=9, labelcolor=TEXT, loc="upper right", ncols=len(named))


def _engines(axes: Axes, engines: Sequence[EngineNeed]) -> None:
    """Nodes each engine needs."""
    for place, one in enumerate(reversed(engines)):
        nodes = one.nodes or 0
        pace = one.pace_nodes is not None
        axes.barh(place, nodes, height=0.55, color=STATES["bounded" if pace else "limit"], alpha=0.85)
        axes.text(nodes, place, "  " + _said(one), va="center", color=TEXT, fontsize=9)
    axes.set_yticks(range(len(engines)), [one.engine for one in reversed(engines)])
    axes.set_xlim(0, 2.2 * max([one.nodes or 1 for one in engines]))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set_title("nodes that keep the lag bounded, by engine", loc="left", color=TEXT, fontsize=10, pad=4)


def _said(one: EngineNeed) -> str:
    if one.nodes is None:
        return "more than were tried" if one.shortest_s else "no such work"
    lag = "" if one.p95_s is None else f", 95 % within {lasting(one.p95_s)}"
    if one.pace_nodes == one.nodes:
        return f"{one.nodes}, as fast as data taking{lag}"
    if one.pace_nodes is not None:
        return f"{one.nodes}; as fast as data taking with {one.pace_nodes}"
    return f"{one.nodes}, but {lasting(one.shortest_s)} even alone: not as fast as data taking"


def _nodes(count: int) -> str:
    return f"{count} node" if count == 1 else f"{count} nodes"


def _dress(axes: Axes, across: Literal["x", "y"]) -> None:
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GRID)
    axes.grid(axis=across, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=TEXT, labelsize=9.5, length=0, pad=5)
