"""`results_<dataset>.txt`: the summary XDSAPP writes beside its reflection files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from beampace.engines.recipe.outputs.columns import shell
from beampace.engines.recipe.outputs.found import Found, Shell, Statistics, Unreadable
from beampace.engines.recipe.outputs.symmetry import crystal_of
from beampace.engines.recipe.outputs.text import behind, number, only, values, whole_lines

METHOD = "As XDS prints them, by XDSAPP: Friedel mates taken together"
METHOD_APART = "As XDS prints them, by XDSAPP: Friedel mates counted apart, also for the completeness"
APART = "XDSAPP counted Friedel mates apart: completeness and R_meas are those of the anomalous data."

HEAD = "Processing summary for data set"
TABLE = "Table 1 like summary"
BEHIND = "Result files generated"
"""The heading that follows the table: without it the file ends early."""

PAIR = re.compile(r"(?P<overall>[^\s()]+)\s*\(\s*(?P<outer>[^\s()]+)\s*\)")
RANGE = re.compile(r"([^\s()-]+)-([^\s()-]+) \(([^\s()-]+)-([^\s()-]+)\)")
NO_R_MEAS = -99.9
"""How XDS writes an R_meas (in per cent) where nothing was observed twice."""
NO_ISA = 50.0
"""ISa of the error model XDS starts from: no measurement."""

INDEXED = re.compile(r"(\d{1,9}) \((\d{1,9})\)", re.ASCII)
GROUP = re.compile(r"\S.*\((\d{1,3})\)", re.ASCII)

PAIRS: Mapping[str, tuple[str, float]] = {
    "I/sigI": ("mean_i_over_sigma", 1.0),
    "R_meas [%]": ("r_meas", 0.01),
    "Completeness [%]": ("completeness", 1.0),
    "CC(1/2)": ("cc_half", 0.01),
}
"""Rows of a value for all data and one for the outer shell: our name and the factor to our unit."""


COUNTS: Mapping[str, str] = {
    "No. of reflections": "n_observations",
    "No. of uniques": "n_unique",
    "Multiplicity": "multiplicity",
}


def parse_xdsapp(text: str) -> Found:
    """What XDSAPP says of its one dataset.

    Raises:
        Unreadable: it is no such summary, or ends within its table.
    """
    lines = whole_lines(text)
    if len(list(behind(lines, HEAD))) != 1:
        raise Unreadable(f"it has no single heading {HEAD!r}")
    table = _table(lines)
    group = GROUP.fullmatch(_of(table, "Space group"))
    if group is None:
        raise Unreadable(f"{_of(table, 'Space group')!r} is no space group with its number")
    indexed, spots = _spots(lines)
    crystal = crystal_of(
        (group[1],),
        values(_of(table, "Unit cell parameters [A]").split(), 6, "Unit cell parameters"),
        mosaicity=_number(table, "Mosaicity [deg]"),
        indexed_fraction=indexed / spots if spots else None,
    )
    apart = _friedel_apart(lines)
    return Found(
        crystal,
        _statistics(table, apart=apart),
        spots,
        indexed,
        details=_details(table, apart=apart),
        remarks=(APART,) if apart else (),
    )


def _friedel_apart(lines: Sequence[str]) -> bool:
    """Whether XDS took Friedel mates for different reflections; the last line that XDSAPP writes."""
    law = only(list(behind(lines, "Friedels law")), "line of Friedel's law")
    if law not in ("TRUE", "FALSE"):
        raise Unreadable(f"Friedel's law is {law!r}")
    return law == "FALSE"


def _table(lines: Sequence[str]) -> dict[str, str]:
    """The rows of the table, label to value; labels and values are columns of a fixed width."""
    starts = [n for n, line in enumerate(lines) if line.strip() == TABLE]
    ends = [n for n, line in enumerate(lines) if line.strip().startswith(BEHIND)]
    if len(starts) != 1 or len(ends) != 1 or ends[0] < starts[0]:
        raise Unreadable(f"it has no table {TABLE!r} with {BEHIND!r} behind it")
    found: dict[str, str] = {}
    for line in lines[starts[0] + 2 : ends[0]]:
        label, _, value = line.strip().partition("  ")
        if not label:
            continue
        if label in found:
            raise Unreadable(f"{label!r} is there twice")
        found[label] = value.strip()
    return found


def _statistics(table: Mapping[str, str], *, apart: bool) -> Statistics:
    """Statistics; reflections whose Friedel mates were counted apart are no unique reflections."""
    limits = RANGE.fullmatch(_of(table, "Resolution limit [A]"))
    if limits is None:
        raise Unreadable(f"{_of(table, 'Resolution limit [A]')!r} is no range of resolution")
    ends = values(limits.groups(), 4, "Resolution limit")
    pairs = {name: _pair(table, label, factor) for label, (name, factor) in PAIRS.items() if label in table}
    if missing := {"completeness", "r_meas", "mean_i_over_sigma"} - set(pairs):
        raise Unreadable(f"it does not say {', '.join(sorted(missing))}")
    counts = {name: _needed(table, label) for label, name in COUNTS.items()}
    overall = _shell(ends[:2], {name: pair[0] for name, pair in pairs.items()} | counts)
    return Statistics(
        overall=replace(overall, n_unique=None, multiplicity=None) if apart else overall,
        outer=_shell(ends[2:], {name: pair[1] for name, pair in pairs.items()}),
        method=METHOD_APART if apart else METHOD,
        friedel_apart=apart,
    )


def _shell(ends: Sequence[float | None], known: Mapping[str, float | None]) -> Shell:
    return shell({"d_max": ends[0], "d_min": ends[1], **known})


def _pair(table: Mapping[str, str], label: str, factor: float) -> tuple[float | None, float | None]:
    match = PAIR.fullmatch(table[label])
    if match is None:
        raise Unreadable(f"{label!r} is no value with that of the outer shell in brackets")
    overall, outer = (_scaled(match[part], factor, label) for part in ("overall", "outer"))
    return overall, outer


def _scaled(word: str, factor: float, label: str) -> float | None:
    """A value in our unit; XDS writes an R_meas of -99.9 % where nothing was observed twice."""
    value = number(word)
    if value is None or (label.startswith("R_meas") and value == NO_R_MEAS):
        return None
    return round(value * factor, 6)


def _spots(lines: Sequence[str]) -> tuple[int, int]:
    """Strong spots explained, and found; zeros when it does not say."""
    rows = list(behind(lines, "No. of spots indexed (total)"))
    match = INDEXED.match(only(rows, "number of indexed spots")) if rows else None
    if match is None:
        return 0, 0
    indexed, spots = int(match[1]), int(match[2])
    if indexed > spots:
        raise Unreadable(f"{indexed} of {spots} spots are indexed")
    return indexed, spots


def _details(table: Mapping[str, str], *, apart: bool) -> dict[str, Any]:
    found = {"isa": _number(table, "ISa"), "wilson_b": _number(table, "B(Wilson) [A^2]")}
    if found["isa"] == NO_ISA:
        found["isa"] = None
    if apart:
        found["anomalous_multiplicity"] = _number(table, "Multiplicity")
    return {name: value for name, value in found.items() if value is not None}


def _of(table: Mapping[str, str], label: str) -> str:
    if label not in table:
        raise Unreadable(f"its table does not say {label!r}")
    return table[label]


def _number(table: Mapping[str, str], label: str) -> float | None:
    return number(table[label]) if table.get(label) else None


def _needed(table: Mapping[str, str], label: str) -> float:
    value = number(_of(table, label))
    if value is None:
        raise Unreadable(f"it does not say {label!r}")
    return value
