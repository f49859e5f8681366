"""From what is known of the test shots to `strategy.json`; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import gemmi
import numpy as np

from beampace.analysis.strategy import CoverageGrid, Plan
from beampace.core.indexing import Opinion
from beampace.results.schema import Column
from beampace.results.strategy_schema import (
    CollectionPlan,
    LatticeChoice,
    SecondOpinion,
    ShotQuality,
    Strategy,
    StrategyLattice,
    TestShots,
)
from beampace.work.look_record import looked_at
from beampace.work.strategy_lattice import Chosen, agreement
from beampace.work.strategy_shots import Shooting
from beampace.work.strategy_words import TITLES, sentence, transmission_words

RANGE_STEP = 5
"""Degrees between the points of a curve."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What is known so far; the rest is None or empty.

    Attributes:
        shooting: the test shots; `created`: when; `transmission`: of the shots, None if not known.
        chosen, plans, curves: the lattice, what to do, and what ranges would give.
        second: the second opinion, or why it was not made.
        trouble: why there is no plan.
    """

    shooting: Shooting
    created: datetime
    transmission: float | None = None
    chosen: Chosen | None = None
    plans: tuple[Plan, ...] = ()
    second: Opinion | str | None = None
    curves: Mapping[str, Column] = field(default_factory=dict)
    trouble: str = ""

    def failed(self, words: str) -> Found:
        """With the reason why there is no plan."""
        return replace(self, trouble=words)

    def indexed(self, chosen: Chosen) -> Found:
        """With the lattice."""
        return replace(self, chosen=chosen)

    def planned(self, grid: CoverageGrid, plans: list[Plan]) -> Found:
        """With plans, and completeness against range from where they start."""
        return replace(self, plans=tuple(plans), curves=curves_of(grid, plans))

    def seconded(self, second: Opinion | str) -> Found:
        """With the second opinion, or why it was not made."""
        return replace(self, second=second)


def record_of(found: Found) -> Strategy:
    """The content of `strategy.json`."""
    plans = [_plan(plan, rank) for rank, plan in enumerate(found.plans, 1)]
    return Strategy(
        created=found.created,
        dataset=looked_at(found.shooting.dataset),
        tested=_tested(found),
        lattice=_lattice(found),
        recommendation=plans[0] if plans else None,
        alternatives=tuple(plans[1:]),
        columns=found.curves,
        warnings=_warnings(found),
        second_opinion=_second(found),
        shots=_shots(found),
        choices=_choices(found.chosen),
    )


def curves_of(grid: CoverageGrid, plans: list[Plan]) -> dict[str, Column]:
    """Completeness against range, a curve for each start of a plan, a row every `RANGE_STEP` degrees."""
    starts = dict.fromkeys(int(np.argmin(np.abs(grid.starts - plan.start_deg))) for plan in plans)
    spans = np.flatnonzero(np.round(grid.ranges) % RANGE_STEP == 0)
    rows = [
        grid.at(start, int(span))
        for start in starts
        for span in spans
        if grid.ranges[span] <= grid.longest[start]
    ]
    return {
        "start": tuple(row.start for row in rows),
        "range": tuple(row.range for row in rows),
        "completeness": tuple(round(row.completeness, 4) for row in rows),
        "anomalous": tuple(round(row.anomalous_completeness, 4) for row in rows),
    }


def sohncke_groups(symbol: str) -> tuple[str, ...]:
    """Space groups without mirrors of the point group and centring of a symbol, itself first."""
    group = gemmi.SpaceGroup(symbol)
    alike = [
        other.hm
        for other in gemmi.spacegroup_table()
        if other.is_sohncke()
        and other.is_reference_setting()
        and other.point_group_hm() == group.point_group_hm()
        and other.centring_type() == group.centring_type()
    ]
    return tuple(dict.fromkeys((group.hm, *alike)))


def _tested(found: Found) -> TestShots:
    scan, detector = found.shooting.dataset.scan, found.shooting.dataset.detector
    return TestShots(
        frames=len(found.shooting.shots),
        width_deg=abs(scan.width) or None,
        exposure_s=scan.exposure_time,
        transmission=found.transmission,
        distance_mm=detector.distance,
    )


def _lattice(found: Found) -> StrategyLattice:
    seen = [one.d_min for one in found.shooting.analyses if one.d_min]
    resolution = min(seen) if seen else None
    chosen = found.chosen
    if chosen is None:
        return StrategyLattice(resolution=resolution)
    return StrategyLattice(
        space_group=chosen.space_group,
        space_group_candidates=sohncke_groups(chosen.space_group),
        unit_cell=chosen.setting.unit_cell.parameters,
        mosaicity_deg=round(chosen.mosaicity, 4),
        indexed_fraction=round(chosen.lattice.fraction, 4),
        resolution=resolution,
    )


def _plan(plan: Plan, rank: int) -> CollectionPlan:
    return CollectionPlan(
        rank=rank,
        kind=plan.kind,
        words=f"{TITLES[plan.kind]}. {' '.join(sentence(word) for word in plan.words)}".strip(),
        reasons=tuple(sentence(reason) for reason in plan.reasons),
        start_deg=plan.start_deg,
        range_deg=plan.range_deg,
        width_deg=plan.width_deg,
        frames=plan.frames,
        exposure_s=plan.exposure_s,
        transmission=plan.transmission,
        distance_mm=plan.distance_mm,
        resolution=plan.resolution,
        complete_to=round(plan.aimed_d, 3),
        energy_kev=plan.energy_kev,
        completeness=plan.completeness,
        anomalous_completeness=plan.anomalous_completeness,
        multiplicity=plan.multiplicity,
        i_over_sigma=plan.i_over_sigma,
        i_over_sigma_as_tested=plan.i_over_sigma_as_tested,
        total_s=plan.total_s,
        dose_mgy=plan.dose_mgy,
    )


def _second(found: Found) -> SecondOpinion | None:
    if found.second is None or found.chosen is None:
        return None
    second = found.second
    if isinstance(second, str):
        return SecondOpinion(words=second)
    agrees = agreement(found.chosen, second)
    words = {
        True: "It finds the same lattice.",
        False: "It finds another lattice.",
        None: f"It finds no lattice that explains the spots. {second.reason}".strip(),
    }[agrees]
    cell = second.lattice.unit_cell.parameters if second.lattice else None
    return SecondOpinion(method=second.method, agrees=agrees, unit_cell=cell, words=words)


def _shots(found: Found) -> tuple[ShotQuality, ...]:
    shooting, chosen = found.shooting, found.chosen
    fractions = dict(zip(chosen.used, chosen.lattice.fractions(), strict=True)) if chosen else {}
    return tuple(
        ShotQuality(
            frame=shot.frame,
            dataset=shooting.datasets[place] if shooting.of_several else "",
            start_deg=shot.start,
            spots=analysis.n_spots_good,
            indexed_fraction=fractions.get(place),
            resolution=analysis.d_min,
            verdict=analysis.verdict.value,
        )
        for place, (shot, analysis) in enumerate(zip(shooting.shots, shooting.analyses, strict=True))
    )


def _choices(chosen: Chosen | None) -> tuple[LatticeChoice, ...]:
    return tuple(
        LatticeChoice(
            bravais=one.bravais,
            space_group=one.space_group,
            unit_cell=one.unit_cell.parameters,
            missed_deg=round(one.missed_deg, 3),
        )
        for one in (chosen.lattice.settings if chosen else ())
    )


def _warnings(found: Found) -> tuple[str, ...]:
    ice = any(analysis.ice for analysis in found.shooting.analyses)
    said = [*(found.chosen.warnings if found.chosen else found.shooting.remarks)]
    if ice:
        said.append("There are rings of ice on the test shots; spots in them were left out.")
    said += transmission_words(found.transmission, found.shooting.transmission)
    second = _second(found)
    if second is not None and second.agrees is not True:
        said.append(f"Second opinion: {second.words}")
    if found.trouble:
        said.append(found.trouble)
    return tuple(dict.fromkeys(said))
