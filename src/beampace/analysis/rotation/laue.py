"""The symmetry of a scan that was indexed without any, and the basis that goes with it.

Every rotation the lattice allows is judged by `analysis.laue_group`. Only what was tested counts: where
too few pairs speak of a rotation, the groups with and without it both stay candidates, and the data are
treated in what all candidates have in common (rotation-methods.md 10.2). A twin looks more symmetric than it
is: where the intensities look twinned, less symmetric groups stay candidates as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import gemmi
import numpy as np

from beampace.analysis.groups import change_of_basis, moved, to_standard
from beampace.analysis.laue_group import IDENTITY, Group, LaueGroup, find_laue_group
from beampace.analysis.rotation.conventional import Setting, conventional, niggli
from beampace.analysis.rotation.observations import Floats, Observations
from beampace.analysis.rotation.twinning import TWINNED, mean_l
from beampace.analysis.scaled import Scaled, candidates
from beampace.core.cell import UnitCell

FEWEST_PAIRS = 50
YES, NO = 0.8, 0.2
"""Probabilities between which it is not decided whether a rotation is a symmetry."""
SURE = 0.8
"""Confidence from which a group may be called sure."""
TELLING, PLAIN = 0.5, 0.75
"""Correlation that true symmetry must have at this noise, for a rotation to be decided on, and for a group
to be called sure."""
MOST = 80_000
"""Observations; those of the lowest resolution are taken."""
SHELLS = 20
STRONG = 2.0
"""Mean I/sigma of a shell from which it is used."""
LEVEL = 200
"""Observations from which the strength of a part of the scan is told."""


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """The Laue group, or what is known of it.

    Attributes:
        setting: basis, cell and group of rotations in which to treat the data: the Laue group when `sure`,
            else what all candidates have in common.
        sure: whether it is decided, twinning included.
        confidence: 0 to 1 of the likeliest, after Evans (2006).
        candidates: settings of all groups that are possible, likeliest first; their `group` without screws.
        evidence: what each rotation said.
        mean_l: mean |L|, 0.5 for a single crystal, 0.375 for a perfect twin; None when it cannot be told.
    """

    setting: Setting
    sure: bool
    confidence: float
    candidates: tuple[Setting, ...]
    evidence: LaueGroup
    mean_l: float | None

    @property
    def likeliest(self) -> Setting:
        """The best of the candidates."""
        return self.candidates[0]

    @property
    def twinned(self) -> bool:
        """Whether the intensities look twinned."""
        return self.mean_l is not None and self.mean_l < TWINNED


def decide_symmetry(observations: Observations, cell: UnitCell | None = None) -> Decision:
    """The Laue group of observations in a primitive cell.

    Args:
        observations: indexed in a primitive cell of any shape; need not be scaled.
        cell: of those indices if it is known better than by the observations.
    """
    known = observations.cell if cell is None else cell
    change, reduced = niggli(known)
    bare = replace(observations, photon=None, s1=None, source=None, xy=None)
    usable = bare.select(bare.usable()).reindexed(change, reduced)
    data = _levelled(usable)
    evidence = find_laue_group(gemmi.UnitCell(*reduced.parameters), "P", data)
    groups = _possible(evidence)
    found = conventional(groups[0], reduced)
    l_mean = _mean_l(found, data)
    if l_mean is not None and l_mean < TWINNED:
        groups = (*groups, *(group for group in _halves(groups[0], evidence) if group not in groups))
    settings = tuple(_from_given(conventional(group, reduced), change) for group in groups)
    common = _from_given(conventional(frozenset.intersection(*groups), reduced), change)
    confidence = _confidence(evidence.shares)
    plain = evidence.expected > PLAIN and (l_mean is not None or len(groups[0]) == 1)
    sure = len(groups) == 1 and confidence > SURE and (plain or len(evidence.shares) == 1)
    return Decision(common, sure, confidence, settings, evidence, l_mean)


def _mean_l(setting: Setting, data: Scaled) -> float | None:
    if setting.group.number == 1:
        return None
    return mean_l(setting.group, replace(data, hkl=setting.indices(data.hkl)))


def _halves(group: Group, evidence: LaueGroup) -> list[Group]:
    """Groups that a twin by one more rotation would make look like `group`."""
    return sorted((one for one in evidence.shares if one < group and 2 * len(one) == len(group)), key=sorted)


def name_groups(setting: Setting, data: Scaled) -> tuple[Setting, tuple[gemmi.SpaceGroup, ...]]:
    """The space groups that the axial reflections leave, and the standard setting of the likeliest.

    Args:
        setting: of the data.
        data: scaled observations with their indices in that setting.

    Returns:
        The setting, which may have other axes, with the likeliest space group as its group; all groups in it.
    """
    groups = candidates(setting.group, data)
    move = to_standard(groups[0])
    if move is None:
        return replace(setting, group=groups[0]), groups
    change = np.array(change_of_basis(move[0]).rot, dtype=np.int64) // gemmi.Op.DEN
    groups = moved(groups, move[0])
    cell = UnitCell(*_permuted(setting.cell, change))
    return Setting(change @ setting.change, cell, groups[0]), groups


def _permuted(cell: UnitCell, change: np.typing.NDArray[np.int64]) -> tuple[float, ...]:
    """Parameters of an orthorhombic cell with its axes exchanged."""
    edges = np.abs(change) @ np.array(cell.parameters[:3])
    return (*(float(edge) for edge in edges), 90.0, 90.0, 90.0)


def _from_given(setting: Setting, change: np.typing.NDArray[np.int64]) -> Setting:
    """The setting in terms of the axes that were given and not of the reduced ones."""
    return replace(setting, change=setting.change @ change)


def _possible(evidence: LaueGroup) -> tuple[Group, ...]:
    """Groups at odds with nothing that is decided, likeliest first."""
    said = {one.rotation: _probability(evidence.shares, one.rotation) for one in evidence.operators}
    telling = evidence.expected > TELLING
    tested = {one.rotation for one in evidence.operators if telling and one.pairs >= FEWEST_PAIRS}
    yes = {IDENTITY, *(rotation for rotation in tested if said[rotation] > YES)}
    no = {rotation for rotation in tested if said[rotation] < NO}
    fitting = [group for group in evidence.shares if yes <= group and not no & group]
    chosen = fitting or list(evidence.shares)
    return tuple(sorted(chosen, key=lambda group: (-evidence.shares[group], len(group), sorted(group))))


def _probability(shares: Mapping[Group, float], rotation: tuple[int, ...]) -> float:
    """That a rotation is a symmetry: the likelihood of all groups it is in."""
    return sum(share for group, share in shares.items() if rotation in group)


def _confidence(shares: Mapping[Group, float]) -> float:
    """sqrt(p1 (p1 - p2)) of the two likeliest groups."""
    first, second = sorted([*shares.values(), 0.0], reverse=True)[:2]
    return math.sqrt(first * (first - second))


def _levelled(observations: Observations) -> Scaled:
    """The stronger part of the observations, with the changes of strength along the scan taken out."""
    chosen = observations.select(_strong(observations))
    level = _level(chosen)
    return Scaled(chosen.hkl, chosen.intensity / level, chosen.sigma / level, chosen.d)


def _strong(observations: Observations) -> np.typing.NDArray[np.intp]:
    """Observations in strong shells; when there are few, in the strongest quarter of the shells."""
    d = observations.d
    least = np.partition(d, -MOST)[-MOST] if len(d) > MOST else 0.0
    low = np.flatnonzero(d >= least)
    order = low[np.lexsort((observations.intensity[low], observations.z[low], -d[low]))]
    parts = [part for part in np.array_split(order, SHELLS) if len(part)]
    strength = [float(observations.intensity[p].mean() / observations.sigma[p].mean()) for p in parts]
    limit = min(STRONG, sorted(strength)[-(len(parts) // 4 or 1)])
    return np.concatenate([part for part, value in zip(parts, strength, strict=True) if value >= limit])


def _level(observations: Observations) -> Floats:
    """Strength along the scan: parts of equal numbers against what their resolution lets expect."""
    blocks = min(SHELLS, len(observations) // LEVEL)
    if blocks < 2:
        return np.ones(len(observations))
    order = np.lexsort((observations.intensity, observations.z))
    expected = _by_shell(observations)
    parts = np.array_split(order, blocks)
    at = [float(observations.z[part].mean()) for part in parts]
    ratio = [float(observations.intensity[part].sum() / expected[part].sum()) for part in parts]
    return np.asarray(np.interp(observations.z, at, np.maximum(ratio, 0.05)))


def _by_shell(observations: Observations) -> Floats:
    """Mean intensity of the shell of each."""
    order = np.lexsort((observations.intensity, observations.d))
    mean = np.empty(len(observations))
    for part in np.array_split(order, max(1, min(SHELLS, len(order) // LEVEL))):
        mean[part] = max(float(observations.intensity[part].mean()), 1e-12)
    return mean
