"""Miller indices: one representative per set of equivalents, and what could be observed at all."""

from __future__ import annotations

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int32]
Keys = NDArray[np.int64]
Flags = NDArray[np.bool_]

LIMIT = 1 << 20
"""Indices must be smaller than this in size to be packed into one integer."""


@dataclass(frozen=True, slots=True)
class Unique:
    """Representatives of reflections under the Laue group.

    Attributes:
        keys: packed index of the representative, (n,).
        plus: whether the reflection is related to it without Friedel's law, (n,); true for centric ones.
        centric: whether the reflection equals its own Friedel mate, (n,).
    """

    keys: Keys
    plus: Flags
    centric: Flags


def pack(hkl: Indices) -> Keys:
    """One integer per index triple, ordered by h, then k, then l.

    Raises:
        ValueError: an index is too large.
    """
    if hkl.size and int(np.abs(hkl).max()) >= LIMIT:
        raise ValueError(f"a Miller index exceeds {LIMIT}")
    wide = hkl.astype(np.int64)
    packed: Keys = (wide[:, 0] * (2 * LIMIT) + wide[:, 1]) * (2 * LIMIT) + wide[:, 2]
    return packed


def unpack(keys: Keys) -> Indices:
    """The index triples of `pack`."""
    span = 2 * LIMIT
    l = (keys + LIMIT) % span - LIMIT  # noqa: E741
    rest = (keys - l) // span
    k = (rest + LIMIT) % span - LIMIT
    return np.stack([(rest - k) // span, k, l], axis=1).astype(np.int32)


def rotations(group: gemmi.SpaceGroup) -> list[NDArray[np.int64]]:
    """The rotation parts that act on reciprocal-space rows: hkl' = hkl R (without duplicates)."""
    parts = {tuple(map(tuple, op.rot)) for op in group.operations().sym_ops}
    return [np.array(part, dtype=np.int64) // gemmi.Op.DEN for part in sorted(parts)]


def representatives(hkl: Indices, group: gemmi.SpaceGroup) -> Unique:
    """The representative of each reflection: the largest packed index among its equivalents.

    Any fixed choice will do for merging; this one needs no table of asymmetric units and is the
    same for every order of the input.
    """
    wide = hkl.astype(np.int64)
    ahead = np.full(len(hkl), np.iinfo(np.int64).min)
    behind = ahead.copy()
    for rotation in rotations(group):
        packed = pack((wide @ rotation).astype(np.int32))
        np.maximum(ahead, packed, out=ahead)
        np.maximum(behind, -packed, out=behind)
    return Unique(np.maximum(ahead, behind), ahead >= behind, ahead == behind)


def absent(hkl: Indices, group: gemmi.SpaceGroup) -> Flags:
    """Whether each reflection is forbidden by centring, screw axes or glide planes."""
    return np.asarray(group.operations().systematic_absences(hkl), dtype=bool)


def possible(
    cell: gemmi.UnitCell, group: gemmi.SpaceGroup, d_min: float, d_max: float
) -> NDArray[np.float64]:
    """1/d (1/angstrom) of every reflection of the asymmetric unit that is not forbidden.

    The limits are widened by 1e-6 of themselves, so that a reflection at the limit is in.
    """
    hkl = gemmi.make_miller_array(cell, group, d_min * (1 - 1e-6), d_max * (1 + 1e-6))
    return inverse_d(hkl, cell)


def inverse_d(hkl: Indices, cell: gemmi.UnitCell) -> NDArray[np.float64]:
    """1/d (1/angstrom) of each reflection."""
    return np.sqrt(np.asarray(cell.calculate_1_d2_array(hkl), dtype=np.float64))
