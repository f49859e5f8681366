"""Exposure and dose."""

from __future__ import annotations

import math

import numpy as np
import pytest

from beampace.analysis.strategy import (
    AsTested,
    BeamDose,
    Falloff,
    Limits,
    dose_budget,
    expose,
    i_over_sigma,
    wanted_factor,
)

TESTED = AsTested(exposure_s=0.02, transmission=0.2, width_deg=0.5, mosaicity_deg=0.1, distance_mm=200.0)
FALLOFF = Falloff(500.0, 30.0, ((0.0, 10.0), (0.25, 4.0)), 20.0, TESTED)
FLUX = BeamDose(flux=5e12, area_um2=2500.0, wavelength=1.0)


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
