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

from .matching import change_of_basis, keys, partners

Array = np.ndarray

AWAY = 0.5
"""Pixels and frames within which nine of ten reflections must have been looked for."""
NINE_OF_TEN = 0.9


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
