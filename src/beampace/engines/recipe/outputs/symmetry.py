"""The crystal a program names, never more certain than the data can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import gemmi
import numpy as np

from beampace.analysis.absences import same_rotations
from beampace.analysis.groups import name_of, short_laue
from beampace.core.cell import UnitCell
from beampace.core.engine import Crystal
from beampace.engines.recipe.outputs.found import Unreadable

REACH = 12
"""Indices up to which two groups must forbid the same reflections to be called the same for the data."""

METRIC_OFF = 0.005
"""How far the metric of a printed cell may be from what the symmetry demands, relative to its edges."""


def crystal_of(
    symbols: Sequence[str],
    cell: Sequence[float | None],
    *,
    point_group_only: bool = False,
    mosaicity: float | None = None,
    indexed_fraction: float | None = None,
) -> Crystal:
    """The crystal of a space group and a cell.

    Intensities cannot tell enantiomorphs apart, nor I222 from I212121: all groups that forbid the same
    reflections are candidates, too.

    Args:
        symbols: the space group as the program writes it, or its number; others it finds possible follow.
        cell: a, b, c in angstrom, alpha, beta, gamma in degrees.
        point_group_only: the program looked at no absences: all groups with these rotations are candidates.
        mosaicity: e.s.d. in degrees.
        indexed_fraction: share of the strong spots the lattice explains.

    Raises:
        Unreadable: there is no such group, or the cell is none or none of that group.
    """
    unit_cell = _cell(cell)
    group = group_of(symbols[0], unit_cell)
    _check_fit(group, unit_cell)
    likely = [group, *(group_of(symbol, unit_cell) for symbol in symbols[1:])]
    alike = same_rotations(group) if point_group_only else [g for one in likely for g in indistinct(one)]
    return Crystal(
        space_group=name_of(group),
        candidates=tuple(dict.fromkeys(map(name_of, (*likely, *alike)))),
        laue_group=short_laue(group),
        laue_confidence=None,
        unit_cell=unit_cell,
        mosaicity=mosaicity,
        indexed_fraction=indexed_fraction,
    )


def group_of(symbol: str, cell: UnitCell) -> gemmi.SpaceGroup:
    """A space group by symbol or number.

    Raises:
        Unreadable: there is none of this name.
    """
    text = symbol.strip().strip("'\"").strip()
    group = None
    if text.isdecimal() and len(text) <= 3:
        group = gemmi.find_spacegroup_by_number(int(text)) if 1 <= int(text) <= 230 else None
    elif text.isascii() and text:
        group = gemmi.find_spacegroup_by_name(text, cell.alpha, cell.gamma)
    if group is None:
        raise Unreadable(f"there is no space group {symbol!r}")
    return group


def indistinct(group: gemmi.SpaceGroup) -> tuple[gemmi.SpaceGroup, ...]:
    """Chiral groups with the rotations of `group` that forbid the same reflections."""
    mine = _forbidden(group)
    return tuple(other for other in same_rotations(group) if np.array_equal(_forbidden(other), mine))


def _forbidden(group: gemmi.SpaceGroup) -> np.ndarray:
    span = np.arange(-REACH, REACH + 1)
    hkl = np.array(np.meshgrid(span, span, span)).reshape(3, -1).T.astype(np.int32)
    return np.asarray(group.operations().systematic_absences(np.ascontiguousarray(hkl)))


def _cell(parameters: Iterable[float | None]) -> UnitCell:
    numbers = [value for value in parameters if value is not None]
    if len(numbers) != 6:
        raise Unreadable("it gives no cell of six numbers")
    try:
        return UnitCell(*numbers)
    except ValueError as error:
        raise Unreadable(str(error)) from error


def _check_fit(group: gemmi.SpaceGroup, cell: UnitCell) -> None:
    """Stop at a cell whose metric the rotations of the group change."""
    orthogonal = np.array(gemmi.UnitCell(*cell.parameters).orth.mat.tolist())
    metric = orthogonal.T @ orthogonal
    size = np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
    for operation in group.operations().sym_ops:
        rotation = np.array(operation.rot) / gemmi.Op.DEN
        if np.any(np.abs(rotation.T @ metric @ rotation - metric) > METRIC_OFF * size):
            raise Unreadable(f"the cell {cell} is none of {group.hm}")
