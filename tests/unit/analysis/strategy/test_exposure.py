"""Falloff, exposure and dose."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from beampace.analysis.strategy import (
    AsTested,
    BeamDose,
    Falloff,
    Limits,
    SpotTable,
    dose_budget,
    expose,
    fit_falloff,
    i_over_sigma,
    wanted_factor,
)
from beampace.analysis.strategy.wilson import mean_intensity

TESTED = AsTested(exposure_s=0.02, transmission=0.2, width_deg=0.5, mosaicity_deg=0.1, distance_mm=200.0)
SHARP = replace(TESTED, mosaicity_deg=1e-4)
FALLOFF = Falloff(500.0, 30.0, ((0.0, 10.0), (0.25, 4.0)), 20.0, TESTED)
FLUX = BeamDose(flux=5e12, area_um2=2500.0, wavelength=1.0)


def observed(b: float, scale: float, threshold: float, seed: int, n: int = 6000):
    """Spots above a threshold, and the resolution of all reflections: Wilson's statistics to 1.6 A."""
    rng = np.random.default_rng(seed)
    d = (rng.random(n) * 1.6**-3) ** (-1 / 3)
    d = d[d < 30]
    intensity = rng.exponential(scale * np.exp(-b / (2 * d**2)))
    found = intensity > threshold * rng.normal(1.0, 0.05, len(d))
    table = SpotTable(d[found], intensity[found], np.full(found.sum(), 0.4), np.full(found.sum(), 12.0))
    return table, d


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("b", [15.0, 40.0])
def test_the_falloff_is_found_although_weak_spots_are_not(b, seed):
    spots, possible = observed(b, 800.0, 60.0, seed)
    known, unknown = fit_falloff(spots, SHARP, possible), fit_falloff(spots, SHARP)
    assert known.b_factor == pytest.approx(b, abs=4.0)
    assert known.scale == pytest.approx(800.0, rel=0.25)
    assert unknown.b_factor == pytest.approx(b, abs=8.0)
    assert unknown.intensity(2.5) == pytest.approx(known.intensity(2.5), rel=0.25)
    assert known.background_at(2.0) == pytest.approx(0.4 / 0.02)
    assert known.spot_pixels == 12


def test_the_mean_of_the_spots_found_alone_would_be_far_too_high():
    spots, possible = observed(40.0, 800.0, 60.0, 1)
    outer = spots.d < 2.4
    truth = 800 * np.exp(-40 / (2 * spots.d[outer] ** 2)).mean()
    assert spots.intensity[outer].mean() > 3 * truth
    known = fit_falloff(spots, SHARP, possible)
    assert known.intensity(float(spots.d[outer].mean())) == pytest.approx(truth, rel=0.3)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_mean_of_a_shell_with_and_without_the_number_possible(seed):
    rng = np.random.default_rng(seed)
    everything = rng.exponential(20.0, 4000)
    found = everything[everything > 30]
    assert mean_intensity(found, 4000)[0] == pytest.approx(20.0, rel=0.05)
    assert mean_intensity(found, None)[0] == pytest.approx(20.0, rel=0.12)
    ice = np.append(found, [1e6, 1e7])
    assert mean_intensity(ice, 4000)[0] == pytest.approx(20.0, rel=0.1)


def test_a_frame_that_records_a_part_of_each_reflection_is_made_up_for():
    spots, _ = observed(20.0, 800.0, 60.0, 1)
    thin = replace(TESTED, width_deg=0.1)
    assert thin.recorded == pytest.approx(0.1 / (0.1 * math.sqrt(4 * math.pi)))
    whole, part = fit_falloff(spots, TESTED), fit_falloff(spots, thin)
    assert thin.in_turn == pytest.approx(thin.reflecting_deg / (0.1 + thin.reflecting_deg))
    assert part.scale == pytest.approx(whole.scale / thin.recorded)


def test_too_few_spots_give_no_falloff():
    spots, _ = observed(20.0, 800.0, 60.0, 1)
    few = SpotTable(spots.d[:10], spots.intensity[:10], spots.background[:10], spots.pixels[:10])
    assert fit_falloff(few, TESTED) is None
    dead = replace(spots, intensity=np.zeros(len(spots.d)))
    assert fit_falloff(dead, TESTED) is None
    same = SpotTable(np.full(100, 3.0), np.full(100, 50.0), np.ones(100), np.ones(100))
    assert fit_falloff(same, TESTED) is None


@pytest.mark.parametrize("width", [0.05, 0.1, 1.0])
@pytest.mark.parametrize("multiplicity", [1.0, 7.3])
@pytest.mark.parametrize("d", [1.5, 2.0, 3.0])
def test_the_factor_gives_the_i_over_sigma_it_was_made_for(d, multiplicity, width):
    factor = wanted_factor(FALLOFF, d, 2.0, width, multiplicity)
    assert i_over_sigma(FALLOFF, d, factor, width, multiplicity) == pytest.approx(2.0)
    assert i_over_sigma(FALLOFF, d, 4 * factor, width, multiplicity) == pytest.approx(4.0)


