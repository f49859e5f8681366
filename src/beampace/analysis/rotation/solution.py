"""A lattice found in some of the spots, followed to all of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.assign import Index, Mask, assign, extended
from beampace.analysis.rotation.basis import Basis
from beampace.analysis.rotation.checks import is_displaced, sublattice
from beampace.analysis.rotation.freedom import Freedom, with_knots
from beampace.analysis.rotation.lattice_symmetry import reduced_matrix
from beampace.analysis.rotation.model import Drift, Floats, Model
from beampace.analysis.rotation.reciprocal import vectors
from beampace.analysis.rotation.refine import Fit, Observed, refine, residuals_of
from beampace.core.geometry import unit

KNOTS = 7.5
"""Degrees between knots of the drift."""
PER_KNOT = 40
DRIFTS_FROM = 20.0
"""Degrees of rotation from which a drift can be told from the rest."""
MOST_REFINED = 2000
"""Spots that are refined against, spread over the scan."""

FEWEST_SPOTS = 20
WORST_PX, WORST_FRAMES, WORST_DEG = 1.5, 1.0, 0.25
"""R.m.s.d. above which a lattice is none."""
BETTER, CLOSER = 1.2, 0.6
"""Factors of the share explained, and of the misfit, by which a lattice is clearly better."""
TRIED = 4
TIGHT, NEARLY = 0.25, 0.9
"""Departure in index by which lattices are compared; the smallest with so much of the best share is taken."""

NEAR_PX, NEAR_FRAMES, NEAR_SIGMA = 1.5, 1.5, 5.0
"""A spot is the lattice's when it lies so close to its prediction, or within so many standard deviations."""


