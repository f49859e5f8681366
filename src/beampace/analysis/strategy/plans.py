"""Ranked plans of a data collection.

Exposures follow from the wanted I/sigma of the *merged* data: a longer range with higher multiplicity is
exposed less per degree, so that twice the range costs hardly more dose.
"""

from __future__ import annotations

from dataclasses import replace

from beampace.analysis.strategy.choice import Choice, choose_range
from beampace.analysis.strategy.events import Events
from beampace.analysis.strategy.plan import ANOMALOUS, BEST, FASTEST, P1_SAFE, Draft, Plan, make_plan
from beampace.analysis.strategy.setting import both_events, settle
from beampace.analysis.strategy.situation import Situation
from beampace.analysis.strategy.windows import CoverageGrid, cover_grid

LONG_RANGES = (360.0, 180.0)
"""Ranges the best plan tries, degrees: an EIGER takes them in a minute."""


def draft_of(situation: Situation) -> Draft:
    """Where the detector shall be, and what every start and range would give there.

    Raises:
        ValueError: the matrix is no cell, the beam misses the detector, or the spindle has no room.
    """
    setting = settle(situation)
    own, lowest = both_events(situation, setting)
    grid = cover_grid(own, allowed=situation.limits.spindle_deg)
    return Draft(situation, setting, own, grid, lowest)


def recommend(draft: Draft) -> list[Plan]:
    """Plans in the order of recommendation.

    The first is the anomalous one where such a signal is wanted, else the best. The others follow: the
    fastest that is complete, one for an anomalous signal, one that does not rely on the symmetry.
    """
    fastest = _fastest(draft)
    plans = [_best(draft, fastest), fastest]
    if draft.events.n_pairs:
        plans.insert(0 if draft.situation.wanted.anomalous else 2, _anomalous(draft))
    if draft.lowest is not None:
        plans.append(_p1_safe(draft, draft.lowest))
    first = plans[0]
    plans[0] = replace(first, reasons=(f"recommended: {first.reasons[0]}", *first.reasons[1:]))
    return _distinct(plans)


def _fastest(draft: Draft) -> Plan:
    wanted = draft.situation.wanted
    choice = choose_range(draft.grid, wanted.completeness, multiplicity=wanted.multiplicity)
    share, name = 100 * choice.coverage.completeness, draft.situation.space_group.short_name()
    return make_plan(draft, FASTEST, choice, f"the smallest range that is {share:.1f} % complete in {name}")


def _anomalous(draft: Draft) -> Plan:
    wanted = draft.situation.wanted
    choice = choose_range(draft.grid, wanted.completeness, anomalous=True, multiplicity=wanted.multiplicity)
    share = 100 * choice.coverage.anomalous_completeness
    why = f"the smallest range with both mates of {share:.1f} % of the Friedel pairs"
    return make_plan(draft, ANOMALOUS, choice, why)


def _p1_safe(draft: Draft, lowest: Events) -> Plan:
    grid = cover_grid(lowest, allowed=draft.situation.limits.spindle_deg)
    choice = choose_range(grid, draft.situation.wanted.completeness)
    share = 100 * choice.coverage.completeness
    return make_plan(draft, P1_SAFE, choice, f"{share:.1f} % complete even if the symmetry is only P1")


def _best(draft: Draft, fastest: Plan) -> Plan:
    """The longest of the usual ranges that time and dose allow without a loss of I/sigma."""
    longest = float(draft.grid.longest.max())
    for span in LONG_RANGES:
        if not fastest.range_deg < span <= longest + 1e-6:
            continue
        why = f"{span:g} degrees for multiplicity, which time and dose allow"
        plan = make_plan(draft, BEST, _most_complete(draft.grid, span), why)
        weaker = (plan.i_over_sigma or 0.0) < 0.99 * (fastest.i_over_sigma or 0.0)
        if plan.total_s <= draft.situation.wanted.longest_s and not weaker:
            return plan
    late = fastest.total_s > draft.situation.wanted.longest_s
    why = (
        "the smallest complete range, although it takes longer than wanted"
        if late
        else "the range that is needed is as long as time, dose and spindle allow"
    )
    return replace(fastest, kind=BEST, reasons=(why, *fastest.reasons))


def _most_complete(grid: CoverageGrid, span: float) -> Choice:
    """The start from which a range (degrees) is the most complete."""
    place = int(abs(grid.ranges - span).argmin())
    fits = [i for i in range(len(grid.starts)) if grid.longest[i] >= span - 1e-6]
    return Choice(grid.at(max(fits, key=lambda i: float(grid.completeness[i, place])), place), reached=True)


def _distinct(plans: list[Plan]) -> list[Plan]:
    """Each collection once, under the kind that comes first, with the reasons of all."""
    kept: dict[tuple[float, ...], Plan] = {}
    for plan in plans:
        key = (plan.start_deg, plan.range_deg, plan.width_deg, plan.exposure_s, round(plan.transmission, 6))
        first = kept.setdefault(key, plan)
        more = tuple(reason for reason in plan.reasons if reason not in first.reasons)
        kept[key] = replace(first, reasons=first.reasons + more)
    return list(kept.values())
