"""What speaks against a result; pure."""

from __future__ import annotations

from beampace.results.schema import CrystalInfo, Result, ShellInfo, StatisticsInfo
from beampace.results.verdict import CC_OK, LOW_INDEXED, few_repeated, low_resolution_cc, percent


def doubts_of(result: Result) -> dict[str, str]:
    """What merged data were asked, the gravest question first, and what speaks against them by it.

    Whether half data sets agree at all (`signal`), at low resolution where they must (`low_resolution`), and
    whether the lattice explains the spots (`lattice`).

    Returns:
        Question to a clause, "" where nothing speaks against them. A question to which they say nothing is
        not in it: what is not known is no virtue.
    """
    if result.statistics is None:
        return {}
    asked = {
        "signal": _signal(result.statistics.overall),
        "low_resolution": _low_resolution(result.statistics),
        "lattice": _lattice(result.crystal),
    }
    return {question: clause for question, clause in asked.items() if clause is not None}


def _signal(overall: ShellInfo) -> str | None:
    if few_repeated(overall) or overall.cc_half_significant is None:
        return None
    return "" if overall.cc_half_significant else "half data sets do not agree significantly"


def _low_resolution(statistics: StatisticsInfo) -> str | None:
    found = low_resolution_cc(statistics)
    if found is None:
        return None
    return "" if found >= CC_OK else f"CC1/2 is only {found:.2f} even at low resolution"


def _lattice(crystal: CrystalInfo | None) -> str | None:
    if crystal is None or crystal.indexed_fraction is None:
        return None
    share = crystal.indexed_fraction
    return "" if share >= LOW_INDEXED else f"the lattice explains only {percent(share)} of the spots"
