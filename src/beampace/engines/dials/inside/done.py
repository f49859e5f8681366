"""Blocks of a scan that were integrated while it was written, taken over into the whole.

Each had the crystal as it was known by then, perhaps on other axes. A block counts when its axes are a change
of basis of the final ones and its reflections were looked for where the final crystal predicts them; what it
says of a reflection counts when the final centre lies among its frames.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from dials.array_family import flex
from dxtbx import flumpy
from dxtbx.model.experiment_list import ExperimentListFactory

Array = np.ndarray

AXES = 0.1
"""Departure of the change of basis from whole numbers."""
AWAY = 0.5
"""Pixels and frames within which nine of ten reflections must have been looked for."""
NINE_OF_TEN = 0.9
HIGHEST = 511
"""Largest index that is matched."""
FINE = 100
"""Steps per frame in which centres are compared."""


@dataclass(frozen=True)
class Block:
    """A block that was done.

    Attributes:
        experiments, reflections: what `dials.integrate` left.
        span: its frames by array index, the last one not included.
    """

    experiments: str
    reflections: str
    span: tuple[int, int]


@dataclass(frozen=True)
class Taken:
    """What was taken over: the rows, and which predicted reflections are left to integrate."""

    table: Any
    left: Array


def take_over(blocks: list[Block], predicted: Any, experiments: Any) -> Taken:
    """Rows of the blocks that count, with the final indices."""
    whole = flex.reflection_table()
    centre = _centres(predicted)
    left = np.ones(len(centre), bool)
    if len(experiments) != 1:
        return Taken(whole, left)
    for block in blocks:
        rows = _rows(block, predicted, experiments[0])
        if rows is None:
            sys.stdout.write(f"frames {block.span[0] + 1} to {block.span[1]} are integrated again\n")
            continue
        whole.extend(rows)
        left &= (centre < block.span[0]) | (centre >= block.span[1])
    return Taken(whole, left)


def _rows(block: Block, predicted: Any, experiment: Any) -> Any | None:
    """The rows of a block as rows of the whole, or None when its crystal was another."""
    crystal = ExperimentListFactory.from_json_file(block.experiments, check_format=False)[0].crystal
    move = change_of_basis(crystal.get_A(), experiment.crystal.get_A())
    if move is None:
        return None
    table = flex.reflection_table.from_file(block.reflections)
    hkl = _hkl(table) @ move.T
    mine, theirs = partners(
        keys(hkl, _entering(table)),
        _centres(table),
        keys(_hkl(predicted), _entering(predicted)),
        _centres(predicted),
    )
    if not len(mine) or not _agree(table, mine, predicted, theirs):
        return None
    centre = _centres(predicted)[theirs]
    inside = (centre >= block.span[0]) & (centre < block.span[1])
    rows = table.select(_indices(mine[inside]))
    rows["miller_index"] = flex.miller_index(hkl[mine[inside]].tolist())
    _rename(rows, experiment.identifier)
    return rows


def change_of_basis(old: Any, new: Any) -> Array | None:
    """Whole numbers that make indices of an old orientation matrix those of a new one, or None.

    The same reciprocal lattice vector is A h with either: h_new = A_new^-1 A_old h_old.
    """
    exact = np.linalg.solve(np.reshape(new, (3, 3)), np.reshape(old, (3, 3)))
    whole = np.rint(exact).astype(int)
    same = np.abs(exact - whole).max() <= AXES and abs(round(np.linalg.det(whole))) == 1
    return whole if same else None


def keys(hkl: Array, entering: Array) -> Array:
    """One number for indices and the side of the sphere they come from; -1 beyond `HIGHEST`."""
    h, k, l = (hkl + HIGHEST).T  # noqa: E741 - the field's name
    width = 2 * HIGHEST + 2
    found = ((h * width + k) * width + l) * 2 + entering
    return np.asarray(np.where((np.abs(hkl) <= HIGHEST).all(axis=1), found, -1), np.int64)


def partners(ours: Array, at: Array, theirs: Array, there: Array) -> tuple[Array, Array]:
    """(positions in ours, in theirs) of the same reflection, each used once.

    Args:
        ours: keys of what is matched.
        at: its centres in frames; of several crossings the nearest is meant.
        theirs: keys of what it is matched with.
        there: centres of that.
    """
    codes = _codes(theirs, there)
    order = np.argsort(codes)
    found = np.searchsorted(codes[order], _codes(ours, at))
    best = np.full(len(ours), -1)
    distance = np.full(len(ours), np.inf)
    for shift in (-1, 0):
        near = order[np.clip(found + shift, 0, len(order) - 1)] if len(order) else np.zeros(0, int)
        away = np.where(theirs[near] == ours, np.abs(there[near] - at), np.inf)
        nearer = away < distance
        best[nearer], distance[nearer] = near[nearer], away[nearer]
    mine = np.flatnonzero((best >= 0) & (ours >= 0))
    _, once = np.unique(best[mine], return_index=True)
    return mine[once], best[mine[once]]


def _codes(key: Array, centre: Array) -> Array:
    return np.asarray((key << 31) + np.rint((centre + 1e4) * FINE).astype(np.int64))


def _agree(table: Any, mine: Array, predicted: Any, theirs: Array) -> bool:
    """Whether nine of ten reflections were looked for where they are."""
    away = np.abs(_places(table)[mine] - _places(predicted)[theirs])
    return bool((np.quantile(away, NINE_OF_TEN, axis=0) <= AWAY).all())


def _rename(rows: Any, identifier: str) -> None:
    """The rows belong to the experiment of the whole."""
    names = rows.experiment_identifiers()
    for number in list(names.keys()):
        del names[number]
    rows["id"] = flex.int(len(rows), 0)
    names[0] = identifier


def _hkl(table: Any) -> Array:
    return np.asarray(np.rint(table["miller_index"].as_vec3_double().as_numpy_array()), int)


def _entering(table: Any) -> Array:
    return np.asarray(table["entering"].as_numpy_array()).astype(int)


def _centres(table: Any) -> Array:
    return np.asarray(table["xyzcal.px"].parts()[2].as_numpy_array())


def _places(table: Any) -> Array:
    return np.asarray(table["xyzcal.px"].as_numpy_array())


def _indices(chosen: Array) -> Any:
    return flumpy.from_numpy(chosen.astype(np.uint64))
