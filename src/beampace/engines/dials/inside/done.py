"""Blocks of a scan that were integrated while it was written, taken over into the whole.

Each had the crystal as it was known by then, perhaps on other axes. A block counts when its axes are a change
of basis of the final ones, and it looked for reflections where the final crystal has its spots.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from dials.array_family import flex
from dxtbx import flumpy
from dxtbx.model.experiment_list import ExperimentListFactory

from .matching import change_of_basis, keys, partners, twice

Array = np.ndarray

AWAY = 0.5
"""Pixels and frames within which nine of ten reflections must have been looked for."""
NINE_OF_TEN = 0.9
LEAST = 20
"""Strong spots that must tell."""
SAME = 3.0
"""Frames between two observations of a reflection that are one: the same crystal comes back after a turn."""


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
    """The rows of a block with the final indices, and its frames."""

    rows: Any
    span: tuple[int, int]


def that_hold(blocks: Iterable[Block], experiment: Any, spots: Any) -> list[Taken]:
    """The blocks that count.

    Args:
        blocks: all that were done.
        experiment: with the final crystal.
        spots: strong spots of all frames with the final indices.
    """
    found = []
    for block in blocks:
        rows = _rows(block, experiment, spots)
        if rows is None:
            sys.stdout.write(f"frames {block.span[0] + 1} to {block.span[1]} are integrated again\n")
        else:
            found.append(Taken(rows, block.span))
    return found


def each_once(rows: Any) -> Any:
    """The rows without second ones of the same reflection, which lay at the border of two blocks."""
    return rows.select(_chosen(~twice(keys(_hkl(rows), _entering(rows)), _centres(rows), SAME)))


def _rows(block: Block, experiment: Any, spots: Any) -> Any | None:
    """The rows of a block as rows of the whole, or None when its crystal was another."""
    crystal = ExperimentListFactory.from_json_file(block.experiments, check_format=False)[0].crystal
    move = change_of_basis(crystal.get_A(), experiment.crystal.get_A())
    if move is None:
        return None
    rows = flex.reflection_table.from_file(block.reflections)
    hkl = _hkl(rows) @ move.T
    if not _agree(rows, hkl, spots):
        return None
    rows["miller_index"] = flex.miller_index(hkl.tolist())
    _rename(rows, experiment.identifier)
    return rows


def _agree(rows: Any, hkl: Array, spots: Any) -> bool:
    """Whether nine of ten strong spots were looked for where they are."""
    mine, theirs = partners(
        keys(hkl, _entering(rows)), _centres(rows), keys(_hkl(spots), _entering(spots)), _centres(spots)
    )
    if len(mine) < LEAST:
        return False
    away = np.abs(_places(rows)[mine] - _places(spots)[theirs])
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


def _chosen(which: Array) -> Any:
    return flumpy.from_numpy(np.flatnonzero(which).astype(np.uint64))
