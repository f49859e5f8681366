"""Whether engines say the same of one dataset; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import gemmi

from beampace.analysis.groups import short_laue
from beampace.core.tone import Tone
from beampace.results.anomalous import WEAK, anomalous_words
from beampace.results.lattices import Cell, lattice_of, ratio
from beampace.results.summary import spacing

REACH = 0.1
"""Relative difference of resolution limits up to which data reach equally far."""

CLOSE = 0.03
"""Difference of CC1/2 of all data up to which half data sets agree equally well."""

TIMES: Mapping[int, str] = {2: "twice", 3: "three times", 4: "four times"}


@dataclass(frozen=True, slots=True)
class Said:
    """What an engine says.

    Attributes:
        engine: its name.
        space_groups: every symbol the data cannot tell apart; () where it was told the space group.
        cell: a, b, c in angstrom, alpha, beta, gamma in degrees; () when it says nothing of it.
        d_min: angstrom, or None; also where it was told where to end.
        cc_half, cc_anom: of all data, or None.
    """

    engine: str
    space_groups: tuple[str, ...]
    cell: Cell = ()
    d_min: float | None = None
    cc_half: float | None = None
    cc_anom: float | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """Whether they agree: how it is shown, and a sentence; "" with fewer than two that find symmetry."""

    tone: Tone = "plain"
    words: str = ""


def said_of(engine: str, summary: Mapping[str, Any]) -> Said:
    """What an engine says by the summary of its result; what was imposed on it is not its word."""
    asked = summary.get("asked", ())
    free = "space_group" not in asked
    symbols = summary.get("candidates") or [summary.get("space_group", "")]
    return Said(
        engine,
        tuple(map(str, symbols)) if free else (),
        tuple(summary.get("cell") or ()) if free else (),
        None if "d_min" in asked else summary.get("d_min"),
        summary.get("cc_half"),
        summary.get("cc_anom"),
    )


def agreement(said: Sequence[Said]) -> Agreed:
    """Compare engines two by two; the gravest difference is told.

    Symmetry comes first (no Laue group in common), then the lattice (reduced cells: 1 % of an edge, 1
    degree), the space group within a Laue group, how well half data sets agree (0.03 of CC1/2), an anomalous
    signal that only one sees, and how far the data reach (10 %). An engine that was told the space group has
    no part in it.
    """
    finding = [one for one in said if one.space_groups]
    if len(finding) < 2:
        return Agreed()
    for tone, differ in _QUESTIONS:
        found = next((words for one, two in combinations(finding, 2) if (words := differ(one, two))), "")
        if found:
            return Agreed(tone, found)
    return Agreed("good", f"{_listed([one.engine for one in finding])} agree.")


def contradict(one: Said, two: Said) -> bool:
    """Whether two engines find another Laue group or another lattice."""
    return bool(_laue(one, two) or _cells(one, two))


def same_lattice(one: Said, two: Said) -> bool:
    """Whether two engines find the same lattice, in whatever setting; false where one says nothing of it."""
    return _ratio(one, two) == 1


def reach_alike(one: float | None, two: float | None) -> bool:
    """Whether data to two limits in angstrom reach equally far; false where one is not known."""
    return bool(one and two and abs(one - two) <= REACH * max(one, two))


def laue_groups(said: Said) -> frozenset[str]:
    """The Laue groups an engine leaves open: short Hermann-Mauguin symbols."""
    return frozenset(short_laue(group) for group in _known(said.space_groups))


def _laue(one: Said, two: Said) -> str:
    mine, others = laue_groups(one), laue_groups(two)
    if not mine or not others or mine & others:
        return ""
    return f"{one.engine} finds Laue group {_any(mine)}, {two.engine} {_any(others)}{_why(one, two)}."


def _why(one: Said, two: Said) -> str:
    """Whether different Laue groups come from different lattices."""
    if not _have_cells(one, two):
        return ""
    found = _ratio(one, two)
    if found == 1:
        return "; the lattices are the same, the symmetry of the intensities is judged differently"
    return f"; {_larger(one, two, found)}" if found else "; the lattices differ, too"


def _cells(one: Said, two: Said) -> str:
    if not _have_cells(one, two):
        return ""
    found = _ratio(one, two)
    if found == 1:
        return ""
    if found:
        words = _larger(one, two, found)
        return f"{words[0].upper()}{words[1:]}: a superstructure with weak reflections, or a cell too large."
    return f"The cells differ: {one.engine} {_cell(one.cell)}, {two.engine} {_cell(two.cell)}."


def _larger(one: Said, two: Said, found: Fraction) -> str:
    """Which primitive cell is a multiple of which."""
    large, small = (two, one) if found > 1 else (one, two)
    times = TIMES[max(found.numerator, found.denominator)]
    return f"the primitive cell of {large.engine} is {times} that of {small.engine}"


def _space_groups(one: Said, two: Said) -> str:
    mine, others = _numbers(one), _numbers(two)
    if not mine or not others or mine & others:
        return ""
    return (
        f"Same Laue group, but {one.engine} finds {' or '.join(one.space_groups)}, "
        f"{two.engine} {' or '.join(two.space_groups)}."
    )


def _halves(one: Said, two: Said) -> str:
    if one.cc_half is None or two.cc_half is None or abs(one.cc_half - two.cc_half) <= CLOSE:
        return ""
    return (
        f"Same symmetry and cell, but CC1/2 of all data is {one.cc_half:.3f} by {one.engine}, "
        f"{two.cc_half:.3f} by {two.engine}."
    )


def _anomalous(one: Said, two: Said) -> str:
    if one.cc_anom is None or two.cc_anom is None:
        return ""
    seen = {anomalous_words(value) != "none seen" for value in (one.cc_anom, two.cc_anom)}
    if len(seen) == 1 or abs(one.cc_anom - two.cc_anom) < WEAK:
        return ""
    more, less = (one, two) if one.cc_anom > two.cc_anom else (two, one)
    return (
        f"Same symmetry and cell, but only {more.engine} sees an anomalous signal "
        f"(CC_anom {more.cc_anom:.2f}; {less.engine} {less.cc_anom:.2f})."
    )


def _reach(one: Said, two: Said) -> str:
    if not one.d_min or not two.d_min or reach_alike(one.d_min, two.d_min):
        return ""
    return (
        f"Same symmetry and cell, but {one.engine} goes to {spacing(one.d_min)} Å, "
        f"{two.engine} to {spacing(two.d_min)} Å."
    )


_QUESTIONS: tuple[tuple[Tone, Callable[[Said, Said], str]], ...] = (
    ("poor", _laue),
    ("poor", _cells),
    ("fair", _space_groups),
    ("fair", _halves),
    ("fair", _anomalous),
    ("fair", _reach),
)
"""What is asked, the gravest first, with the tone of a difference."""


def _have_cells(one: Said, two: Said) -> bool:
    return all(len(said.cell) == 6 and min(said.cell) > 0 for said in (one, two))


def _ratio(one: Said, two: Said) -> Fraction | None:
    if not _have_cells(one, two):
        return None
    return ratio(*(lattice_of(said.cell, next(iter(said.space_groups), "")) for said in (one, two)))


def _known(symbols: Sequence[str]) -> list[gemmi.SpaceGroup]:
    """The space groups gemmi knows."""
    found = (gemmi.find_spacegroup_by_name(symbol) for symbol in symbols)
    return [group for group in found if group is not None]


def _numbers(said: Said) -> frozenset[int]:
    """Numbers of the space groups: the same for every setting."""
    return frozenset(group.number for group in _known(said.space_groups))


def _any(names: frozenset[str]) -> str:
    return " or ".join(sorted(names))


def _cell(cell: Cell) -> str:
    return " ".join(f"{value:.1f}" for value in cell)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
