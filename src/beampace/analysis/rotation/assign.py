"""Indices of spots, and the matrix that fits them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.model import Floats

TOLERANCE = 0.3
"""Length of the departure from whole indices, as in DIALS (`indexing/index.h`)."""
SAME_CROSSING = 45.0
"""Degrees within which two spots with the same indices are one reflection."""

Index = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Assigned:
    """Indices of spots.

    Attributes:
        hkl: (n, 3), zeros where a spot has none.
        off: length of the departure from whole indices, (n,).
        indexed: which spots have indices.
    """

    hkl: Index
    off: Floats
    indexed: Mask

    @property
    def fraction(self) -> float:
        """Share of the spots that have indices."""
        return float(self.indexed.mean()) if len(self.indexed) else 0.0


def assign(q: Floats, a_matrix: Floats, phi: Floats, tolerance: float = TOLERANCE) -> Assigned:
    """The nearest indices of spots.

    Args:
        q: reciprocal vectors, 1/angstrom, (n, 3).
        a_matrix: columns a*, b*, c*.
        phi: of the spots, degrees: of two with the same indices within `SAME_CROSSING` the nearer counts.
        tolerance: largest departure.
    """
    along = q @ np.linalg.inv(a_matrix).T
    whole = np.round(along)
    off = np.sqrt(((along - whole) ** 2).sum(axis=1))
    indexed = (off < tolerance) & (whole != 0).any(axis=1)
    hkl = whole.astype(np.int32)
    indexed &= _nearest(hkl, off, phi, indexed)
    return Assigned(np.where(indexed[:, None], hkl, 0).astype(np.int32), off, indexed)


def fit_matrix(q: Floats, hkl: Index) -> Floats:
    """A by linear least squares: columns a*, b*, c* in 1/angstrom."""
    return np.asarray(np.linalg.lstsq(hkl.astype(np.float64), q, rcond=None)[0].T)


def extended(q: Floats, a_matrix: Floats, phi: Floats, reach: float, tolerance: float = TOLERANCE) -> Floats:
    """A fitted to spots of higher and higher resolution, from the first to all.

    Args:
        q: reciprocal vectors, 1/angstrom, (n, 3).
        a_matrix: that holds for spots to `reach`.
        phi: degrees, (n,).
        reach: 1/angstrom.
        tolerance: largest departure from whole indices.
    """
    size = np.linalg.norm(q, axis=1)
    end = float(size.max())
    while True:
        near = size <= 1.0001 * reach
        for _ in range(2):
            found = assign(q[near], a_matrix, phi[near], tolerance)
            if np.linalg.matrix_rank(found.hkl[found.indexed]) < 3:
                return a_matrix
            a_matrix = fit_matrix(q[near][found.indexed], found.hkl[found.indexed])
        if reach >= end:
            return a_matrix
        reach *= 1.5


def _nearest(hkl: Index, off: Floats, phi: Floats, indexed: Mask) -> Mask:
    """False for spots with the indices of a nearer one at the same crossing."""
    keep = np.ones(len(hkl), np.bool_)
    rows = np.flatnonzero(indexed)
    order = rows[np.lexsort((phi[rows], hkl[rows, 2], hkl[rows, 1], hkl[rows, 0]))]
    if len(order) < 2:
        return keep
    same = (np.diff(hkl[order], axis=0) == 0).all(axis=1) & (np.diff(phi[order]) < SAME_CROSSING)
    group = np.concatenate([[0], np.cumsum(~same)])
    best = np.full(group[-1] + 1, np.inf)
    np.minimum.at(best, group, off[order])
    keep[order] = off[order] <= best[group]
    return keep
