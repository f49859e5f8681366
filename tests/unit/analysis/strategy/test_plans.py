"""Plans as a whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beampace.analysis.strategy import (
    ANOMALOUS,
    BEST,
    FASTEST,
    P1_SAFE,
    AsTested,
    Falloff,
    Limits,
    Situation,
    Wanted,
    cover,
    draft_of,
    find_events,
    reachable_resolution,
    recommend,
)
from beampace.analysis.strategy.widths import moved
from beampace.core.geometry import Goniometer
from tests.unit.analysis.strategy.bench import BEAM, GROUPS, a_matrix, detector, group

TESTED = AsTested(exposure_s=0.02, transmission=0.2, width_deg=0.2, mosaicity_deg=0.1, distance_mm=250.0)
FALLOFF = Falloff(2000.0, 30.0, ((0.0, 5.0), (0.3, 2.0)), 20.0, TESTED, 8, 2.2)
WANTED = Wanted(d_min=2.5)


def situation(name: str = "P43212", **changes) -> Situation:
    made = Situation(
        a_matrix(GROUPS[name]),
        group(name),
        Goniometer(),
        BEAM,
        detector(250.0),
        TESTED,
        FALLOFF,
        spot_size_px=4.0,
        flux=2e12,
        wanted=WANTED,
    )
    return replace(made, **changes)


def recommend_for(asked: Situation) -> list:
    return recommend(draft_of(asked))


def kinds(plans) -> list[str]:
    return [plan.kind for plan in plans]


@pytest.mark.parametrize("name", GROUPS)
def test_every_group_gets_plans_that_hold_what_they_say(name):
    asked = situation(name)
    plans = recommend_for(asked)
    assert plans[0].kind == BEST
    assert plans[0].reasons[0].startswith("recommended: ")
    assert (P1_SAFE in kinds(plans)) == (name != "P1")
    there = moved(asked.detector, BEAM, plans[0].distance_mm)
    events = find_events(asked.a_matrix, asked.space_group, Goniometer(), BEAM, there, plans[0].aimed_d)
    for plan in plans:
        assert plan.frames * plan.width_deg == pytest.approx(plan.range_deg, abs=1e-9)
        coverage = cover(events, plan.start_deg, plan.range_deg)
        assert coverage.completeness == plan.completeness
        assert plan.multiplicity == coverage.multiplicity
        assert plan.total_s == pytest.approx(plan.frames * plan.exposure_s)
        assert plan.dose_mgy <= 25.0 + 1e-9
        assert plan.exposure_s >= 0.0075
        assert 0 < plan.transmission <= 1
        assert plan.i_over_sigma >= 2.0 - 1e-9
        assert plan.energy_kev == pytest.approx(12.3984, abs=1e-3)
        assert plan.resolution == pytest.approx(2.5)


def test_the_kinds_are_what_their_names_say():
    best, fastest, anomalous, safe = recommend_for(situation())
    assert (best.kind, fastest.kind, anomalous.kind, safe.kind) == (BEST, FASTEST, ANOMALOUS, P1_SAFE)
    assert best.range_deg == 360
    assert fastest.range_deg <= anomalous.range_deg < safe.range_deg < 200
    assert fastest.completeness >= 0.99
    assert anomalous.anomalous_completeness >= 0.99
    assert best.multiplicity > 5 * fastest.multiplicity
    # Merged data are as strong: only the background costs the longer range some dose.
    assert best.i_over_sigma == pytest.approx(2.0)
    assert best.dose_mgy == pytest.approx(fastest.dose_mgy, rel=0.05)
    lowest = recommend_for(situation(space_group=group("P1")))
    assert safe.range_deg == pytest.approx(
        next(plan for plan in lowest if plan.kind == FASTEST).range_deg, abs=1.0
    )


def test_an_anomalous_signal_that_is_wanted_comes_first():
    plans = recommend_for(situation(wanted=replace(WANTED, anomalous=True)))
    assert kinds(plans)[:2] == [ANOMALOUS, BEST]
    assert "recommended" in plans[0].reasons[0]


def test_little_time_makes_the_best_plan_the_fastest_one_and_plans_are_not_told_twice():
    plans = recommend_for(situation(wanted=replace(WANTED, longest_s=10.0)))
    assert plans[0].kind == BEST
    assert plans[0].range_deg < 100
    assert FASTEST not in kinds(plans)
    assert any("smallest range" in reason for reason in plans[0].reasons)
    assert any("takes" in word for word in plans[-1].words)


def test_a_wanted_multiplicity_makes_the_fastest_plan_longer():
    plain, often = (
        next(
            plan
            for plan in recommend_for(situation(wanted=replace(WANTED, multiplicity=m)))
            if plan.kind == FASTEST
        )
        for m in (None, 8.0)
    )
    assert plain.multiplicity < 8 <= often.multiplicity
    assert often.range_deg > plain.range_deg


def test_limits_of_the_spindle_hold_for_every_plan():
    limits = Limits(spindle_deg=(-20.0, 99.97))
    for plan in recommend_for(situation("P21", limits=limits)):
        assert plan.start_deg >= -20
        assert plan.start_deg + plan.range_deg <= 99.97 + 1e-6


def test_a_weak_crystal_is_exposed_to_the_budget_and_the_plan_says_so():
    faint = replace(FALLOFF, scale=0.5)
    plans = recommend_for(situation(falloff=faint))
    for plan in plans:
        assert plan.dose_mgy == pytest.approx(25.0)
        assert plan.i_over_sigma < 2
        assert any("25.0 MGy" in word for word in plan.words)


def test_without_flux_or_falloff_the_test_is_repeated_and_the_plan_says_so():
    plans = recommend_for(situation(falloff=None, flux=None))
    for plan in plans:
        assert plan.dose_mgy is None
        assert plan.i_over_sigma is None
        per_degree = plan.exposure_s * plan.transmission / plan.width_deg
        assert per_degree == pytest.approx(TESTED.density)
        assert any("flux" in word for word in plan.words)
        assert any("too few spots" in word for word in plan.words)


def test_the_resolution_is_what_the_dose_allows():
    free = Wanted()
    strong, weak = situation(wanted=free), situation(wanted=free, falloff=replace(FALLOFF, scale=10.0))
    assert FALLOFF.d_limit - 0.5 - 1e-9 <= reachable_resolution(strong) < reachable_resolution(weak) < 5
    assert reachable_resolution(situation(wanted=free, flux=1e11)) <= reachable_resolution(strong)
    blind = situation(wanted=free, falloff=None)
    assert reachable_resolution(blind) == pytest.approx(blind.detector.resolution_at(BEAM, 1000.0, 0.0))
    plan = recommend_for(weak)[0]
    assert plan.aimed_d == pytest.approx(reachable_resolution(weak))
    assert plan.i_over_sigma == pytest.approx(2.0, rel=0.1)


def test_a_long_axis_moves_the_detector_back_and_the_exposure_is_still_for_what_the_crystal_gives():
    matrix = a_matrix((40, 40, 400, 90, 90, 120))
    plan = recommend_for(situation("P6122", a_matrix=matrix))[0]
    apart = BEAM.wavelength * plan.distance_mm / 400 / 0.15
    assert apart == pytest.approx(12.0)
    assert plan.resolution > 2.5
    assert "spots along an axis of 400 A need 720 mm" in plan.words[0]
    assert plan.i_over_sigma > 2
    overlapping = replace(TESTED, mosaicity_deg=0.5)
    assert any(
        "overlap along the spindle" in w
        for w in recommend_for(situation("P6122", a_matrix=matrix, tested=overlapping))[0].words
    )


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="misses the detector"):
        recommend_for(situation(detector=replace(detector(), origin=(500.0, 150.0, -200.0))))
    with pytest.raises(ValueError, match="no range"):
        recommend_for(situation(limits=Limits(spindle_deg=(0.0, 0.1))))
    with pytest.raises(ValueError, match="is no"):
        recommend_for(situation(a_matrix=np.eye(3)))
