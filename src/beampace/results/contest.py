"""Results that contradict each other: what speaks for each; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import gemmi

from beampace.results.agreement import CLOSE, Said, contradict, same_lattice
from beampace.results.candidate import Candidate
from beampace.results.reflections import rotations

WORSE = 1.5
"""How many times R_meas may be that of another symmetry for the observations to agree as well."""


@dataclass(frozen=True, slots=True)
class Contest:
    """The results that speak for the engines; what was told its space group speaks of no symmetry."""

    speaking: tuple[Candidate, ...]

    @property
    def is_there(self) -> bool:
        """Whether any two contradict each other about Laue group or lattice."""
        return _disagree(self.speaking)

    @property
    def is_open(self) -> bool:
        """Whether numbers leave it open: those with most engines on their side contradict each other."""
        most = self._most()
        return _disagree([one for one in self._finding() if len(self.backers(one)) == most])

    def supporters(self, one: Candidate) -> int:
        """How many other engines find its Laue group and lattice; 0 for all where nobody contradicts anybody.

        A space group that was given counts neither for nor against: it has as many as any.
        """
        if not self.is_there:
            return 0
        return len(self.backers(one)) if one.finds_symmetry else self._most()

    def backers(self, one: Candidate) -> tuple[str, ...]:
        """Names of the other engines that find its Laue group and lattice."""
        return tuple(
            other.engine
            for other in self._finding()
            if other.engine != one.engine and one.finds_symmetry and not _contradict(one, other)
        )

    def coherent(self, one: Candidate) -> bool:
        """Whether its observations agree nearly as well as those of the best: they bear its symmetry.

        True for all where it is not open.
        """
        if not self.is_open:
            return True
        best = max((other.cc_half for other in self.speaking if other.cc_half is not None), default=None)
        least = min((other.r_meas for other in self.speaking if other.r_meas), default=None)
        low = best is not None and (one.cc_half is None or one.cc_half < best - CLOSE)
        high = least is not None and one.r_meas is not None and one.r_meas > WORSE * least
        return not low and not high

    def symmetry(self, one: Candidate) -> float:
        """Rotations of its Laue group, where it is open and about symmetry alone: the lattices are the same.

        0 otherwise; infinity where somebody gave the space group.
        """
        if not self.is_open:
            return 0
        if not one.finds_symmetry or one.said is None:
            return math.inf
        said = [other.said for other in self._finding() if other.said is not None]
        return order_of(one.said) if all(same_lattice(one.said, other) for other in said) else 0

    def _finding(self) -> list[Candidate]:
        return [one for one in self.speaking if one.finds_symmetry]

    def _most(self) -> int:
        return max((len(self.backers(one)) for one in self._finding()), default=0)


def order_of(said: Said) -> int:
    """Rotations of the Laue group, without those that only add an inversion; 0 when it is not known."""
    groups = (gemmi.find_spacegroup_by_name(symbol) for symbol in said.space_groups)
    return min((len(_rotations(group)) for group in groups if group is not None), default=0)


def _rotations(group: gemmi.SpaceGroup) -> set[tuple[int, ...]]:
    """Rotation parts, of R and -R one."""
    parts = (part.ravel() for part in rotations(group))
    return {max(tuple(part.tolist()), tuple((-part).tolist())) for part in parts}


def _disagree(results: Sequence[Candidate]) -> bool:
    return any(_contradict(one, two) for one, two in combinations(results, 2))


def _contradict(one: Candidate, two: Candidate) -> bool:
    return one.said is not None and two.said is not None and contradict(one.said, two.said)