@dataclass(frozen=True, slots=True, eq=False)
class Strong:
    """Spots that are looked at.

    Attributes:
        xyz, variance: px, px, frames, and of these, (n, 3).
        rows: of the spots in the list they were chosen from, (n,).
    """

    xyz: Floats
    variance: Floats
    rows: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def only(self, chosen: Mask) -> Strong:
        """Some of them."""
        return Strong(self.xyz[chosen], self.variance[chosen], self.rows[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """A lattice and the spots it explains.

    Attributes:
        model: refined.
        hkl: of each spot, zeros for none, (n, 3).
        indexed: which spots are explained.
        rmsd: of these, px, px, frames.
    """

    model: Model
    hkl: Index
    indexed: Mask
    rmsd: tuple[float, float, float]

    @property
    def fraction(self) -> float:
        """Share of the spots that is explained."""
        return float(self.indexed.mean()) if len(self.indexed) else 0.0


def fits(solution: Solution, least: float) -> bool:
    """Whether a lattice can be believed.

    Args:
        solution: the lattice.
        least: share of the spots that it explains.
    """
    x, y, z = solution.rmsd
    enough = solution.fraction >= least and int(solution.indexed.sum()) >= FEWEST_SPOTS
    slow = max(WORST_FRAMES, WORST_DEG / solution.model.width)
    return enough and max(x, y) < WORST_PX and z < slow


def misfit(solution: Solution) -> float:
    """Length of the r.m.s.d. in px and frames, for lattices that explain much the same."""
    return float(np.linalg.norm(solution.rmsd))


def is_better(one: Solution, other: Solution) -> bool:
    """Whether a lattice is clearly better than another."""
    if one.fraction > BETTER * other.fraction:
        return True
    return one.fraction > 0.9 * other.fraction and misfit(one) < CLOSER * misfit(other)


def best_of(start: Model, spots: Strong, window: Mask, found: list[Basis]) -> Solution | None:
    """The best of some lattices, fitted to a part of the scan and followed to all of it.

    Args:
        start: the geometry.
        spots: all.
        window: where the lattices were found.
        found: the lattices, the likeliest first.
    """
    some = spots.only(window)
    q, phi = vectors(start, some.xyz), some.xyz[:, 2] * start.width
    fitting = []
    for basis in found[:TRIED]:
        with suppress(ValueError):
            a_matrix = primitive(extended(q, basis.a_matrix, phi, basis.reach), q, phi)
            indexed = assign(q, a_matrix, phi, TIGHT)
            if is_displaced(indexed.hkl[indexed.indexed]):
                continue
            share = indexed.fraction
            fitting.append((share, 1 / abs(float(np.linalg.det(a_matrix))), a_matrix))
    if not fitting:
        return None
    top = max(share for share, _, _ in fitting)
    a_matrix = min((one for one in fitting if one[0] >= NEARLY * top), key=lambda one: one[1])[2]
    return follow(replace(start, a_matrix=a_matrix), spots, window, reference=start)


def primitive(a_matrix: Floats, q: Floats, phi: Floats) -> Floats:
    """A of the reduced cell that has no empty classes of indices.

    Args:
        a_matrix: of a lattice, or of one that contains it.
        q: reciprocal vectors of spots.
        phi: of these, degrees.
    """
    for _ in range(4):
        found = assign(q, a_matrix, phi)
        part = sublattice(found.hkl[found.indexed])
        if part is None:
            break
        a_matrix = a_matrix @ part
    return reduced_matrix(a_matrix)


def degrees_of(model: Model, xyz: Floats) -> float:
    """Rotation from the first spot to the last."""
    return float(np.ptp(xyz[:, 2])) * model.width if len(xyz) else 0.0


def follow(
    model: Model,
    spots: Strong,
    window: Mask,
    *,
    reference: Model,
    operators: npt.NDArray[np.int64] | None = None,
) -> Solution:
    """Refine a lattice in a part of the scan, then in twice as much, and so on to all of it.

    Args:
        model: the lattice, good for the window.
        spots: all.
        window: where it was found.
        reference: the geometry of the header.
        operators: see `refine`.
    """
    z = spots.xyz[:, 2]
    low, high = float(z[window].min()), float(z[window].max())
    model = fitted(model, spots.only(window), reference, operators).model
    while low > z.min() or high < z.max():
        more = max(high - low, 10 / model.width) / 2
        low, high = max(low - more, float(z.min())), min(high + more, float(z.max()))
        model = fitted(model, spots.only((z >= low) & (z <= high)), reference, operators).model
    return explained(fitted(model, spots, reference, operators), spots)


def fitted(
    model: Model, spots: Strong, reference: Model, operators: npt.NDArray[np.int64] | None = None
) -> Fit:
    """Indices assigned and the model refined against them."""
    observed = observed_of(model, spots)
    degrees = degrees_of(model, observed.xyz)
    freedom = Freedom.of_scan(degrees)
    if degrees >= DRIFTS_FROM and len(observed.hkl) > PER_KNOT * 3:
        knots = max(KNOTS, degrees * PER_KNOT / len(observed.hkl))
        freedom = replace(freedom, knots=knots)
        model = _straightened(model, observed, knots)
    return refine(model, observed, freedom, reference=reference, operators=operators)


def observed_of(model: Model, spots: Strong, most: int = MOST_REFINED) -> Observed:
    """Spots with indices, every n-th of them if there are many."""
    q = vectors(model, spots.xyz)
    found = assign(q, model.a_matrix, spots.xyz[:, 2] * model.width)
    rows = np.flatnonzero(found.indexed)
    rows = rows[:: max(1, len(rows) // most)]
    return Observed(found.hkl[rows], spots.xyz[rows], spots.variance[rows])


def explained(fit: Fit, spots: Strong, tolerance: float = 0.3) -> Solution:
    """Which spots a refined model explains: close in index and close to where they should be."""
    model = fit.model
    q = vectors(model, spots.xyz)
    found = assign(q, model.a_matrix, spots.xyz[:, 2] * model.width, tolerance)
    away = residuals_of(model, Observed(found.hkl, spots.xyz, spots.variance))
    limit = np.maximum(NEAR_SIGMA * np.minimum(fit.rmsd, 3.0), (NEAR_PX, NEAR_PX, NEAR_FRAMES))
    slow = np.maximum(np.abs(_zeta(model, q)), 0.1)
    off = np.abs(away) * np.column_stack([np.ones((len(away), 2)), slow])
    close = (
        found.indexed
        & np.isfinite(off).all(axis=1)
        & (np.where(np.isfinite(off), off, 0) < limit).all(axis=1)
    )
    hkl = np.where(close[:, None], found.hkl, 0).astype(np.int32)
    x, y, z = np.sqrt(np.mean(away[close] ** 2, axis=0)) if close.any() else np.full(3, np.inf)
    return Solution(model, hkl, close, (float(x), float(y), float(z)))


def _straightened(model: Model, observed: Observed, knots: float) -> Model:
    """The model with knots over the range of the spots."""
    z = observed.xyz[:, 2]
    return with_knots(model, float(z.min()), float(z.max()), knots)


def _zeta(model: Model, q: Floats) -> Floats:
    """Roughly how squarely each point crosses the sphere: 1 - (share of q along the spindle)."""
    axis = np.array(unit(model.goniometer.axis)) @ np.array(model.goniometer.fixed)
    along = q @ axis / np.maximum(np.linalg.norm(q, axis=1), 1e-9)
    return np.asarray(np.sqrt(np.maximum(0.0, 1 - along**2)))


def without_drift(model: Model) -> Model:
    """The model of a crystal that stays."""
    return replace(model, drift=Drift())
