"""Settings of a lattice: reduced, as given by the user, as the truth has it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import gemmi
import numpy as np
import numpy.typing as npt

from tests.support.xds_checker.geometry import Floats
from tests.support.xds_checker.xparm import cell_of

Ints = npt.NDArray[np.int64]
Cell = tuple[float, ...]


def axes_of(cell: Cell) -> Floats:
    """Rows a, b, c of a cell: a along x, b in the xy plane."""
    a, b, c, alpha, beta, gamma = (*cell[:3], *(math.radians(angle) for angle in cell[3:]))
    cx, cy = math.cos(beta), (math.cos(alpha) - math.cos(beta) * math.cos(gamma)) / math.sin(gamma)
    z = c * math.sqrt(max(0.0, 1 - cx * cx - cy * cy))
    return np.array([[a, 0, 0], [b * math.cos(gamma), b * math.sin(gamma), 0], [c * cx, c * cy, z]])


def reduced(cell: Cell, centring: str) -> tuple[Floats, Cell]:
    """(T, reduced cell): hkl_reduced = T hkl; T is integer on reflections that are not absent."""
    vector = gemmi.GruberVector(gemmi.UnitCell(*cell), centring, True)
    vector.niggli_reduce()
    change = np.array(vector.change_of_basis.rot).T / 24
    return change, tuple(vector.get_cell().parameters)


def laid_on(one: Cell, two: Cell, axis_error: float, angle_error: float) -> Ints | None:
    """Unimodular N whose rows make basis `two` out of basis `one`, the best within the errors; or None."""
    best: tuple[float, Ints | None] = (1.0, None)
    for change in _changes(axes_of(one), two, axis_error):
        worst = _deviation(cell_of(change @ axes_of(one)), two, axis_error, angle_error)
        if worst < best[0]:
            best = (worst, change)
    return best[1]


def _changes(axes: Floats, wanted: Cell, axis_error: float) -> Iterator[Ints]:
    rows = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    lengths = np.linalg.norm(rows @ axes, axis=1)
    fits = [rows[np.abs(lengths / wanted[i] - 1) < axis_error] for i in range(3)]
    for picked in itertools.product(*fits):
        change = np.array(picked)
        if round(float(np.linalg.det(change))) == 1:
            yield change


def _deviation(cell: Cell, wanted: Cell, axis_error: float, angle_error: float) -> float:
    """Largest deviation as a share of what is allowed."""
    edges = max(abs(x / y - 1) for x, y in zip(cell[:3], wanted[:3], strict=True)) / axis_error
    angles = max(abs(x - y) for x, y in zip(cell[3:], wanted[3:], strict=True)) / angle_error
    return max(edges, angles)


def to_given(
    true: tuple[Cell, str], given: tuple[Cell, str], axis_error: float, angle_error: float
) -> Floats | None:
    """S with hkl_given = S hkl_true for two (cell, centring) of one lattice; None when they are not."""
    change_true, cell_true = reduced(*true)
    change_given, cell_given = reduced(*given)
    laid = laid_on(cell_true, cell_given, axis_error, angle_error)
    if laid is None:
        return None
    return np.linalg.inv(change_given) @ laid @ change_true


def symmetrised(axes: Floats, group: int) -> Floats:
    """Axes with the metric that a space group demands, turned to fit best."""
    a, b, c, alpha, beta, gamma = cell_of(axes)
    if group >= 195:
        a = b = c = (a * b * c) ** (1 / 3)
    elif group >= 75:
        a = b = math.sqrt(a * b)
    right = {"alpha": 90.0, "beta": 90.0, "gamma": 120.0 if 143 <= group < 195 else 90.0}
    if group <= 2:
        right = {"alpha": alpha, "beta": beta, "gamma": gamma}
    elif group <= 15:
        right["beta"] = beta
    ideal = axes_of((a, b, c, right["alpha"], right["beta"], right["gamma"]))
    left, _, turned = np.linalg.svd(ideal.T @ axes)
    flip = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(left @ turned)))])
    return ideal @ (left @ flip @ turned)
