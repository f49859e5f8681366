"""What xia2 leaves: `xia2.json`, and the merging statistics in `xia2.txt`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from beampace.engines.recipe.outputs.columns import Table, details_of, statistics_of
from beampace.engines.recipe.outputs.found import Found, Statistics, Unreadable
from beampace.engines.recipe.outputs.json_text import a_list, a_mapping, a_number, a_text, content
from beampace.engines.recipe.outputs.symmetry import crystal_of
from beampace.engines.recipe.outputs.text import Values, after, behind, number, only, values, whole_lines

METHOD = "R values over all I+ and I-, CC1/2 of random half sets, by xia2"

LABELS = {
    "Low resolution limit": "d_max",
    "High resolution limit": "d_min",
    "Completeness": "completeness",
    "Multiplicity": "multiplicity",
    "I/sigma": "mean_i_over_sigma",
    "Rmerge(I)": "r_merge",
    "Rmeas(I)": "r_meas",
    "Rpim(I)": "r_pim",
    "CC half": "cc_half",
    "Anomalous completeness": "anomalous_completeness",
    "Anomalous multiplicity": "anomalous_multiplicity",
    "Anomalous correlation": "cc_anom",
    "Total observations": "n_observations",
    "Total unique": "n_unique",
}
NEEDED = ("r_meas", "mean_i_over_sigma", "n_observations", "n_unique")

COLUMNS = {
    ("Overall", "Low", "High"): 3,
    ("Suggested", "Low", "High", "Overall"): 4,
}
"""Heads of the table; with four columns the first three end at the limit xia2 suggests."""

GROUP = "Assuming spacegroup:"
OTHERS = "Other likely alternatives are:"
CELLS = ("Unit cell:", "Unit cell (with estimated std devs):")
UNCERTAINTY = re.compile(r"\(\d+\)")


def parse_xia2_json(text: str) -> Found:
    """The one dataset of the one crystal in `xia2.json`.

    Raises:
        Unreadable: it is no such file, or there are several datasets.
    """
    crystals = a_mapping(content(text), "_crystals")
    scaler = a_mapping(_single(crystals, "crystal"), "_scaler")
    printed = _single(a_mapping(scaler, "_scalr_statistics"), "dataset")
    if not isinstance(printed, dict):
        raise Unreadable("its statistics are of another form")
    rows = {ours: _numbers(printed, theirs) for theirs, ours in LABELS.items() if theirs in printed}
    groups = a_list(scaler, "_scalr_likely_spacegroups")
    symbols = [a_text(symbol, "_scalr_likely_spacegroups") for symbol in groups]
    if not symbols:
        raise Unreadable("it names no space group")
    cell = [a_number(value, "_scalr_cell") for value in a_list(scaler, "_scalr_cell")]
    return _found(rows, symbols, cell)


def parse_xia2_txt(text: str) -> Found:
    """The one dataset in `xia2.txt`.

    Raises:
        Unreadable: it is no such file, ends early, or there are several datasets.
    """
    lines = whole_lines(text)
    heads = [n for n, line in enumerate(lines) if line.startswith("For ") and _columns(line)]
    if len(heads) != 1:
        raise Unreadable(f"it has {len(heads) or 'no'} tables of merging statistics, not one")
    part = lines[heads[0] :]
    return _found(_rows(part), _symbols(part), _cell(part))


def _found(rows: Table, symbols: Sequence[str], cell: Sequence[float | None]) -> Found:
    if missing := [name for name in NEEDED if name not in rows]:
        raise Unreadable(f"it does not say {', '.join(missing)}")
    count = {len(row) for row in rows.values()}
    if len(count) != 1 or count not in ({3}, {4}):
        raise Unreadable("its rows have not three or four values each")
    table = {name: row[:3] for name, row in rows.items()}
    statistics = _statistics(table, rows)
    return Found(crystal_of(symbols, cell), statistics, details=details_of(table))


def _statistics(table: Table, rows: Table) -> Statistics:
    """Statistics to the limit xia2 suggests, which its files may go beyond."""
    ends = rows.get("d_min", ())
    reason = ""
    if len(ends) == 4 and ends[3] is not None and ends[0] is not None and ends[3] < ends[0]:
        reason = f"xia2 suggests it; its files go to {ends[3]:.2f} Å."
    return statistics_of(table, METHOD, reason)


def _numbers(printed: Mapping[str, Any], name: str) -> Values:
    return tuple(a_number(value, name) for value in a_list(printed, name))


def _single(of: Mapping[str, Any], what: str) -> Any:
    if len(of) != 1:
        raise Unreadable(f"it holds {len(of) or 'no'} {what}{'s' * (len(of) > 1)}, not one")
    return next(iter(of.values()))


def _columns(line: str) -> int:
    """How many columns a head announces, 0 when it is none."""
    return next((count for head, count in COLUMNS.items() if tuple(line.split()[2:]) == head), 0)


def _rows(lines: Sequence[str]) -> dict[str, Values]:
    count = _columns(lines[0])
    end = next((n for n, line in enumerate(lines) if line.strip().startswith(GROUP)), None)
    if end is None:
        raise Unreadable(f"its table has no {GROUP!r} behind it")
    found: dict[str, Values] = {}
    for label, name in LABELS.items():
        matches = [words for line in lines[1:end] if (words := after(line, label)) is not None]
        if len(matches) > 1:
            raise Unreadable(f"{label!r} is there twice")
        if matches:
            found[name] = values(matches[0], count, label)
    return found


def _symbols(lines: Sequence[str]) -> list[str]:
    """The space group and the others xia2 finds likely."""
    symbols = [only(list(behind(lines, GROUP)), f"line {GROUP!r}")]
    stripped = [line.strip() for line in lines]
    if OTHERS in stripped:
        rest = stripped[stripped.index(OTHERS) + 1 :]
        end = next((n for n, line in enumerate(rest) if line in CELLS), 0)
        symbols += rest[:end]
    return symbols


def _cell(lines: Sequence[str]) -> list[float | None]:
    """The cell on the two lines behind its heading; the last thing of the table, so that it is whole."""
    at = [n for n, line in enumerate(lines) if line.strip() in CELLS]
    if len(at) != 1 or len(lines) < at[0] + 3:
        raise Unreadable("it gives no cell behind its table")
    words = " ".join(lines[at[0] + 1 : at[0] + 3])
    return [number(word) for word in UNCERTAINTY.sub("", words).split()]
