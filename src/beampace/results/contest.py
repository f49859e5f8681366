"""Results that contradict each other: what speaks for each; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import gemmi

from beampace.results.agreement import CLOSE, Said, contradict, reach_alike, same_lattice
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

    def strain(self, one: Candidate) -> str:
        """By what its observations agree worse than those of the best, as a clause.

        "" where they agree nearly as well, and so bear its symmetry, and where it is not open. R_meas counts
        only between data to about the same resolution that take Friedel mates for the same.
        """
        if not self.is_open:
            return ""
        if one.cc_half is None and one.r_meas is None:
            return f"how well they agree in {one.name} is not known"
        return self._halves(one) or self._spread(one)

    def _halves(self, one: Candidate) -> str:
        best = max((other.cc_half for other in self.speaking if other.cc_half is not None), default=None)
        if best is None:
            return ""
        if one.cc_half is None:
            return f"CC1/2 of {one.name} is not known"
        low = one.cc_half < best - CLOSE
        return f"CC1/2 of {one.name} is {one.cc_half:.3f}, the best is {best:.3f}" if low else ""

    def _spread(self, one: Candidate) -> str:
        alike = [other.r_meas for other in self.speaking if other.r_meas and _same_measure(one, other)]
        least = min(alike, default=None)
        if one.r_meas is None or least is None or one.r_meas <= WORSE * least:
            return ""
        return f"R_meas of {one.name} is {one.r_meas:.3f}, the best is {least:.3f}"

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


def _same_measure(one: Candidate, two: Candidate) -> bool:
    """Whether their R_meas can be compared."""
    return one.friedel_apart is two.friedel_apart and reach_alike(one.d_min, two.d_min)


def _disagree(results: Sequence[Candidate]) -> bool:
    return any(_contradict(one, two) for one, two in combinations(results, 2))


def _contradict(one: Candidate, two: Candidate) -> bool:
    return one.said is not None and two.said is not None and contradict(one.said, two.said)
