"""Plots of a report: matplotlib figures as SVG text, once for a light page and once for a dark one."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from beampace.results.schema import Result, ShellInfo
from beampace.results.summary import spacing

SIZE = (5.2, 2.7)
MARGINS = (0.115, 0.215, 0.845, 0.75)
"""Left, bottom, width and height of the axes; a layout engine would draw every figure twice."""
MAX_POINTS = 400
"""A series of more frames is drawn as means over runs of frames."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"


@dataclass(frozen=True, slots=True)
class Ink:
    """Colours of a plot."""

    text: str
    grid: str
    line: str
    second: str


LIGHT = Ink(text="#56606a", grid="#dfe3e6", line="#0b6e8a", second="#b4552d")
DARK = Ink(text="#a9b4be", grid="#2b343c", line="#5cc0d9", second="#e8956b")


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot: title, description for those who cannot see it, and two `data:` URIs."""

    title: str
    description: str
    light: str
    dark: str


Draw = Callable[[Axes, Ink], None]


@dataclass(frozen=True, slots=True)
class Measure:
    """A value of a shell or frame that is worth a plot."""

    name: str
    title: str
    top: float | None = None
    level: float | None = None
    per_cent: bool = False


SHELL_MEASURES = (
    Measure("cc_half", "CC1/2 by resolution", top=1.04, level=0.3),
    Measure("mean_i_over_sigma", "I/σ(I) by resolution", level=2.0),
    Measure("completeness", "Completeness by resolution (%)", top=104, per_cent=True),
    Measure("r_meas", "R meas by resolution"),
)

FRAME_MEASURES = (
    Measure("spots", "Spots by frame"),
    Measure("scale", "Scale (relative strength) by frame"),
    Measure("r_merge", "R merge by frame"),
    Measure("observations", "Scaled observations by frame"),
    Measure("i_over_sigma", "Unmerged I/σ(I) by frame"),
    Measure("background", "Background by frame"),
)


def shell_plots(result: Result) -> list[Plot]:
    """Plots against resolution; none below two shells."""
    shells = result.statistics.shells if result.statistics else ()
    if len(shells) < 2:
        return []
    return [shell_plot(shells, measure) for measure in SHELL_MEASURES]


def shell_plot(shells: Sequence[ShellInfo], measure: Measure) -> Plot:
    """One statistic against 1/d^2, the axis labelled with d."""
    factor = 100.0 if measure.per_cent else 1.0
    x = np.array([(1 / shell.d_max**2 + 1 / shell.d_min**2) / 2 for shell in shells])
    y = numbers([getattr(shell, measure.name) for shell in shells]) * factor
    span = (1 / shells[0].d_max ** 2, 1 / shells[-1].d_min ** 2)

    def draw(axes: Axes, ink: Ink) -> None:
        axes.plot(x, y, color=ink.line, linewidth=1.8, marker="o", markersize=4, clip_on=False)
        if measure.level is not None:
            axes.axhline(measure.level, color=ink.second, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlim(span)
        resolution_axis(axes, span)
        limits(axes, y, measure.top)

    ends = f"{said(y[0])} at {shells[0].d_min:.2f} Å, {said(y[-1])} at {shells[-1].d_min:.2f} Å"
    return plot(measure.title, f"{measure.title}: {ends}.", draw)


def frame_plots(result: Result) -> list[Plot]:
    """Plots against the frame number, of those columns that are there; none below two frames."""
    frames = numbers(result.columns.get("frame", ()))
    if len(frames) < 2:
        return []
    there = [measure for measure in FRAME_MEASURES if measure.name in result.columns]
    found = [frame_plot(frames, numbers(result.columns[measure.name]), measure) for measure in there]
    return [item for item in found if item]


def frame_plot(frames: np.ndarray, values: np.ndarray, measure: Measure) -> Plot | None:
    """One value against the frame number; None when it is known for fewer than two frames."""
    if np.isfinite(values).sum() < 2:
        return None
    x, y = thinned(frames, values)
    few = len(x) <= 60

    def draw(axes: Axes, ink: Ink) -> None:
        axes.plot(
            x, y, color=ink.line, linewidth=1.4, marker="o" if few else "", markersize=3.5, clip_on=False
        )
        axes.set_xlim(frames[0], frames[-1])
        axes.set_xlabel("frame")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        limits(axes, y, None)

    low, high = np.nanmin(y), np.nanmax(y)
    return plot(measure.title, f"{measure.title}: between {said(low)} and {said(high)}.", draw)


def numbers(values: Sequence[object]) -> np.ndarray:
    """Floats; NaN where a value is missing or is not a number."""
    return np.array([float(v) if isinstance(v, int | float) else math.nan for v in values])


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `MAX_POINTS` points: means over runs of adjoining ones, missing values left out."""
    step = -(-len(x) // MAX_POINTS)
    if step == 1:
        return x, y
    starts = np.arange(0, len(x), step)
    known = np.isfinite(y)
    count = np.add.reduceat(known.astype(float), starts)
    total = np.add.reduceat(np.where(known, y, 0.0), starts)
    mean = np.divide(total, count, out=np.full(len(starts), math.nan), where=count > 0)
    return np.add.reduceat(x, starts) / np.diff(np.append(starts, len(x))), mean


def limits(axes: Axes, y: np.ndarray, top: float | None) -> None:
    """Begin at zero unless values lie below; end at `top` or a little above the largest."""
    known = y[np.isfinite(y)]
    if not len(known):
        return
    low, high = min(0.0, float(known.min())), float(known.max())
    axes.set_ylim(low * 1.05, top if top is not None else (high * 1.08 if high > 0 else 1.0))


def resolution_axis(axes: Axes, span: tuple[float, float]) -> None:
    """Ticks at equal steps of 1/d^2 with d as labels."""
    ticks = np.linspace(*span, 6)
    axes.set_xticks(ticks, [spacing(1 / math.sqrt(tick)) for tick in ticks])
    axes.set_xlabel("resolution d (Å)")


def said(value: float) -> str:
    """A number for a description."""
    return f"{value:.3g}" if math.isfinite(value) else "unknown"


def plot(title: str, description: str, draw: Draw) -> Plot:
    """Draw once; the dark plot is the light one with its colours exchanged."""
    text = rendered(draw, LIGHT)
    dark = text
    for field in fields(Ink):
        dark = dark.replace(getattr(LIGHT, field.name), getattr(DARK, field.name))
    return Plot(title, description, data_uri(text), data_uri(dark))


def rendered(draw: Draw, ink: Ink) -> str:
    """A figure as SVG text without background; text stays text, in the reader's own font."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "beampace"}):
        figure = Figure(figsize=SIZE)
        axes = figure.add_axes(MARGINS)
        dress(axes, ink)
        draw(axes, ink)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return re.sub(r"font: ([0-9.]+px) [^;\"]*", rf"font: \1 {FONT}", stream.getvalue())


def data_uri(svg: str) -> str:
    """SVG text as the address of an image."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def dress(axes: Axes, ink: Ink) -> None:
    """Quiet axes: no frame but the base line, a light grid, readable numbers."""
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(ink.grid)
    axes.grid(axis="y", color=ink.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=ink.text, labelsize=11.5, length=0, pad=6)
    axes.xaxis.label.set(color=ink.text, fontsize=11.5)
