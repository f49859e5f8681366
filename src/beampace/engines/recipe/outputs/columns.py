"""From a table of three columns (all data, inner shell, outer shell) to statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from beampace.engines.recipe.outputs.found import Shell, Statistics, Unreadable, without_empty_zeros
from beampace.engines.recipe.outputs.text import Values, after, values

OVERALL, INNER, OUTER = 0, 1, 2

NEEDED = ("d_max", "d_min", "completeness", "multiplicity")
"""Without these there are no statistics."""

COUNTS = ("n_observations", "n_unique", "n_repeated")
PER_CENT = ("completeness", "anomalous_completeness", "completeness_ellipsoidal")
R_VALUES = ("r_merge", "r_meas", "r_pim")
FURTHER = ("anomalous_completeness", "anomalous_multiplicity", "completeness_ellipsoidal")
"""What our schema has no place for; it is told as details."""

Table = Mapping[str, Values]
"""Our names to one value per column; completeness in per cent, as printed."""


def rows(lines: Sequence[str], labels: Mapping[str, str], count: int = 3) -> dict[str, Values]:
    """The rows of a printed table.

    Args:
        lines: of the table alone.
        labels: start of a row to our name; the first label of a name that is there counts.
        count: columns.

    Raises:
        Unreadable: a row has another number of values, or is there twice.
    """
    found: dict[str, Values] = {}
    for label, name in labels.items():
        matches = [words for line in lines if (words := after(line, label)) is not None]
        matches = [words for words in matches if not words or not words[0].startswith("(")]
        if len(matches) > 1:
            raise Unreadable(f"{label!r} is there {len(matches)} times")
        if matches:
            found.setdefault(name, values(matches[0], count, label))
    return found


def statistics_of(table: Table, method: str, d_min_reason: str = "") -> Statistics:
    """Statistics from columns in the order all data, inner shell, outer shell.

    Raises:
        Unreadable: something is missing, or contradicts itself.
    """
    for name in NEEDED:
        if name not in table or None in (table[name][OVERALL], table[name][OUTER]):
            raise Unreadable(f"it does not say {name}")
    return Statistics(
        overall=shell_of(table, OVERALL),
        outer=shell_of(table, OUTER),
        method=method,
        d_min_reason=d_min_reason,
        inner=shell_of(table, INNER) if all(table[name][INNER] for name in ("d_max", "d_min")) else None,
    )


def shell_of(table: Table, column: int) -> Shell:
    """One column as a shell.

    Raises:
        Unreadable: a value cannot be.
    """
    known = {name: printed[column] for name, printed in table.items() if name not in FURTHER}
    return shell(known)


def shell(known: Mapping[str, float | None]) -> Shell:
    """Our names to values, completeness in per cent, as a shell.

    Raises:
        Unreadable: a value cannot be.
    """
    made: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
    made |= {name: _count(made[name]) for name in COUNTS if name in made}
    made |= {name: round(made[name] / 100, 6) for name in PER_CENT if name in made}
    # A sum of deviations is nil only where nothing was observed twice.
    made |= {name: made[name] or None for name in R_VALUES if name in made}
    for name in ("d_max", "d_min"):
        if name not in made:
            raise Unreadable(f"a shell does not say {name}")
    return without_empty_zeros(Shell(**made))


def details_of(table: Table) -> dict[str, Any]:
    """What our schema has no place for."""
    found: dict[str, Any] = {}
    for name in FURTHER:
        if name in table:
            shares = [None if v is None else _share(v) if name in PER_CENT else v for v in table[name]]
            found[name] = dict(zip(("overall", "inner", "outer"), shares, strict=True))
    return found


def with_shells(statistics: Statistics, shells: tuple[Shell, ...]) -> Statistics:
    """Statistics with all shells; the counts of reflections observed repeatedly are theirs."""
    if not shells:
        return statistics
    repeated = [one.n_repeated for one in shells if one.n_repeated is not None]
    total = sum(repeated) if len(repeated) == len(shells) else None
    return replace(
        statistics,
        shells=shells,
        inner=shells[0] if len(shells) > 1 else None,
        overall=replace(statistics.overall, n_repeated=total),
        outer=replace(statistics.outer, n_repeated=shells[-1].n_repeated),
    )


def _share(per_cent: float) -> float:
    if not 0 <= per_cent <= 100:
        raise Unreadable(f"a share of {per_cent:g} %")
    return round(per_cent / 100, 6)


def _count(value: float) -> int:
    if value != int(value):
        raise Unreadable(f"{value:g} is no count")
    return int(value)
