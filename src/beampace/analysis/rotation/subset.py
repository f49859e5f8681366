"""The observations that shape the scaling model: well-connected groups, strong ones first."""

from __future__ import annotations

import numpy as np

from beampace.analysis.rotation.equivalents import Grouping
from beampace.analysis.rotation.observations import Flags, Floats

MOST = 60_000
"""Observations; more of them hardly improve some tens of coefficients (rotation-methods.md 11.2)."""
SHELLS = 10


def well_connected(
    grouping: Grouping, eligible: Flags, signal: Floats, s2: Floats, most: int = MOST
) -> Flags:
    """Observations of at most `most`, whole groups, from all resolution shells alike.

    A group counts by what it says of relative scales: its signal, and that is shared by the more
    observations.

    Args:
        grouping: of the sorted observations.
        eligible: those that may be taken, (n,).
        signal: (<I>/sigma)^2 of each group, (groups,).
        s2: 1/d^2 of each group, (groups,).
        most: how many to take.
    """
    count = np.bincount(grouping.label, weights=eligible, minlength=len(signal)).astype(np.int64)
    several = count >= 2
    if int(count[several].sum()) > most:
        rank = _rank_in_shells(np.where(several, signal, -1.0), s2)
        order = np.lexsort((s2, rank))
        order = order[several[order]]
        taken = order[np.cumsum(count[order]) <= most]
        several = np.zeros(len(signal), dtype=bool)
        several[taken] = True
    return np.asarray(eligible & several[grouping.label])


def _rank_in_shells(signal: Floats, s2: Floats) -> Floats:
    """Place of each group in its shell, the strongest first."""
    rank = np.empty(len(signal))
    for part in np.array_split(np.argsort(s2, kind="stable"), SHELLS):
        rank[part[np.argsort(-signal[part], kind="stable")]] = np.arange(len(part))
    return rank
