"""The space group that scaled reflections leave, and where they end."""

from __future__ import annotations

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from beampace.analysis import absences, data_limit
from beampace.analysis.groups import name_of
from beampace.core.cell import UnitCell

WORTH_CUTTING = 1.02
"""A limit closer to the data's own end than this is no cut."""

MIN_REPEATED = 20
"""Reflections measured at least twice, without which their agreement says nothing."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """Scaled reflections that may be used: indices (n, 3), intensity, sigma, spacing in angstrom."""

    hkl: NDArray[np.int32]
    intensity: NDArray[np.float64]
    sigma: NDArray[np.float64]
    d: NDArray[np.float64]


def candidates(group: gemmi.SpaceGroup, data: Scaled) -> tuple[gemmi.SpaceGroup, ...]:
    """Space groups with the rotations of `group` that the axial reflections leave, best first."""
    groups = absences.same_rotations(group)
    axial = absences.axial_reflections(group, data.hkl, data.intensity, data.sigma, data.d)
    return absences.possible(absences.weigh(groups, axial))


def agreement(cell: UnitCell, group: gemmi.SpaceGroup, data: Scaled) -> float | None:
    """CC1/2 of all scaled reflections; None when too few were measured twice."""
    intensities = gemmi.Intensities()
    intensities.set_data(gemmi.UnitCell(*cell.parameters), group, data.hkl, data.intensity, data.sigma)
    intensities.sort()
    overall = intensities.calculate_merging_stats(None, "Y")[0]
    return float(overall.cc_half()) if overall.stats_refl >= MIN_REPEATED else None


def standardised(groups: tuple[gemmi.SpaceGroup, ...]) -> tuple[str, ...]:
    """Symbols without repetition; settings of one group in another basis keep their own symbol."""
    return tuple(dict.fromkeys(name_of(group) for group in groups))


def cut(cell: UnitCell, group: gemmi.SpaceGroup, data: Scaled) -> float | None:
    """Limit in angstrom where CC1/2 falls to 0.3, or None when the data end before it does."""
    found = data_limit.limit(gemmi.UnitCell(*cell.parameters), group, data.hkl, data.intensity, data.sigma)
    return found if found and found > WORTH_CUTTING * float(np.min(data.d)) else None
