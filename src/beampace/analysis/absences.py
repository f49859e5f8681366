"""Which space groups of a Laue group the axial reflections leave possible.

A screw axis is seen only in the reflections along it, of which a sweep measures few or none. Each
reflection that one group forbids and another allows is weighed by its likelihood under both, and a
group is only excluded by the joint weight of several (after Evans 2011 Acta Cryst. D67, 282, section
3.2, with the prior of Wilson 1949 for reflections that are present).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

Hkl = tuple[int, int, int]

EXCLUDED = math.log(100.0)
"""A group is excluded when another one explains the axial reflections this much better."""

HEAVIEST = 2.0
"""Log-odds a single reflection may contribute: it takes three to exclude a group."""

TAIL = 0.02
"""Share of a strong neighbour on the axis that may leak into an absence."""

STRONG = 3.0
MIN_STRONG = 2


@dataclass(frozen=True, slots=True)
class AxialReflection:
    """One unique axial reflection: merged intensity, its e.s.d., and the mean expected if it is present."""

    hkl: Hkl
    intensity: float
    sigma: float
    expected: float
    centric: bool

    @property
    def axis(self) -> int:
        """Index of the axis it lies on."""
        return max(range(3), key=lambda i: abs(self.hkl[i]))


@dataclass(frozen=True, slots=True)
class GroupEvidence:
    """A space group of the right rotations and centring, and how well it explains the absences."""

    group: gemmi.SpaceGroup
    log_likelihood: float


def same_rotations(group: gemmi.SpaceGroup) -> tuple[gemmi.SpaceGroup, ...]:
    """All chiral groups with the rotations and centring of `group`, in its basis, by number."""
    wanted = _signature(group)
    found: dict[tuple[int, tuple[bool, ...]], gemmi.SpaceGroup] = {}
    fitting = [sg for sg in gemmi.spacegroup_table() if sg.is_sohncke() and _signature(sg) == wanted]
    # Settings that differ only in origin forbid the same reflections: the reference setting stands for all.
    for other in sorted(
        fitting, key=lambda sg: (sg.number, not sg.is_reference_setting(), sg.ext.strip("\0 "))
    ):
        found.setdefault((other.number, _forbidden_on_axes(other)), other)
    return tuple(found.values())


def axial_reflections(
    group: gemmi.SpaceGroup,
    hkl: NDArray[np.int32],
    intensity: NDArray[np.float64],
    sigma: NDArray[np.float64],
    d: NDArray[np.float64],
) -> tuple[AxialReflection, ...]:
    """Merge the reflections on the axes of the cell.

    Args:
        group: any group of the Laue group, in the basis of the indices.
        hkl: indices (n, 3).
        intensity: scaled (n,).
        sigma: its standard deviation (n,).
        d: spacings in angstrom (n,).
    """
    on_axis = np.count_nonzero(hkl, axis=1) == 1
    shell_mean = _shell_means(d, intensity)
    operations = _point_group(group).operations()
    asu = gemmi.ReciprocalAsu(group)
    sums: dict[Hkl, list[float]] = {}
    for index in np.flatnonzero(on_axis):
        key = _asu_key(asu, operations, hkl[index])
        weight = 1.0 / max(float(sigma[index]) ** 2, 1e-12)
        entry = sums.setdefault(key, [0.0, 0.0, 0.0])
        entry[0] += weight
        entry[1] += weight * float(intensity[index])
        entry[2] = float(shell_mean[index])
    return tuple(
        AxialReflection(
            key,
            total / weight,
            weight**-0.5,
            mean * operations.epsilon_factor(list(key)),
            operations.is_reflection_centric(list(key)),
        )
        for key, (weight, total, mean) in sorted(sums.items())
    )


def weigh(
    groups: Sequence[gemmi.SpaceGroup], reflections: Sequence[AxialReflection]
) -> tuple[GroupEvidence, ...]:
    """Log-likelihood of each group relative to a group without absences, best first."""
    odds = _log_odds_absent(reflections)
    evidence = []
    for group in groups:
        operations = group.operations()
        total = sum(value for hkl, value in odds.items() if operations.is_systematically_absent(list(hkl)))
        evidence.append(GroupEvidence(group, total))
    return tuple(sorted(evidence, key=lambda e: -e.log_likelihood))


def possible(evidence: Sequence[GroupEvidence]) -> tuple[gemmi.SpaceGroup, ...]:
    """Groups that are not excluded, best first; enantiomorphs always stay together."""
    best = evidence[0].log_likelihood
    return tuple(e.group for e in evidence if e.log_likelihood >= best - EXCLUDED)


def _log_odds_absent(reflections: Sequence[AxialReflection]) -> dict[Hkl, float]:
    """Return ln p(I | absent) - ln p(I | present) per reflection, bounded."""
    by_hkl = {r.hkl: r for r in reflections}
    strong = {axis: _n_strong(reflections, axis) for axis in range(3)}
    odds = {}
    for hkl, reflection in by_hkl.items():
        value = _log_odds(reflection, _neighbour(by_hkl, reflection))
        bounded = max(-HEAVIEST, min(HEAVIEST, value))
        # Weak reflections on an axis where nothing is strong say nothing about a screw.
        odds[hkl] = min(0.0, bounded) if strong[reflection.axis] < MIN_STRONG else bounded
    return odds


def _n_strong(reflections: Iterable[AxialReflection], axis: int) -> int:
    return sum(r.axis == axis and r.intensity > STRONG * r.sigma for r in reflections)


def _neighbour(by_hkl: dict[Hkl, AxialReflection], reflection: AxialReflection) -> float:
    """Largest intensity of the two neighbours along the axis."""
    best = 0.0
    for step in (-1, 1):
        index = list(reflection.hkl)
        index[reflection.axis] += step
        other = by_hkl.get((index[0], index[1], index[2]))
        best = max(best, other.intensity if other else 0.0)
    return best


def _log_odds(reflection: AxialReflection, neighbour: float) -> float:
    sigma = math.hypot(reflection.sigma, TAIL * neighbour)
    mean = max(reflection.expected, 1e-12)
    value = max(reflection.intensity, -5 * sigma)
    absent = -0.5 * (value / sigma) ** 2 - math.log(sigma * math.sqrt(2 * math.pi))
    return absent - _log_present(value, sigma, mean, centric=reflection.centric)


def _log_present(value: float, sigma: float, mean: float, *, centric: bool) -> float:
    """Return ln of the Wilson distribution of mean `mean` blurred by `sigma`, at `value`.

    With J = mean u^2 the acentric density is 2u exp(-u^2) du and the centric one
    sqrt(2/pi) exp(-u^2/2) du; the integral runs where the gaussian is not nil.
    """
    low = math.sqrt(max(0.0, value - 6 * sigma) / mean)
    high = math.sqrt(max(value + 6 * sigma, 1e-9 * mean) / mean)
    u = np.linspace(low, high, 401)
    prior = math.sqrt(2 / math.pi) * np.exp(-0.5 * u**2) if centric else 2 * u * np.exp(-(u**2))
    blur = np.exp(-0.5 * ((value - mean * u**2) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    total = float(np.sum((prior * blur)[:-1] + (prior * blur)[1:]) * 0.5 * (u[1] - u[0]))
    return math.log(max(total, 1e-300))


def _shell_means(d: NDArray[np.float64], intensity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean intensity of the resolution shell of each reflection (20 shells, fewer below 1000 reflections)."""
    order = np.argsort(d)
    means = np.empty_like(intensity)
    for part in np.array_split(order, max(1, min(20, d.size // 50))):
        means[part] = max(float(np.mean(intensity[part])), 1e-9) if part.size else 0.0
    return means


def _asu_key(asu: gemmi.ReciprocalAsu, operations: gemmi.GroupOps, hkl: NDArray[np.int32]) -> Hkl:
    reduced, _ = asu.to_asu([int(i) for i in hkl], operations)
    return (int(reduced[0]), int(reduced[1]), int(reduced[2]))


def _point_group(group: gemmi.SpaceGroup) -> gemmi.SpaceGroup:
    """The group of the same rotations without screw axes, in the same basis."""
    groups = same_rotations(group)
    return groups[0]


def _forbidden_on_axes(group: gemmi.SpaceGroup) -> tuple[bool, ...]:
    """Which of the orders 1 to 6 along each axis the group forbids."""
    operations = group.operations()
    hkls = [[n if i == axis else 0 for i in range(3)] for axis in range(3) for n in range(1, 7)]
    return tuple(operations.is_systematically_absent(hkl) for hkl in hkls)


def _signature(group: gemmi.SpaceGroup) -> tuple[str, frozenset[tuple[int, ...]]]:
    rotations = frozenset(tuple(int(x) for row in op.rot for x in row) for op in group.operations().sym_ops)
    return group.centring_type(), rotations
