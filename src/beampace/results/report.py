"""The report: one HTML file that needs neither network nor scripts, for results and for failures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

import jinja2

from beampace.core.taxonomy import TAXONOMY, Exit, Failure
from beampace.core.verdict import Success
from beampace.results.schema import Result, ShellInfo
from beampace.results.summary import (
    SHELL_HEAD,
    Row,
    cell_text,
    laue_text,
    number,
    shell_rows,
    space_group_text,
    spacing,
)
from beampace.results.verdict import few_repeated, percent
from beampace.results.write import write_text

REPORT = "report.html"


@dataclass(frozen=True, slots=True)
class Badge:
    """How the result is to be taken at a glance: a word, a sign and a tone (a CSS class)."""

    word: str
    sign: str
    tone: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A key figure: all data large, the outer shell small."""

    label: str
    overall: str
    outer: str


_BADGES = {
    Success.MERGED.value: Badge("Merged", "✓", "good"),
    Success.LITTLE_DATA.value: Badge("Little data", "!", "fair"),
    Success.FINISHED.value: Badge("Finished", "✓", "good"),
}
_BY_EXIT = {
    Exit.SCIENCE: Badge("No merged data", "–", "fair"),
    Exit.BAD_INPUT: Badge("Input cannot be used", "×", "poor"),
    Exit.INFRASTRUCTURE: Badge("Processing failed", "×", "poor"),
    Exit.CANCELLED: Badge("Cancelled", "–", "fair"),
}


def write_report(directory: Path, result: Result) -> Path:
    """Write `report.html` into the result directory; return its path.

    Raises:
        InfrastructureError: the disk is full, or the directory cannot be written.
    """
    return write_text(directory / REPORT, report_html(result))


def report_html(result: Result) -> str:
    """The text of the report."""
    from beampace.results import plots  # matplotlib starts slowly; nothing but a report needs it

    symbols = result.crystal.space_group_candidates if result.crystal else ()
    template = environment().get_template("report.html.j2")
    return template.render(
        unbroken=partial(unbroken, symbols=symbols),
        result=result,
        badge=badge(result.verdict.code),
        tiles=tiles(result),
        crystal=crystal_rows(result),
        head=SHELL_HEAD,
        shells=shell_rows(result),
        shell_plots=plots.shell_plots(result),
        frame_plots=plots.frame_plots(result),
        frames=frame_rows(result),
        links=links(result.files),
        timing=timing_rows(result.timing),
        asked=asked_rows(result),
        created=moment(result.created),
    )


def environment() -> jinja2.Environment:
    """Templates of the package, everything escaped."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("beampace.results"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def unbroken(text: str, symbols: Iterable[str]) -> str:
    """The text with no-break spaces within the space group symbols."""
    for symbol in symbols:
        text = text.replace(symbol, symbol.replace(" ", "\u00a0"))
    return text


def badge(code: str) -> Badge:
    """The badge of a verdict code; an unknown code is shown as a failure."""
    if code in _BADGES:
        return _BADGES[code]
    known = code in Failure.__members__.values()
    return _BY_EXIT[TAXONOMY[Failure(code)].exit if known else Exit.INFRASTRUCTURE]


def tiles(result: Result) -> list[Tile]:
    """Key figures of merged data."""
    if result.statistics is None:
        return []
    overall = {
        **_figures(result.statistics.overall),
        "Resolution": f"{result.statistics.overall.d_min:.2f} Å",
    }
    outer = _figures(result.statistics.outer)
    single = len(result.statistics.shells) == 1
    return [Tile(label, overall[label], "" if single else f"outer shell {outer[label]}") for label in overall]


def _figures(shell: ShellInfo) -> dict[str, str]:
    enough = not few_repeated(shell)
    return {
        "Resolution": f"{spacing(shell.d_max)}–{spacing(shell.d_min)} Å",
        "Completeness": "–" if shell.completeness is None else percent(shell.completeness),
        "Multiplicity": number(shell.multiplicity, 1),
        "CC1/2": number(shell.cc_half if enough else None, 3),
        "I/σ(I)": number(shell.mean_i_over_sigma, 1),
        "R meas": number(shell.r_meas if enough else None, 3),
    }


def crystal_rows(result: Result) -> list[Row]:
    """The crystal as label and value."""
    crystal = result.crystal
    if crystal is None:
        return []
    rows = [
        ("Space group", space_group_text(crystal)),
        ("Laue group", laue_text(crystal)),
        ("Unit cell", cell_text(crystal)),
    ]
    if crystal.mosaicity_deg is not None:
        rows.append(("Mosaicity", f"{crystal.mosaicity_deg:.3f}° (e.s.d.)"))
    if crystal.indexed_fraction is not None:
        counts = f"{crystal.n_indexed} of {crystal.n_spots}"
        rows.append(("Spots indexed", f"{percent(crystal.indexed_fraction)} ({counts})"))
    if crystal.rmsd is not None:
        x, y, z = crystal.rmsd
        rows.append(("Spot r.m.s.d.", f"x {x:.2f} px, y {y:.2f} px, {z:.2f} frames"))
    return rows


def frame_rows(result: Result) -> list[Row]:
    """The dataset and its frames as label and value."""
    dataset = result.dataset
    if dataset is None:
        return []
    frames = dataset.frames
    rows = [("Kind", dataset.kind), ("Frames", f"{frames.usable} usable of {frames.announced} announced")]
    if frames.used:
        rows.append(("Used", f"{frames.used[0]} to {frames.used[1]}"))
    if frames.width_deg:
        total = abs(frames.width_deg) * frames.usable
        rows.append(("Rotation", f"{abs(frames.width_deg):.4g}° per frame, {total:.5g}° usable"))
    if dataset.wavelength is not None:
        rows.append(("Wavelength", f"{dataset.wavelength:.5f} Å"))
    if dataset.distance_mm is not None:
        rows.append(("Distance", f"{dataset.distance_mm:.1f} mm"))
    optional = (("Detector", dataset.detector), ("Collected", moment(dataset.collected)))
    return [*rows, *((label, text) for label, text in optional if text), ("Master file", dataset.path)]


def links(files: Mapping[str, str]) -> list[Row]:
    """Path and an address that can only be a file below the report's directory."""
    return [(path, "./" + quote(path)) for path in files.values()]


def timing_rows(timing: Mapping[str, float]) -> list[Row]:
    """Steps and their seconds in words."""
    return [
        (step.removesuffix("_s").replace("_", " "), f"{seconds:.1f} s") for step, seconds in timing.items()
    ]


def asked_rows(result: Result) -> list[Row]:
    """What was asked for, then the arguments of each step."""
    asked = {key: value for key, value in result.parameters.asked.model_dump().items() if value}
    rows = [(key.replace("_", " "), _plain(value)) for key, value in asked.items()]
    rows += [(str(key), _plain(value)) for key, value in result.parameters.other.items()]
    return rows + [(step, " ".join(words)) for step, words in result.parameters.engine.items()]


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_plain(item)}" for key, item in value.items())
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def moment(time: datetime | None) -> str:
    """A time in UTC, "" when unknown."""
    return "" if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
