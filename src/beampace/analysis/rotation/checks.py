"""Wrong answers that fit: halved and doubled cells, a shifted origin of the indices, the wrong spindle."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.assign import Index
from beampace.analysis.rotation.freedom import Freedom
from beampace.analysis.rotation.model import Floats, Model
from beampace.analysis.rotation.refine import Observed, refine
from beampace.core.geometry import scaled

Ints = npt.NDArray[np.int64]

MOST_INDEX = 3
EMPTY = 0.06
"""A class of indices with a smaller share of the spots than this holds none but junk."""
FEWEST = 30
HALF_NEAR = 0.12
HALF_SHARE = 0.05
"""Share of all spots that lie halfway between points of the lattice when its cell is halved."""

ORIGIN_SPOTS = 150
ORIGIN_BETTER = 0.7
"""Another origin is taken when its r.m.s.d. is below this share of the present one's."""
ORIGIN_LIKE = 1.15
"""And is as likely when it is below this."""


def sublattice(hkl: Index) -> Ints | None:
    """The reciprocal lattice that the indices really fill, if it is a part of the one they were given in.

    All m.h mod n, n to `MOST_INDEX`, are looked at (DIALS, `non_primitive_basis.py`).

    Returns:
        Columns: its basis in the old one, determinant n; None when all classes are filled.
    """
    if len(hkl) < FEWEST:
        return None
    for n in range(2, MOST_INDEX + 1):
        rows = np.array([m for m in itertools.product(range(n), repeat=3) if any(m)])
        rest = (hkl.astype(np.int64) @ rows.T) % n != 0
        shares = rest.mean(axis=0)
        if shares.min() < EMPTY:
            return _basis_of_class(rows[int(np.argmin(shares))], n)
    return None


def is_displaced(hkl: Index) -> bool:
    """Whether the indices fill a class that does not hold the origin: the beam is not where it should be."""
    if len(hkl) < FEWEST:
        return False
    for n in range(2, MOST_INDEX + 1):
        rows = np.array([m for m in itertools.product(range(n), repeat=3) if any(m)])
        classes = (hkl.astype(np.int64) @ rows.T) % n
        if any((classes == c).mean(axis=0).max() > 1 - EMPTY for c in range(1, n)):
            return True
    return False


def _basis_of_class(m: Ints, n: int) -> Ints:
    """Columns that span all h with m.h divisible by n, n a prime: the first index that has an inverse."""
    pivot = int(np.flatnonzero(m)[0])
    inverse = pow(int(m[pivot]), -1, n)
    basis = np.eye(3, dtype=np.int64)
    for axis in range(3):
        if axis == pivot:
            basis[pivot, pivot] = n
        else:
            basis[pivot, axis] = (-int(m[axis]) * inverse) % n
    return basis


def halved(q: Floats, a_matrix: Floats, n_all: int) -> tuple[Ints, float] | None:
    """The class of half-integral indices that spots without indices prefer, and its share of all spots.

    Args:
        q: of the spots without indices, 1/angstrom, (n, 3).
        a_matrix: columns a*, b*, c*.
        n_all: number of all spots.
    """
    if len(q) < FEWEST // 2:
        return None
    along = q @ np.linalg.inv(a_matrix).T
    classes = np.array([m for m in itertools.product((0, 1), repeat=3) if any(m)])
    counts = []
    for m in classes:
        off = along - 0.5 * m
        counts.append(int((np.sqrt(((off - np.round(off)) ** 2).sum(axis=1)) < HALF_NEAR).sum()))
    best = int(np.argmax(counts))
    chance = 4 / 3 * np.pi * HALF_NEAR**3 * len(q)
    share = (counts[best] - chance) / n_all
    enough = counts[best] >= FEWEST // 2 and counts[best] > 4 * chance
    return (classes[best], float(share)) if share > HALF_SHARE and enough else None


def superlattice(a_matrix: Floats, half: Ints) -> Floats:
    """A of the lattice that also has points at half of a vector of the reciprocal lattice."""
    basis = np.eye(3)
    basis[:, int(np.flatnonzero(half)[0])] = half / 2
    return np.asarray(a_matrix @ basis)


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The origin of the indices.

    Attributes:
        shift: to be added to the indices, zeros when they are right as they are.
        rivals: other shifts that fit as well.
    """

    shift: Ints
    rivals: tuple[tuple[int, int, int], ...] = ()


def origin_of(model: Model, observed: Observed, freedom: Freedom) -> Origin:
    """Whether indices with another origin fit as well or better, with the beam as far away as that needs.

    A beam centre that is wrong by about the distance between spots shifts all indices of a small wedge by
    one. The true origin fits best, unless the shift lies along the spindle.
    """
    some = observed.only(np.arange(len(observed.hkl)) % max(1, len(observed.hkl) // ORIGIN_SPOTS) == 0)
    wide = replace(freedom, shift=50.0, beam=0.0, distance=0.0, tilt=0.0, knots=0.0)
    here = _misfit(model, some, wide)
    shifts = [np.array(s) for s in itertools.product((-1, 0, 1), repeat=3) if any(s)]
    misfits = [
        _misfit(model, Observed(some.hkl + s.astype(np.int32), some.xyz, some.variance), wide) for s in shifts
    ]
    best = int(np.argmin(misfits))
    limit = max(misfits[best], 1e-9) if misfits[best] < ORIGIN_BETTER * here else here
    shift = shifts[best] if misfits[best] < ORIGIN_BETTER * here else np.zeros(3, np.int64)
    pairs = zip(shifts, misfits, strict=True)
    rivals = [tuple(int(i) for i in s) for s, m in pairs if m < ORIGIN_LIKE * limit and (s != shift).any()]
    return Origin(shift, tuple((a, b, c) for a, b, c in rivals))


def flipped(model: Model) -> Model:
    """The model with the spindle the other way round."""
    axis = scaled(model.goniometer.axis, -1.0)
    return replace(model, goniometer=replace(model.goniometer, axis=axis))


def _misfit(model: Model, observed: Observed, freedom: Freedom) -> float:
    """R.m.s. of all residuals in units of px and frames; infinite when too many have no crossing."""
    fit = refine(model, observed, freedom, rounds=1)
    good = np.isfinite(fit.residuals).all(axis=1)
    if good.mean() < 0.8:
        return float("inf")
    return float(np.sqrt(np.mean(np.median(fit.residuals[good] ** 2, axis=0))))
