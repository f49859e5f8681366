"""CORRECT of the checker: the space group, its cell, and what reindexes to it.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

import gemmi
import numpy as np

from tests.support.xds_checker.correct_choice import (
    ILLEGAL,
    LATTICE_POINTS,
    Choice,
    TestData,
    Tested,
    index_rotations,
    lattice_name,
    space_group,
)
from tests.support.xds_checker.correct_groups import Candidate, candidates
from tests.support.xds_checker.correct_input import CheckerStop, SymmetrySettings
from tests.support.xds_checker.correct_lattice import (
    PRIMITIVE_ROWS,
    Matrix,
    axes_of,
    bases_like,
    cell_of,
    centring_of,
    deviation,
    reduction,
    symmetrised,
)
from tests.support.xds_checker.correct_orbits import Agreement


def choose(axes: Matrix, centring: str, used: int, data: TestData, wanted: SymmetrySettings) -> Choice:
    """The space group: by the user's matrix, by the user's cell, or by Rmeas.

    Args:
        axes: of INTEGRATE.HKL.
        centring: of these axes.
        used: the group number INTEGRATE worked in.
        data: to test groups and settings with.
        wanted: what XDS.INP says.

    Raises:
        CheckerStop: the lattice does not have the cell asked for.
    """
    if wanted.reidx is not None:
        return _by_matrix(axes, centring, used, data, wanted)
    if wanted.group:
        return _by_cell(axes, centring, data, wanted)
    return _by_agreement(axes, centring, used, data, wanted)


def _reduced(axes: Matrix, centring: str) -> Matrix:
    """A reduced primitive basis in terms of the axes."""
    primitive = PRIMITIVE_ROWS[centring]
    return np.asarray(reduction(primitive @ axes) @ primitive)


def _by_agreement(axes: Matrix, centring: str, used: int, data: TestData, wanted: SymmetrySettings) -> Choice:
    reduced = _reduced(axes, centring)
    found = candidates(reduced @ axes, wanted.axis_error, wanted.angle_error)
    agreements = [data.agreement(reduced, each.rotations) for each in found]
    best = _best(agreements, wanted)
    if best is None:
        return _as_integrated(axes, used, centring, _rows(found, agreements, reduced, None))
    chosen = found[best]
    group = space_group(chosen.number)
    reindex = chosen.basis @ reduced
    ideal = symmetrised(reindex @ axes, index_rotations(group))
    rows = _rows(found, agreements, reduced, best)
    no_shift = np.zeros(3, dtype=int)
    return Choice(
        group, reindex, no_shift, LATTICE_POINTS[centring], ideal, cell_of(ideal), automatic=True, tested=rows
    )


def _best(agreements: list[Agreement], wanted: SymmetrySettings) -> int | None:
    """Fewest unique reflections at an acceptable Rmeas."""
    enough = [place for place, each in enumerate(agreements) if each.compared >= wanted.fewest_compared]
    if not enough:
        return None
    limit = wanted.worst_factor * min(agreements[place].r_meas for place in enough)
    fine = [place for place in enough if agreements[place].r_meas <= limit]
    return min(fine, key=lambda place: (agreements[place].unique, agreements[place].r_meas))


def _rows(
    found: list[Candidate], agreements: list[Agreement], reduced: Matrix, best: int | None
) -> list[Tested]:
    return [
        Tested(
            each.number, lattice_name(space_group(each.number)), each.cell, agreed, each.basis @ reduced,
            100 * each.misfit[0], selected=place == best,
        )
        for place, (each, agreed) in enumerate(zip(found, agreements, strict=True))
    ]  # fmt: skip


def _as_integrated(axes: Matrix, used: int, centring: str, rows: list[Tested]) -> Choice:
    group = space_group(used)
    ideal = symmetrised(axes, index_rotations(group))
    return Choice(
        group, np.eye(3), np.zeros(3, dtype=int), LATTICE_POINTS[centring], ideal, cell_of(ideal),
        automatic=True, tested=rows, acceptable=False,
    )  # fmt: skip


def _by_cell(axes: Matrix, centring: str, data: TestData, wanted: SymmetrySettings) -> Choice:
    group = space_group(wanted.group)
    cell = _legal_cell(group, wanted.cell)
    reduced = _reduced(axes, centring)
    points = LATTICE_POINTS[group.centring_type()]
    bases = bases_like(reduced @ axes, cell, wanted.axis_error, wanted.angle_error, points)
    settings = _distinct(
        [each @ reduced for each in bases if centring_of(each) == group.centring_type()], group
    )
    if not settings:
        raise CheckerStop(ILLEGAL)
    rows = sorted((_setting(group, cell, axes, each, data) for each in settings), key=_esd)
    best = _best_setting(rows)
    rows = [_marked(row, row is best) for row in rows]
    ideal = symmetrised(best.reindex @ axes, index_rotations(group))
    no_shift = np.zeros(3, dtype=int)
    return Choice(
        group, best.reindex, no_shift, LATTICE_POINTS[centring], ideal, cell, automatic=False, tested=rows
    )


def _by_matrix(axes: Matrix, centring: str, used: int, data: TestData, wanted: SymmetrySettings) -> Choice:
    group = space_group(wanted.group or used)
    numbers = np.array(wanted.reidx, dtype=int).reshape(3, 4)
    reindex = numbers[:, :3] / LATTICE_POINTS[centring]
    _check_matrix(axes, centring, reindex, group, wanted)
    ideal = symmetrised(reindex @ axes, index_rotations(group))
    cell = wanted.cell or cell_of(ideal)
    row = _marked(_setting(group, cell, axes, reindex, data), is_selected=True)
    return Choice(
        group, reindex, numbers[:, 3], LATTICE_POINTS[centring], ideal, cell, automatic=False, tested=[row]
    )


def _check_matrix(
    axes: Matrix, centring: str, reindex: Matrix, group: gemmi.SpaceGroup, wanted: SymmetrySettings
) -> None:
    """REIDX= must lead to a right-handed cell of the lattice, centred as the group is and of its shape."""
    basis = reindex @ np.linalg.inv(PRIMITIVE_ROWS[centring])
    rows = np.rint(basis).astype(int)
    if not np.allclose(basis, rows, atol=1e-6) or np.linalg.det(rows) < 0.5:
        raise CheckerStop(ILLEGAL)
    if centring_of(rows) != group.centring_type():
        raise CheckerStop(ILLEGAL)
    cell = cell_of(symmetrised(reindex @ axes, index_rotations(group)))
    near = [cell_of(reindex @ axes), *([wanted.cell] if wanted.cell and wanted.group else [])]
    if any(not _is_near(each, cell, wanted) for each in near):
        raise CheckerStop(ILLEGAL)


def _is_near(cell: tuple[float, ...], ideal: tuple[float, ...], wanted: SymmetrySettings) -> bool:
    edge, angle = deviation(cell, ideal)
    return edge <= wanted.axis_error and angle <= wanted.angle_error


def _legal_cell(group: gemmi.SpaceGroup, cell: tuple[float, ...] | None) -> tuple[float, ...]:
    """The cell asked for, if it has the shape the group demands."""
    if cell is None or any(angle >= 180 for angle in cell[3:]):
        raise CheckerStop(ILLEGAL)
    axes = axes_of(cell)
    if not np.all(np.isfinite(axes)):
        raise CheckerStop(ILLEGAL)
    edge, angle = deviation(cell, cell_of(symmetrised(axes, index_rotations(group))))
    if edge > 1e-3 or angle > 0.05:
        raise CheckerStop(ILLEGAL)
    return cell


def _distinct(settings: list[Matrix], group: gemmi.SpaceGroup) -> list[Matrix]:
    """One of each kind of setting: of those that rotations of the group relate, the least turned."""
    best: dict[bytes, Matrix] = {}
    for setting in sorted(settings, key=lambda each: -float(np.trace(each))):
        related = [np.rint(12 * rotation @ setting).astype(int) for rotation in index_rotations(group)]
        best.setdefault(min(each.tobytes() for each in related), setting)
    return list(best.values())


def _setting(
    group: gemmi.SpaceGroup, cell: tuple[float, ...], axes: Matrix, reindex: Matrix, data: TestData
) -> Tested:
    observed = cell_of(reindex @ axes)
    edge, angle = deviation(observed, cell)
    agreed = data.agreement(reindex, index_rotations(group))
    return Tested(group.number, lattice_name(group), observed, agreed, reindex, 100 * edge + angle)


def _esd(row: Tested) -> tuple[float, float]:
    return round(row.esd, 2), -float(np.trace(row.reindex))


def _best_setting(rows: list[Tested]) -> Tested:
    """The setting nearest to the cell among those that agree about as well as the best."""
    limit = 1.25 * min(row.agreement.r_meas for row in rows)
    return next(row for row in rows if row.agreement.r_meas <= limit)


def _marked(row: Tested, is_selected: bool) -> Tested:
    return Tested(
        row.number, row.lattice, row.cell, row.agreement, row.reindex, row.esd, selected=is_selected
    )
