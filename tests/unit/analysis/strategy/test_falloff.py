"""Falloff of the intensity: from reflections made up, and from simulated test shots, against the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beampace.analysis.predict import Frame
from beampace.analysis.strategy import AsTested, Photometry, fit_falloff, joined, measure
from beampace.analysis.strategy.wilson import capped_mean, shells_of
from beampace.core.cell import UnitCell
from beampace.core.geometry import rotation
from beampace.simulate.background import Background
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import Simulation
from tests.support.shots import mean_photons, shots_of, true_matrix

TESTED = AsTested(exposure_s=0.02, transmission=0.2, width_deg=0.2, mosaicity_deg=0.12, distance_mm=100.0)


def reflections(b: float, scale: float, seed: int, level: float = 0.3, n: int = 3000) -> Photometry:
    """Acentric reflections to 1.6 A, some recorded in part, on a disc of 15 pixels of background."""
    rng = np.random.default_rng(seed)
    d = (0.0001 + rng.random(n) * 1.6**-3) ** (-1 / 3)
    share = rng.random(n)
    full = rng.exponential(scale * np.exp(-b / (2 * d**2)))
    counts = rng.poisson(full * share + 15 * level)
    return Photometry(d, counts - 15 * level, counts + 15 * level * 0.2, share, np.full(n, level))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("b", "scale"), [(15.0, 800.0), (40.0, 800.0), (40.0, 60.0)])
def test_the_falloff_is_that_of_all_reflections(b, scale, seed):
    """Also where nearly all of them are weaker than the noise: 3 photons at 2.6 A in the last case."""
    fitted = fit_falloff(reflections(b, scale, seed), 12.0, TESTED)
    for d in (4.0, 3.0, 2.6):
        assert fitted.intensity(d) == pytest.approx(scale * np.exp(-b / (2 * d**2)), rel=0.25)
    assert fitted.b_factor == pytest.approx(b, abs=6.0)
    assert fitted.background_at(2.0) == pytest.approx(0.3 / 0.02)
    assert fitted.spot_pixels == 12


def test_the_limit_is_where_nothing_is_seen_any_more():
    near = fit_falloff(reflections(60.0, 300.0, 1), 12.0, TESTED)
    far = fit_falloff(reflections(10.0, 300.0, 1), 12.0, TESTED)
    assert far.d_limit < 1.7 < 2.0 < near.d_limit < 3.5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_but_background_has_no_falloff(seed):
    assert fit_falloff(reflections(20.0, 0.0, seed), 12.0, TESTED) is None


def test_few_reflections_have_no_falloff():
    many = reflections(20.0, 800.0, 1)
    few = Photometry(
        many.d[:30], many.photons[:30], many.variance[:30], many.share[:30], many.background[:30]
    )
    assert fit_falloff(few, 12.0, TESTED) is None
    assert fit_falloff(joined([]), 12.0, TESTED) is None


def test_ice_and_cosmic_rays_hardly_count():
    clean = reflections(20.0, 300.0, 1)
    photons, variance = clean.photons.copy(), clean.variance.copy()
    photons[::200] = variance[::200] = 1e6
    dirty = replace(clean, photons=photons, variance=variance)
    means = [shells_of(one).mean for one in (clean, dirty)]
    assert (means[1] < 2 * means[0]).all()
    found = [fit_falloff(one, 12.0, TESTED).intensity(2.0) for one in (clean, dirty)]
    assert found[1] == pytest.approx(found[0], rel=0.25)


def test_the_cap_takes_nothing_from_an_exponential_distribution():
    rng = np.random.default_rng(1)
    intensities = rng.exponential(40.0, 100_000)
    mean = capped_mean(intensities, np.ones(100_000), np.ones(100_000))
    assert mean == pytest.approx(intensities.mean(), rel=1e-4)


CRYSTAL = CrystalSpec(UnitCell(60.0, 60.0, 40.0, 90, 90, 90), "P43212", b_factor=30, seed=3)


def measured(
    scenario: Scenario, width: float, mosaicity: float, turned: float = 0.0
) -> tuple[Photometry, Simulation]:
    """All reflections of four shots, of the true lattice turned by some degrees; and what was simulated."""
    made = shots_of(scenario, 4, width)
    record, matrix = made.dataset, np.array(rotation((1.0, 2.0, 3.0), turned)) @ true_matrix(made)
    parts = []
    for number, start in enumerate(record.scan.starts, 1):
        frame = Frame(matrix, record.goniometer, start, start + width, mosaicity)
        args = (frame, record.detector, record.beam, 4.5)
        parts.append(measure(made.frame(number), made.mask, *args))
    return joined(parts), made


@pytest.mark.parametrize("mosaicity", [0.08, 0.12, 0.18])
@pytest.mark.parametrize(("width", "photons"), [(0.1, 100.0), (0.2, 60.0), (0.5, 60.0)])
def test_weak_shots_tell_the_mean_of_whole_reflections(width, photons, mosaicity):
    """Whatever share of a reflection the frame records, and with the mosaicity wrong by half."""
    scenario = Scenario(name="weak", crystal=CRYSTAL, photons=photons, mosaicity=0.12)
    table, made = measured(scenario, width, mosaicity)
    fitted = fit_falloff(table, 12.0, replace(TESTED, width_deg=width, mosaicity_deg=mosaicity))
    found = np.array([fitted.intensity(d) for d in (4.0, 3.5, 3.0, 2.7)])
    truth = np.array([mean_photons(made, 1.05 * d, 0.95 * d) for d in (4.0, 3.5, 3.0, 2.7)])
    assert np.exp(np.log(found / truth).mean()) == pytest.approx(1.0, abs=0.15)
    assert found == pytest.approx(truth, rel=0.4)


def test_no_crystal_no_falloff():
    blank = Scenario(name="blank", crystal=CRYSTAL, photons=1e-6, background=Background(level=1.0))
    table, _ = measured(blank, 0.2, 0.12)
    assert len(table) > 300
    assert table.background == pytest.approx(np.full(len(table), 1.0), abs=1.5)
    assert fit_falloff(table, 12.0, TESTED) is None


def test_a_lattice_that_is_not_there_shows_nothing():
    """Spots of another lattice and the slopes of the background are no signal."""
    scenario = Scenario(name="strong", crystal=CRYSTAL, photons=400.0, background=Background(level=3.0))
    there, elsewhere = (measured(scenario, 0.2, 0.12, turned)[0] for turned in (0.0, 7.0))
    assert fit_falloff(there, 12.0, TESTED).d_limit < 2.6
    assert fit_falloff(elsewhere, 12.0, TESTED) is None
    assert abs(np.median(shells_of(elsewhere).mean)) < 0.03 * np.median(shells_of(there).mean)


def test_shares_add_up_to_the_reflections_that_cross():
    """Whatever the mosaicity: what one frame lacks of a reflection its neighbours have."""
    scenario = Scenario(name="sharp", crystal=CRYSTAL)
    sums = [measured(scenario, 0.5, mosaicity)[0].share.sum() for mosaicity in (0.02, 0.1, 0.3)]
    assert sums == pytest.approx([sums[1]] * 3, rel=0.06)


def test_masked_and_saturated_pixels_take_their_reflections_away():
    made = shots_of(Scenario(name="masked", crystal=CRYSTAL), 1)
    record, counts = made.dataset, made.frame(1)
    frame = Frame(true_matrix(made), record.goniometer, 0.0, 0.2, 0.12)

    def table(counts, mask):
        return measure(counts, mask, frame, record.detector, record.beam, 4.5)

    whole = table(counts, made.mask)
    mask, full = made.mask.copy(), counts.copy()
    mask[: mask.shape[0] // 2] = True
    full[: full.shape[0] // 2] = record.detector.saturation + 1
    assert 0.3 * len(whole) < len(table(counts, mask)) < 0.7 * len(whole)
    assert len(table(full, made.mask)) == pytest.approx(len(table(counts, mask)), abs=20)
