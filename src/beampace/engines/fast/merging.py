"""Integrated reflections to scaled observations in their space group."""

from __future__ import annotations

from dataclasses import dataclass, replace

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.analysis.groups import name_of
from beampace.analysis.laue_group import alike
from beampace.analysis.rotation.conventional import Setting
from beampace.analysis.rotation.integrated import Integrated
from beampace.analysis.rotation.laue import Decision, decide_symmetry, name_groups
from beampace.analysis.rotation.model import Model
from beampace.analysis.rotation.observations import Observations, observed
from beampace.analysis.rotation.scaled_data import ScaledObservations, scale
from beampace.analysis.scaled import cut, standardised
from beampace.core.engine import Request
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Merging:
    """Scaled observations, and what was decided of their symmetry.

    Attributes:
        scaled: in the setting of the space group used.
        setting: that setting.
        names: every space group the data leave, the one used first.
        decision: of the Laue group; None when the space group was imposed.
        d_min: limit in angstrom, and `reason`: why.
    """

    scaled: ScaledObservations
    setting: Setting
    names: tuple[str, ...]
    decision: Decision | None
    d_min: float
    reason: str


def observations_of(integrated: Integrated, model: Model) -> Observations:
    """Intensities of whole reflections, corrected for Lorentz factor, polarisation and the sensor.

    By profile fitting where there is such an intensity, else by summation. Their variances are taken where
    the resolution shell is, not at their own counts, so scaling takes them as they are.
    """
    photon = 1 / (integrated.lorentz * integrated.polarisation * integrated.qe)
    intensity = np.where(integrated.fitted, integrated.i_prf, integrated.i_sum) * photon
    variance = np.where(integrated.fitted, integrated.var_prf, integrated.var_sum)
    good = (integrated.fitted | integrated.summed) & ~integrated.overloaded
    chosen = np.flatnonzero(good)
    return observed(
        model.cell,
        integrated.hkl[chosen],
        intensity[chosen],
        (np.sqrt(np.maximum(variance, 1e-12)) * photon)[chosen],
        integrated.xyz[chosen, 2],
        model.width,
        partiality=integrated.partiality[chosen],
        xy=integrated.xyz[chosen, :2],
    )


def merge(request: Request, observations: Observations) -> Merging:
    """Decide the symmetry, scale, name the space group and say where the data end.

    Raises:
        ScienceError: nothing is left, or the lattice has not the group asked for (not_integrated).
    """
    decision = decide_symmetry(observations)
    asked = gemmi.find_spacegroup_by_name(request.space_group) if request.space_group else None
    setting = decision.setting if asked is None else _setting_for(asked, decision)
    primitive = observations.reindexed(setting.change, setting.cell)
    scaled = scale(primitive, setting.group)
    if not scaled.good.any():
        raise failure(Failure.NOT_INTEGRATED, "No reflection was left after scaling.")
    named, groups = name_groups(setting, scaled.scaled)
    if asked is not None:
        named, groups = replace(named, group=asked), (asked,)
    scaled = replace(scaled, observations=observations.reindexed(named.change, named.cell), group=named.group)
    limit = request.d_min or cut(named.cell, named.group, scaled.scaled)
    reason = "as requested" if request.d_min else "CC1/2 falls to 0.3" if limit else "all that was measured"
    names = _names(groups, decision) if asked is None else (name_of(asked),)
    kept = scaled if limit is None else _within(scaled, limit)
    reach = limit or float(kept.scaled.d.min())
    return Merging(kept, named, names, None if asked else decision, reach, reason)


def _names(groups: tuple[gemmi.SpaceGroup, ...], decision: Decision) -> tuple[str, ...]:
    """Every space group the data leave; while the Laue group is open, those of its candidates, too."""
    others = () if decision.sure else tuple(candidate.group for candidate in decision.candidates)
    return standardised((*groups, *others))


def _setting_for(group: gemmi.SpaceGroup, decision: Decision) -> Setting:
    """The setting of the lattice in a group that was asked for.

    Raises:
        ScienceError: the lattice has no such rotations.
    """
    settings = (decision.setting, *decision.candidates)
    for setting in settings:
        if alike(setting.group, group):
            return setting
    likeliest = decision.likeliest
    raise failure(
        Failure.NOT_INTEGRATED,
        f"The lattice has no {group.hm}: the intensities have {likeliest.group.hm} with the cell "
        f"{likeliest.cell}.",
        "Leave the space group out, or use another engine.",
    )


def _within(scaled: ScaledObservations, limit: float) -> ScaledObservations:
    """Without what lies beyond a limit."""
    inside = scaled.observations.d >= limit
    return replace(scaled, used=scaled.used & inside)
