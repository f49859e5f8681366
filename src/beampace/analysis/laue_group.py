"""The Laue group by how well each rotation of the lattice maps intensities onto each other.

After Evans (2006), Acta Cryst. D62, 72, appendix A, and Gildea & Winter (2018), Acta Cryst. D74, 405, section
2.2: the correlation CC of E^2(h) with E^2(hR) is weighed under "R is a symmetry" and "R is none"; a group is
as likely as the operators in it and those outside of it say together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import gemmi
import numpy as np
from numpy.typing import NDArray

from beampace.analysis.scaled import Scaled

Rotation = tuple[int, ...]
"""Nine whole numbers of a rotation matrix in the basis of the cell, row by row."""
Group = frozenset[Rotation]
T = TypeVar("T", bound=Hashable)

IDENTITY: Rotation = (1, 0, 0, 0, 1, 0, 0, 0, 1)
OBLIQUITY = 2.0
"""Degrees by which twofold axes of the lattice may be off (Le Page 1982, J. Appl. Cryst. 15, 255)."""
FLOOR = 0.1
"""Least standard deviation of a CC, as pointless and dials.symmetry take it."""
FEWEST = 3
"""Pairs below which an operator says nothing."""
SHELLS = 20
OFFSET = 1024

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Operator:
    """A rotation of the lattice: correlation of the intensities it relates, and how many pairs."""

    rotation: Rotation
    cc: float
    pairs: int


@dataclass(frozen=True, slots=True)
class LaueGroup:
    """The likeliest group of rotations.

    Attributes:
        rotations: of the group, in the basis of the cell.
        likelihood: 0 to 1, among all groups the lattice allows.
        pairs: pairs of reflections it rests on.
        operators: every rotation of the lattice.
        shares: likelihood of every group the lattice allows.
        expected: correlation that true symmetry has in data of this noise.
    """

    rotations: Group
    likelihood: float
    pairs: int
    operators: tuple[Operator, ...]
    shares: Mapping[Group, float]
    expected: float = 1.0


def find_laue_group(cell: gemmi.UnitCell, centring: str, data: Scaled) -> LaueGroup:
    """The likeliest Laue group of scaled observations, Friedel's law assumed.

    Args:
        cell: unit cell.
        centring: letter of its lattice.
        data: observations in that basis.
    """
    lattice = gemmi.find_lattice_symmetry(cell, centring, OBLIQUITY)
    every = tuple(sorted({_rotation(op) for op in lattice.sym_ops} - {IDENTITY}))
    keys, squares, expected = _normalised(data)
    operators = tuple(_score(rotation, keys, squares) for rotation in every)
    groups = subgroups([one.rotation for one in operators])
    weights = _weights(groups, operators, expected)
    best = int(np.argmax(weights))
    shares = np.exp(np.array(weights) - max(weights))
    pairs = sum(one.pairs for one in operators)
    likelihoods = {group: float(share / shares.sum()) for group, share in zip(groups, shares, strict=True)}
    return LaueGroup(groups[best], likelihoods[groups[best]], pairs, operators, likelihoods, expected)


def rotations_of(group: gemmi.SpaceGroup) -> Group:
    """Rotations of a space group."""
    return frozenset(_rotation(op) for op in group.operations().sym_ops)


def alike(one: gemmi.SpaceGroup, other: gemmi.SpaceGroup) -> bool:
    """Whether two groups have one kind of lattice and one group of rotations, in the same axes."""
    return one.centring_type() == other.centring_type() and rotations_of(one) == rotations_of(other)


def subgroups(rotations: Sequence[Rotation]) -> tuple[Group, ...]:
    """All groups that two or fewer of the rotations generate; no crystallographic group needs more."""
    elements = sorted(_generated(rotations, _product, IDENTITY))
    place = {element: index for index, element in enumerate(elements)}
    table = [[place[_product(one, two)] for two in elements] for one in elements]
    identity = place[IDENTITY]
    every = {frozenset({identity})}
    for pair in itertools.combinations_with_replacement([place[one] for one in rotations], 2):
        every.add(frozenset(_generated(pair, lambda one, two: table[one][two], identity)))
    named = [frozenset(elements[index] for index in group) for group in every]
    return tuple(sorted(named, key=lambda group: (len(group), sorted(group))))


def _generated(generators: Iterable[T], product: Callable[[T, T], T], *known: T) -> set[T]:
    """All products of the generators; in a finite group these are a group."""
    generators = tuple(generators)
    found = {*generators, *known}
    fresh = set(found)
    while fresh:
        fresh = {product(one, two) for one in fresh for two in generators} - found
        found |= fresh
    return found


def _product(one: Rotation, two: Rotation) -> Rotation:
    return tuple(
        one[row] * two[column] + one[row + 1] * two[column + 3] + one[row + 2] * two[column + 6]
        for row in (0, 3, 6)
        for column in range(3)
    )


def _rotation(op: gemmi.Op) -> Rotation:
    return tuple(int(value) // op.DEN for row in op.rot for value in row)


def _normalised(data: Scaled) -> tuple[NDArray[np.int64], Floats, float]:
    """(sorted keys, E^2, expected CC of equivalents) with observations and Friedel mates averaged."""
    hkl = np.where(_is_negative(data.hkl)[:, None], -data.hkl, data.hkl)
    keys, first, label, count = np.unique(
        _key(hkl), return_index=True, return_inverse=True, return_counts=True
    )
    label = label.reshape(-1)
    mean = np.bincount(label, weights=data.intensity) / count
    variance = np.bincount(label, weights=data.sigma**2) / count**2
    scale = _expected_intensity(data.d[first], mean)
    squares = mean / scale
    noise = float(np.mean(variance / scale**2))
    true = max(float(np.var(squares)) - noise, 0.0)
    return keys, squares, true / max(true + noise, 1e-12)


def _is_negative(hkl: NDArray[np.int32]) -> NDArray[np.bool_]:
    h, k, l = hkl.T  # noqa: E741 (the name of the index)
    return np.asarray((l < 0) | ((l == 0) & ((k < 0) | ((k == 0) & (h < 0)))))


def _key(hkl: NDArray[np.int32]) -> NDArray[np.int64]:
    h, k, l = (hkl.astype(np.int64) + OFFSET).T  # noqa: E741
    return np.asarray((h * 2 * OFFSET + k) * 2 * OFFSET + l)


def _unkey(keys: NDArray[np.int64]) -> NDArray[np.int32]:
    hk, l = np.divmod(keys, 2 * OFFSET)  # noqa: E741
    h, k = np.divmod(hk, 2 * OFFSET)
    return np.asarray(np.stack([h, k, l], axis=1) - OFFSET, dtype=np.int32)


def _expected_intensity(d: Floats, mean: Floats) -> Floats:
    """Mean intensity at each spacing: shells of equal numbers, interpolated in 1/d^2."""
    s = 1 / d**2
    parts = np.array_split(np.argsort(s), max(1, min(SHELLS, len(s) // 50)))
    at = np.array([float(np.mean(s[part])) for part in parts])
    level = np.array([float(np.mean(mean[part])) for part in parts])
    least = max(1e-3 * float(np.max(level)), 1e-12)
    return np.asarray(np.maximum(np.interp(s, at, level), least), dtype=np.float64)


def _score(rotation: Rotation, keys: NDArray[np.int64], squares: Floats) -> Operator:
    hkl = _unkey(keys)
    turned = hkl @ np.array(rotation, dtype=np.int32).reshape(3, 3)
    turned = np.where(_is_negative(turned)[:, None], -turned, turned)
    other = _key(turned)
    place = np.searchsorted(keys, other).clip(0, len(keys) - 1)
    pair = (keys[place] == other) & (other != keys)
    one, two = squares[pair], squares[place[pair]]
    cc = float(np.corrcoef(one, two)[0, 1]) if pair.sum() >= FEWEST and np.std(one) and np.std(two) else 0.0
    return Operator(rotation, cc, int(pair.sum()))


def _weights(groups: Sequence[Group], operators: Sequence[Operator], expected: float) -> list[float]:
    """Log-likelihood of each group."""
    told = [one for one in operators if one.pairs >= FEWEST]
    inside = {one.rotation: math.log(_if_symmetry(one, expected)) for one in told}
    outside = {one.rotation: math.log(_if_none(one, expected)) for one in told}
    return [sum((inside if one in group else outside)[one] for one in inside) for group in groups]


def _if_symmetry(one: Operator, expected: float) -> float:
    return _cauchy(one.cc, expected, _spread(one))


def _if_none(one: Operator, expected: float) -> float:
    """The mean over all correlations m that pseudosymmetry may give; the prior is sqrt(1 - m^2).

    Noise lowers these as it lowers that of a symmetry: data of noise alone speak for nothing.
    """
    m = np.linspace(0.0, 1.0, 101)
    prior = np.sqrt(1 - m**2)
    density = np.array([_cauchy(one.cc, float(value) * expected, _spread(one)) for value in m])
    return float(np.sum(density * prior) / np.sum(prior))


def _spread(one: Operator) -> float:
    return max(FLOOR, 1 / math.sqrt(one.pairs))


def _cauchy(x: float, middle: float, width: float) -> float:
    """A Cauchy distribution cut off at -1 and 1."""
    share = (math.atan((1 - middle) / width) - math.atan((-1 - middle) / width)) / math.pi
    return 1 / (math.pi * width * (1 + ((x - middle) / width) ** 2)) / share