def test_i_over_sigma_is_what_poisson_counts_give():
    rng = np.random.default_rng(1)
    signal = FALLOFF.intensity(2.0)
    background = 20 * FALLOFF.background_at(2.0) * TESTED.exposure_s
    counts = rng.poisson(signal + background, 50_000) - background
    assert i_over_sigma(FALLOFF, 2.0, 1.0, 0.5) == pytest.approx(counts.mean() / counts.std(), rel=0.02)


def test_wide_frames_and_a_near_detector_collect_more_background():
    fine, wide = i_over_sigma(FALLOFF, 2.0, 1.0, 0.1), i_over_sigma(FALLOFF, 2.0, 1.0, 1.0)
    assert i_over_sigma(FALLOFF, 2.0, 1.0, 0.05) == fine > wide
    near = FALLOFF.at_distance(100.0)
    assert near.background_at(2.0) == pytest.approx(4 * FALLOFF.background_at(2.0))
    assert i_over_sigma(near, 2.0, 1.0, 0.1) < fine


def test_nothing_is_gained_where_there_is_no_signal():
    assert wanted_factor(FALLOFF, 0.3, 2.0, 0.1) == math.inf
    assert i_over_sigma(FALLOFF, 2.0, 0.0, 0.1) == 0


def test_dose_follows_holtons_rule():
    assert FLUX.rate == pytest.approx(5e12 / 2000 / 2500)
    assert FLUX.dose(0.1, 20.0) == pytest.approx(2.0)
    assert BeamDose(None, 2500.0, 1.0).dose(1.0, 1.0) is None
    assert (dose_budget(2.0), dose_budget(5.0)) == (20.0, 30.0)


def exposed(factor: float, frames: int = 3600, beam: BeamDose = FLUX, **limits):
    return expose(TESTED, factor, 0.1, frames, Limits(**limits), beam, 2.0)


def test_the_transmission_is_raised_before_the_exposure():
    # The test is 0.008 full-beam seconds per degree: a factor of 1 is 0.0008 s for each frame of 0.1 degrees.
    easy = exposed(1.0)
    assert (easy.exposure_s, easy.transmission) == (0.0075, pytest.approx(0.0008 / 0.0075))
    assert easy.words == ()
    assert easy.dose_mgy == pytest.approx(1.0 * 0.0008 * 3600)
    hard = exposed(20.0, frames=100)
    assert (hard.exposure_s, hard.transmission) == (pytest.approx(0.016), 1.0)
    assert hard.factor == pytest.approx(20.0)


def test_a_slow_spindle_makes_frames_longer_and_the_beam_weaker():
    slow = exposed(1.0, max_speed=2.0)
    assert (slow.exposure_s, slow.transmission) == (0.05, pytest.approx(0.016))
    assert exposed(1.0, max_rate=50.0).exposure_s == 0.02


def test_limits_that_are_met_are_said():
    dosed = exposed(40.0)
    assert dosed.dose_mgy == pytest.approx(20.0)
    assert dosed.factor == pytest.approx(40 * 20 / 115.2)
    assert dosed.words == ("the beam is weakened 5.8-fold to keep the dose within 20.0 MGy",)
    faint = exposed(math.inf, beam=BeamDose(1.0, 2500.0, 1.0), longest_s=1.0)
    assert (faint.exposure_s, faint.transmission) == (1.0, 1.0)
    assert any("less than is needed" in word for word in faint.words)
    bright = exposed(1e-6, transmission=(0.01, 1.0))
    assert bright.transmission == 0.01
    assert "more than is needed" in bright.words[0]
    assert exposed(math.inf).dose_mgy == pytest.approx(20.0)


@pytest.mark.parametrize("factor", [1.1, 1e5, math.inf])
def test_without_a_flux_no_degree_is_exposed_more_than_on_the_test_images(factor):
    """Nobody would know the dose: 10 s per frame in the full beam is what a weak crystal would ask for."""
    dark = exposed(factor, beam=BeamDose(None, 2500.0, 1.0), longest_s=1.0)
    assert dark.factor == pytest.approx(1.0)
    assert (dark.exposure_s, dark.transmission) == (0.0075, pytest.approx(0.0008 / 0.0075))
    assert dark.dose_mgy is None
    assert any("not more" in word for word in dark.words)
    assert any("flux" in word for word in dark.words)


def test_without_a_flux_less_than_the_test_is_left_as_it_is():
    easy = exposed(0.5, beam=BeamDose(None, 2500.0, 1.0))
    assert easy.factor == pytest.approx(0.5)
    assert not any("not more" in word for word in easy.words)
