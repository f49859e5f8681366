"""What speaks against a result; pure."""

from __future__ import annotations

from beampace.results.schema import Result
from beampace.results.statistics import MIN_PAIRS
from beampace.results.verdict import CC_OK, LOW_INDEXED, percent


def doubt_of(result: Result) -> str:
    """What speaks against merged data, as a clause; "" where nothing does.

    The gravest of: half data sets that do not agree at all, or not at low resolution where they must, and a
    lattice that explains few of the spots.
    """
    if result.statistics is None:
        return ""
    overall, shells = result.statistics.overall, result.statistics.shells
    if (overall.n_repeated or 0) >= MIN_PAIRS and overall.cc_half_significant is False:
        return "half data sets do not agree significantly"
    inner = shells[0].cc_half if len(shells) > 1 else None
    if inner is not None and inner < CC_OK:
        return f"CC1/2 is only {inner:.2f} even at low resolution"
    indexed = result.crystal.indexed_fraction if result.crystal else None
    if indexed is not None and indexed < LOW_INDEXED:
        return f"the lattice explains only {percent(indexed)} of the spots"
    return ""
