"""Whether engines say the same of one dataset; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import gemmi

from beampace.core.tone import Tone
from beampace.results.summary import spacing

EDGE = 0.01
"""Relative difference of edges up to which cells are the same."""

ANGLE = 1.0
"""Degrees of difference of angles up to which cells are the same."""

REACH = 0.1
"""Relative difference of resolution limits up to which data reach equally far."""

Cell = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What an engine says.

    Attributes:
        engine: its name.
        space_groups: every symbol the data cannot tell apart.
        cell: a, b, c in angstrom, alpha, beta, gamma in degrees; () when it says nothing of it.
        d_min: angstrom, or None.
    """

    engine: str
    space_groups: tuple[str, ...]
    cell: Cell = ()
    d_min: float | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """Whether they agree: how it is shown, and a sentence; "" with fewer than two engines."""

    tone: Tone = "plain"
    words: str = ""


def agreement(said: Sequence[Said]) -> Agreed:
    """Compare engines two by two; the gravest difference is told.

    Symmetry comes first (no Laue group in common), then the cell (1 % of an edge, 1 degree, axes in any
    order), then the space group within a Laue group, then how far the data reach (10 %).
    """
    if len(said) < 2:
        return Agreed()
    for tone, differ in _QUESTIONS:
        found = next((words for one, two in combinations(said, 2) if (words := differ(one, two))), "")
        if found:
            return Agreed(tone, found)
    return Agreed("good", f"{_listed([one.engine for one in said])} agree.")


def same_cell(one: Cell, two: Cell) -> bool:
    """Whether two cells are the same, whichever order their axes are named in."""
    for order in permutations(range(3)):
        turned = [two[axis] for axis in order] + [two[3 + axis] for axis in order]
        edges = all(abs(a - b) <= EDGE * max(a, b) for a, b in zip(one[:3], turned[:3], strict=True))
        angles = all(abs(a - b) <= ANGLE for a, b in zip(one[3:], turned[3:], strict=True))
        if edges and angles:
            return True
    return False


def _laue(one: Said, two: Said) -> str:
    mine, others = _laue_groups(one.space_groups), _laue_groups(two.space_groups)
    if not mine or not others or mine & others:
        return ""
    return f"{one.engine} finds Laue group {_any(mine)}, {two.engine} {_any(others)}."


def _cells(one: Said, two: Said) -> str:
    if len(one.cell) != 6 or len(two.cell) != 6 or same_cell(one.cell, two.cell):
        return ""
    return f"The cells differ: {one.engine} {_cell(one.cell)}, {two.engine} {_cell(two.cell)}."


def _space_groups(one: Said, two: Said) -> str:
    mine, others = _known(one.space_groups), _known(two.space_groups)
    if not mine or not others or mine & others:
        return ""
    return (
        f"Same Laue group, but {one.engine} finds {' or '.join(one.space_groups)}, "
        f"{two.engine} {' or '.join(two.space_groups)}."
    )


def _reach(one: Said, two: Said) -> str:
    if not one.d_min or not two.d_min or abs(one.d_min - two.d_min) <= REACH * max(one.d_min, two.d_min):
        return ""
    return (
        f"Same symmetry and cell, but {one.engine} goes to {spacing(one.d_min)} Å, "
        f"{two.engine} to {spacing(two.d_min)} Å."
    )


_QUESTIONS: tuple[tuple[Tone, Callable[[Said, Said], str]], ...] = (
    ("poor", _laue),
    ("poor", _cells),
    ("fair", _space_groups),
    ("fair", _reach),
)
"""What is asked, the gravest first, with the tone of a difference."""


def _known(symbols: Sequence[str]) -> frozenset[str]:
    """The symbols gemmi knows, each in one spelling."""
    found = (gemmi.find_spacegroup_by_name(symbol) for symbol in symbols)
    return frozenset(group.xhm() for group in found if group is not None)


def _laue_groups(symbols: Sequence[str]) -> frozenset[str]:
    found = (gemmi.find_spacegroup_by_name(symbol) for symbol in symbols)
    return frozenset(group.laue_str() for group in found if group is not None)


def _any(names: frozenset[str]) -> str:
    return " or ".join(sorted(names))


def _cell(cell: Cell) -> str:
    return " ".join(f"{value:.1f}" for value in cell)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
