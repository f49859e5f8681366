"""Whether a lattice found is the one the user expects: the same, scaled, with halved or doubled edges."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from beampace.core.cell import UnitCell
from beampace.core.reduction import reduced

Floats = NDArray[np.float64]

TOLERANCE = 0.03
"""Largest difference of an edge, relative, or of the cosine of an angle."""

CENTRINGS = "PCIFR"
LARGEST_SCALE = 0.2
MULTIPLES = (2, 3, 4)


@dataclass(frozen=True, slots=True)
class CellMatch:
    """How a lattice relates to the expected one.

    Attributes:
        scale: found edges over expected ones, the same for all three; None when the shapes differ.
        multiple: volume of the found primitive cell over the expected one when one lattice is part of
            the other (2, 0.5, ...), and no scale fits; else None.
    """

    scale: float | None
    multiple: float | None = None


def compare(found: UnitCell, expected: UnitCell, centring: str = "P") -> CellMatch:
    """Compare a cell of known centring with an expected one of any."""
    one = reduced(found, centring)
    others = [cell for kind in CENTRINGS if (cell := _reduced_or_none(expected, kind)) is not None]
    scales = [scale for other in others if (scale := _scale(one, other)) is not None]
    if scales:
        return CellMatch(min(scales, key=lambda scale: abs(scale - 1)))
    for multiple in MULTIPLES:
        if any(_contains(other, one, multiple) for other in others):
            return CellMatch(None, float(multiple))
        if any(_contains(one, other, multiple) for other in others):
            return CellMatch(None, 1 / multiple)
    return CellMatch(None)


def _reduced_or_none(cell: UnitCell, centring: str) -> gemmi.UnitCell | None:
    """The reduced cell where the centring makes sense: R only of hexagonal axes."""
    hexagonal = abs(cell.gamma - 120) < 0.5 and abs(cell.a / cell.b - 1) < 0.01
    return reduced(cell, centring) if centring != "R" or hexagonal else None


def _scale(one: gemmi.UnitCell, other: gemmi.UnitCell) -> float | None:
    """Factor between the edges of two reduced cells of the same shape, or None."""
    scale = (one.volume / other.volume) ** (1 / 3)
    if abs(scale - 1) > LARGEST_SCALE:
        return None
    return float(scale) if _same(_metric(one) / scale**2, _metric(other), 1) else None


def _contains(small: gemmi.UnitCell, large: gemmi.UnitCell, multiple: int) -> bool:
    """Whether the large cell is `multiple` small ones put together."""
    alike = abs(large.volume / small.volume / multiple - 1) < 3 * TOLERANCE
    return alike and _same(_metric(small), _metric(large), multiple)


def _same(one: Floats, other: Floats, volume: int) -> bool:
    size = np.sqrt(np.outer(np.diag(other), np.diag(other)))
    return any(np.abs((m - other) / size).max() < 2 * TOLERANCE for m in _bases(one, other, volume))


def _bases(metric: Floats, wanted: Floats, volume: int) -> Iterator[Floats]:
    """Metrics of cells of `volume` cells with about the wanted edges.

    A reduced form jumps where edges are about equal, so every such choice of edges is needed.
    """
    rows = np.array(list(itertools.product(range(-volume, volume + 1), repeat=3)))
    lengths = np.einsum("ni,ij,nj->n", rows, metric, rows)
    alike = [rows[np.abs(lengths / wanted[i, i] - 1) < 2 * TOLERANCE] for i in range(3)]
    for change in itertools.product(*alike):
        turn = np.array(change)
        if abs(round(float(np.linalg.det(turn)))) == volume:
            yield turn @ metric @ turn.T


def _metric(cell: gemmi.UnitCell) -> Floats:
    a, b, c, alpha, beta, gamma = cell.parameters
    ca, cb, cg = np.cos(np.radians([alpha, beta, gamma]))
    return np.array(
        [[a * a, a * b * cg, a * c * cb], [a * b * cg, b * b, b * c * ca], [a * c * cb, b * c * ca, c * c]]
    )
