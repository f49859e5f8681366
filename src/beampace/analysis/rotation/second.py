"""A second lattice among the spots that the first leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation import lattice_search as search
from beampace.analysis.rotation.assign import Mask
from beampace.analysis.rotation.basis import Basis
from beampace.analysis.rotation.known_cell import known_bases
from beampace.analysis.rotation.model import Floats, Model
from beampace.analysis.rotation.reciprocal import vectors
from beampace.analysis.rotation.solution import Solution, Strong, best_of, fits, without_drift

FEWEST, SHARE = 40, 0.08
"""Spots, and share of all, that a second lattice explains at least."""
APART = 0.15
"""Departure in index of the spots that may be another lattice's."""


@dataclass(frozen=True, slots=True, eq=False)
class Second:
    """Another lattice.

    Attributes:
        model: refined.
        fraction: of all spots that it explains beside the first.
    """

    model: Model
    fraction: float


def second_lattice(first: Solution, spots: Strong, longest: float) -> Second | None:
    """Another lattice, of the first one's cell or of any.

    Args:
        first: the lattice.
        spots: all spots, those of the first among them.
        longest: edge to look for, angstrom.
    """
    rest = spots.only(_apart(first, spots))
    if len(rest) < max(FEWEST, SHARE * len(spots)):
        return None
    start = without_drift(first.model)
    q = vectors(start, rest.xyz)
    for bases in _candidates(q, first.model, longest):
        found = best_of(start, rest, np.ones(len(rest), np.bool_), bases)
        if found is not None and fits(found, 0.0):
            n = int(found.indexed.sum())
            if n >= max(FEWEST, SHARE * len(spots)):
                return Second(found.model, n / len(spots))
    return None


def _candidates(q: Floats, first: Model, longest: float) -> Iterator[list[Basis]]:
    yield known_bases(q, first.cell)
    yield search.search(q, longest)


def _apart(first: Solution, spots: Strong) -> Mask:
    along = vectors(first.model, spots.xyz) @ first.model.axes.T
    off = np.sqrt(((along - np.round(along)) ** 2).sum(axis=1))
    return np.asarray(~first.indexed & (off > APART))


def angle_between(one: Floats, two: Floats, operators: npt.NDArray[np.int64]) -> float:
    """Degrees by which two lattices with one cell are turned, the least over the operators of the lattice."""
    best = 180.0
    for operator in operators:
        turn = two @ operator.T @ np.linalg.inv(one)
        u, _, v = np.linalg.svd(turn)
        cosine = (np.trace(u @ v) - 1) / 2
        best = min(best, float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))))
    return best
