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
from dxtbx.model.experiment_list import ExperimentListFactory

from .matching import change_of_basis, keys, partners, twice
from .ranges import gaps
from .tables import array, centres, entering, hkl, only, places

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
    """The integrated rows, of two of one reflection at the border of two blocks the less partial one."""
    rows = rows.select(rows.get_flags(rows.flags.integrated, all=False))
    again = twice(keys(hkl(rows), entering(rows)), centres(rows), SAME, array(rows["partiality"]))
    return only(rows, ~again)


def enough(blocks: list[Taken], spots: Any, whole: tuple[int, int], least: int) -> list[Taken]:
    """The blocks but for the last ones, so that what is left of the scan has spots to learn profiles from."""
    centre = centres(spots)[array(spots.get_flags(spots.flags.indexed))]
    kept = sorted(blocks, key=lambda block: block.span)
    while kept:
        left = np.ones(len(centre), bool)
        for block in kept:
            left &= (centre < block.span[0]) | (centre >= block.span[1])
        if left.sum() >= least and gaps([block.span for block in kept], whole):
            break
        sys.stdout.write(f"frames {kept[-1].span[0] + 1} to {kept[-1].span[1]} lend their profiles\n")
        kept.pop()
    return kept


def _rows(block: Block, experiment: Any, spots: Any) -> Any | None:
    """The rows of a block as rows of the whole, or None when its crystal was another."""
    crystal = ExperimentListFactory.from_json_file(block.experiments, check_format=False)[0].crystal
    move = change_of_basis(crystal.get_A(), experiment.crystal.get_A())
    if move is None:
        return None
    rows = flex.reflection_table.from_file(block.reflections)
    moved = hkl(rows) @ move.T
    if not _agree(rows, moved, spots):
        return None
    rows["miller_index"] = flex.miller_index(moved.tolist())
    _rename(rows, experiment.identifier)
    return rows


def _agree(rows: Any, moved: Array, spots: Any) -> bool:
    """Whether nine of ten strong spots were looked for where they are."""
    mine, theirs = partners(
        keys(moved, entering(rows)),
        centres(rows),
        keys(hkl(spots), entering(spots)),
        centres(spots),
        SAME,
    )
    if len(mine) < LEAST:
        return False
    away = np.abs(places(rows)[mine] - places(spots)[theirs])
    return bool((np.quantile(away, NINE_OF_TEN, axis=0) <= AWAY).all())


def _rename(rows: Any, identifier: str) -> None:
    """The rows belong to the experiment of the whole."""
    names = rows.experiment_identifiers()
    for number in list(names.keys()):
        del names[number]
    rows["id"] = flex.int(len(rows), 0)
    names[0] = identifier
