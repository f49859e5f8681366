"""The tables by resolution in a log of AIMLESS, joined row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from beampace.engines.recipe.outputs.columns import shell
from beampace.engines.recipe.outputs.found import SAME_D, Shell, Unreadable
from beampace.engines.recipe.outputs.text import values

TABLES: Mapping[str, Mapping[str, str]] = {
    "Analysis against resolution,": {"Mn(I/sd)": "mean_i_over_sigma"},
    "Analysis against resolution, with & without anomalous": {
        "RmrgOv": "r_merge",
        "RmeasOv": "r_meas",
        "RpimOv": "r_pim",
    },
    "Completeness & multiplicity v. resolution,": {
        "Nmeas": "n_observations",
        "Nref": "n_unique",
        "%poss": "completeness",
        "Mlplct": "multiplicity",
    },
    "Correlations CC(1/2) within dataset,": {
        "CCanom": "cc_anom",
        "CC1/2": "cc_half",
        "NCC1/2": "n_repeated",
    },
}
"""Start of a title to its columns; the longest title that fits a table is the table's."""

MIDDLE = "1/d^2"
PRINTED = 0.0001
"""Precision of a printed middle of a shell."""
UNEVEN = 0.05
"""How much of a step a middle may be off where shells are equal steps."""

MOST_HEAD = 20
"""Lines between a title and the head of its table."""

Row = dict[str, float | None]


def shells_of(lines: Sequence[str], overall: Shell) -> tuple[Shell, ...]:
    """All shells, or () when a table is not there or of another form.

    AIMLESS prints the middle of each shell; its shells are equal steps in 1/d^2 up to the limit of the data.

    Raises:
        Unreadable: a table ends early, holds what is no number, or does not fit the others.
    """
    tables = [_rows(lines, title) for title in TABLES]
    if not all(tables):
        return ()
    if len({len(table) for table in tables}) != 1:
        raise Unreadable("its tables by resolution differ in length")
    limits = _limits([row[MIDDLE] or 0.0 for row in tables[0]], overall)
    if not limits:
        return ()
    joined: list[Row] = [{k: v for row in rows for k, v in row.items()} for rows in zip(*tables, strict=True)]
    return tuple(
        shell({**{name: row[name] for name in row if name != MIDDLE}, "d_max": d_max, "d_min": d_min})
        for row, d_max, d_min in zip(joined, limits, limits[1:], strict=False)
    )


def _limits(middles: Sequence[float], overall: Shell) -> list[float]:
    """Limits of the shells in angstrom, one more than there are shells; [] when they are no equal steps."""
    count = len(middles)
    step = (middles[-1] - middles[0]) / (count - 1) if count > 1 else 2 * middles[0]
    off = [abs(middle - (number + 0.5) * step) for number, middle in enumerate(middles)]
    if not step > 0 or max(off) > PRINTED + UNEVEN * step:
        return []
    if abs((count * step) ** -0.5 - overall.d_min) > SAME_D * overall.d_min:
        raise Unreadable(f"its shells do not end at {overall.d_min:g} Å")
    inner = [round((number * step) ** -0.5, 3) for number in range(1, count)]
    return [overall.d_max, *inner, overall.d_min]


def _rows(lines: Sequence[str], title: str) -> list[Row]:
    start = next((n for n, line in enumerate(lines) if _title(line) == title), None)
    if start is None:
        return []
    near = range(start, min(start + MOST_HEAD, len(lines)))
    head = next((n for n in near if lines[n].rstrip().endswith("$$ $$")), None)
    if head is None:
        raise Unreadable(f"the table {title!r} has no head")
    names = lines[head].replace("$$", "").split()
    wanted = TABLES[title]
    if MIDDLE not in names or not set(wanted) <= set(names):
        return []
    return [_row(words, names, wanted, title) for words in _body(lines[head + 1 :], title)]


def _title(line: str) -> str:
    """The longest of our titles that a line begins a table of, or ""."""
    text = line.strip().removeprefix("$TABLE:").strip() if line.strip().startswith("$TABLE:") else ""
    return max((title for title in TABLES if text.startswith(title)), key=len, default="")


def _body(lines: Sequence[str], title: str) -> list[list[str]]:
    for number, line in enumerate(lines):
        if line.strip() == "$$":
            return [row.split() for row in lines[:number]]
    raise Unreadable(f"the table {title!r} ends early")


def _row(words: Sequence[str], names: Sequence[str], wanted: Mapping[str, str], title: str) -> Row:
    found = dict(zip(names, values(words, len(names), title), strict=True))
    return {MIDDLE: found[MIDDLE], **{ours: found[theirs] for theirs, ours in wanted.items()}}
