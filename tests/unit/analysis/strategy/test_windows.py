"""Completeness curves, and the ranges that are chosen from them."""

from __future__ import annotations

import numpy as np
import pytest

from beampace.analysis.strategy import choose_range, cover, cover_grid, find_events
from beampace.core.geometry import Goniometer
from tests.unit.analysis.strategy.bench import BEAM, GROUPS, a_matrix, detector, group


def smallest_range(events, target, allowed=None, **wanted):
    return choose_range(cover_grid(events, allowed=allowed), target, **wanted)


def found(name: str, d_min: float = 3.0, seed: int = 1):
    return find_events(a_matrix(GROUPS[name], seed), group(name), Goniometer(), BEAM, detector(), d_min)


def counted(events, start: float, span: float) -> tuple[float, float, float]:
    """Completeness, anomalous completeness and multiplicity, reflection by reflection."""
    seen: dict[int, set[int]] = {}
    number = 0
    for unique, sign, phi in zip(events.unique_id, events.sign, events.phi, strict=True):
        if (phi - start) % 360 < span:
            seen.setdefault(int(unique), set()).add(int(sign))
            number += 1
    pairs = sum(1 for signs in seen.values() if {1, -1} <= signs)
    return len(seen) / events.n_unique, pairs / events.n_pairs, number / max(len(seen), 1)


@pytest.mark.parametrize("name", GROUPS)
def test_a_window_is_what_counting_gives_beyond_the_end_of_the_turn_too(name):
    events = found(name, 4.0)
    for start, span in ((10.0, 40.0), (340.0, 50.0), (-20.0, 50.0)):
        ours = cover(events, start, span)
        numbers = (ours.completeness, ours.anomalous_completeness, ours.multiplicity)
        assert numbers == pytest.approx(counted(events, start, span))
    assert cover(events, 340.0, 50.0).completeness == cover(events, -20.0, 50.0).completeness


@pytest.mark.parametrize("name", ["P1", "P43212", "I23"])
def test_the_grid_agrees_with_single_windows_and_its_curves_rise(name):
    events = found(name)
    grid = cover_grid(events, start_step=30.0, range_step=2.0)
    assert len(grid.starts) == 12
    assert grid.ranges[-1] == 360
    for start, span in ((0, 20), (5, 100), (11, 179)):
        once, ours = cover(events, float(grid.starts[start]), float(grid.ranges[span])), grid.at(start, span)
        assert once == ours
    assert (np.diff(grid.completeness, axis=1) >= 0).all()
    assert (np.diff(grid.anomalous_completeness, axis=1) >= 0).all()
    assert np.allclose(grid.completeness[:, -1], grid.completeness[0, -1])


def test_more_than_a_turn_meets_everything_again():
    events = found("P212121")
    once, twice = cover(events, 50.0, 360.0), cover(events, 50.0, 720.0)
    assert twice.completeness == once.completeness
    assert twice.multiplicity == pytest.approx(2 * once.multiplicity)
    assert cover(events, 50.0, 0.0).multiplicity == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_p1_half_a_turn_is_complete_but_for_the_blind_region_and_anomalous_data_need_more(seed):
    events = found("P1", 3.0, seed)
    two_theta = 2 * np.degrees(np.arcsin(BEAM.wavelength / 6.0))
    most, half = cover(events, 0.0, 360.0), cover(events, 20.0, 180.0)
    assert 0.97 < most.completeness < 1
    assert most.anomalous_completeness == most.completeness
    # With the axis across the beam, -h crosses half a turn after h: of each such two, half a turn meets one.
    assert half.completeness == most.completeness
    assert half.multiplicity == 2.0
    assert cover(events, 20.0, 180.0 - two_theta).completeness < most.completeness - 0.01
    more = cover(events, 20.0, 180.0 + two_theta)
    assert half.anomalous_completeness < 0.9 < 0.95 < more.anomalous_completeness


def test_of_the_pairs_hardly_any_is_complete_in_a_small_range_of_p1():
    coverage = cover(found("P1"), 20.0, 10.0)
    assert 0.05 < coverage.completeness < 0.2
    assert coverage.anomalous_completeness < 0.02


@pytest.mark.parametrize(("name", "most"), [("P43212", 90), ("P3221", 90), ("P6122", 60), ("I23", 60)])
def test_high_symmetry_needs_a_small_range(name, most):
    choice = smallest_range(found(name), 0.99)
    assert choice.reached
    assert choice.words == ""
    assert choice.coverage.range <= most
    assert choice.coverage.completeness >= 0.99


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("seed", [1, 5])
def test_no_smaller_range_would_do(name, seed):
    events = found(name, 4.0, seed)
    choice = smallest_range(events, 0.95)
    assert choice.reached
    start, span = choice.coverage.start, choice.coverage.range
    assert cover(events, start, span) == choice.coverage
    shorter = [cover(events, at, span - 1.0).completeness for at in np.arange(0.0, 360.0, 5.0)]
    assert max(shorter) < 0.95
    pairs = smallest_range(events, 0.9, anomalous=True)
    assert pairs.coverage.anomalous_completeness >= 0.9
    assert smallest_range(events, 0.95, multiplicity=5.0).coverage.multiplicity >= 5.0 or name == "P1"


def test_an_unreachable_target_ends_where_more_brings_little_and_says_so():
    events = found("P1")
    choice = smallest_range(events, 0.9999)
    assert not choice.reached
    assert "completeness cannot exceed 99.1 %" in choice.words
    assert choice.coverage.range < 200
    beyond = cover(events, choice.coverage.start, choice.coverage.range + 5.0)
    assert beyond.completeness - choice.coverage.completeness < 0.005
    assert cover(events, 0.0, 360.0).completeness - choice.coverage.completeness < 0.03


def test_an_unreachable_multiplicity_takes_all_there_is_and_says_so():
    choice = smallest_range(found("P1"), 0.9, multiplicity=10.0)
    assert not choice.reached
    assert choice.coverage.range == 360
    assert "multiplicity 10 needs more than 360 degrees" in choice.words


def test_limits_of_the_spindle_are_kept():
    events = found("P1")
    choice = smallest_range(events, 0.99, allowed=(-50.0, 70.0))
    assert not choice.reached
    assert choice.coverage.start >= -50
    assert choice.coverage.start + choice.coverage.range <= 70
    assert "within the limits of the spindle" in choice.words
    high = smallest_range(found("I23"), 0.95, allowed=(200.0, 260.0))
    assert high.reached
    assert 200 <= high.coverage.start <= high.coverage.start + high.coverage.range <= 260
    assert smallest_range(events, 0.5, multiplicity=9.0, allowed=(0.0, 33.0)).coverage.range == 33
    with pytest.raises(ValueError, match="no range"):
        cover_grid(events, allowed=(10.0, 10.5))


def test_a_crystal_that_the_detector_does_not_see_has_no_coverage():
    away = detector(150.0, size=(10, 10))
    events = find_events(a_matrix(GROUPS["P1"]), group("P1"), Goniometer(), BEAM, away, 3.0)
    choice = choose_range(cover_grid(events), 0.99)
    assert not choice.reached
    assert choice.coverage.completeness < 0.01
