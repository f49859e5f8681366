"""Merged intensities against the truth of a simulation, whatever setting the program chose."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Agreement:
    """How merged data agree with the truth.

    Attributes:
        n: reflections compared.
        cc: correlation of intensities overall; `cc_outer` in the outer shell.
        cell_error: largest relative difference of a reduced cell parameter (angles against 90 degrees).
    """

    n: int
    cc: float
    cc_outer: float
    cell_error: float


def reduce_basis(cell: gemmi.UnitCell, centring: str) -> tuple[Ints, gemmi.UnitCell]:
    """(T with hkl_reduced = T hkl as rational matrix times 24, reduced cell)."""
    vector = gemmi.GruberVector(cell, centring, True)
    vector.niggli_reduce()
    return np.array(vector.change_of_basis.rot).T, vector.get_cell()


def metric(cell: gemmi.UnitCell) -> Floats:
    """Metric tensor of a cell."""
    a, b, c, al, be, ga = cell.parameters
    ca, cb, cg = (np.cos(np.radians(x)) for x in (al, be, ga))
    return np.array(
        [[a * a, a * b * cg, a * c * cb], [a * b * cg, b * b, b * c * ca], [a * c * cb, b * c * ca, c * c]]
    )


def changes(
    one: gemmi.UnitCell, two: gemmi.UnitCell, tolerance: float = 0.03
) -> Iterator[tuple[Ints, float]]:
    """Unimodular N with N G1 N^T close to G2, and how far off the cell parameters then are."""
    g1, g2 = metric(one), metric(two)
    scale = np.sqrt(np.outer(np.diag(g2), np.diag(g2)))
    rows = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    lengths = np.einsum("ni,ij,nj->n", rows, g1, rows)
    fits = [rows[np.abs(lengths / g2[i, i] - 1) < 2 * tolerance] for i in range(3)]
    for a, b, c in itertools.product(*fits):
        n = np.array([a, b, c])
        if round(np.linalg.det(n)) != 1:
            continue
        turned = n @ g1 @ n.T
        if np.abs((turned - g2) / scale).max() < tolerance:
            edges = np.abs(np.sqrt(np.diag(turned) / np.diag(g2)) - 1).max()
            angles = (
                np.abs(np.degrees(np.arccos(_cosines(turned))) - np.degrees(np.arccos(_cosines(g2)))).max()
                / 90
            )
            yield n, float(max(edges, angles))


def compare(
    merged: Path,
    truth_npz: Path,
    true_cell: gemmi.UnitCell,
    true_group: gemmi.SpaceGroup,
    outer_d_max: float | None = None,
) -> Agreement:
    """Best agreement over all ways to lay the result's lattice on the true one.

    Args:
        merged: MTZ with merged intensities.
        truth_npz: the truth of the simulation.
        true_cell, true_group: of the simulation.
        outer_d_max: where the outer shell begins, angstrom; None for the outer tenth of the reflections.

    Raises:
        AssertionError: the lattices do not fit at all.
    """
    mtz = gemmi.read_mtz_file(str(merged))
    names = [column.label for column in mtz.columns]
    data = np.array(mtz.column_with_label("IMEAN" if "IMEAN" in names else "I"), dtype=float)
    hkl = np.array(mtz.make_miller_array(), dtype=np.int64)[np.isfinite(data)]
    data = data[np.isfinite(data)]
    t1, red1 = reduce_basis(mtz.cell, mtz.spacegroup.hm[0])
    t2, red2 = reduce_basis(true_cell, true_group.hm[0])
    table = _table(truth_npz, t2, true_group)
    spacing = np.array([1 / mtz.cell.calculate_d(list(map(int, index))) ** 2 for index in hkl])
    edge = np.quantile(spacing, 0.9) if outer_d_max is None else 1 / outer_d_max**2
    best = None
    for n, cell_error in changes(red1, red2):
        indices = (n @ ((t1 @ hkl.T) // 24)).T
        true = np.array([table.get(tuple(index), np.nan) for index in indices.tolist()])
        known = np.isfinite(true)
        if known.sum() < 0.9 * len(true):
            continue
        cc = float(np.corrcoef(data[known], true[known])[0, 1])
        if best is None or cc > best.cc:
            outer = known & (spacing >= edge)
            best = Agreement(
                int(known.sum()), cc, float(np.corrcoef(data[outer], true[outer])[0, 1]), cell_error
            )
    assert best is not None, f"the lattice {mtz.cell} does not fit the true one {true_cell}"
    return best


def _cosines(g: Floats) -> Floats:
    d = np.sqrt(np.diag(g))
    return np.array([g[1, 2] / d[1] / d[2], g[0, 2] / d[0] / d[2], g[0, 1] / d[0] / d[1]])


def _table(truth_npz: Path, t: Ints, group: gemmi.SpaceGroup) -> dict[tuple[int, ...], float]:
    """True F^2 of every reflection of the full sphere, keyed by reduced indices."""
    truth = np.load(truth_npz)
    hkl, f_squared = truth["hkl"].astype(np.int64), truth["f_squared"]
    table: dict[tuple[int, ...], float] = {}
    for op in group.operations().sym_ops:
        turned = (hkl @ np.array(op.rot)) // 24
        for sign in (1, -1):
            indices = (t @ (sign * turned).T) // 24
            table.update(zip(map(tuple, indices.T.tolist()), f_squared.tolist(), strict=True))
    return table
