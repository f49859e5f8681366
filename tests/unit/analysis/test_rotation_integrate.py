"""Intensities against analytical spots and against the simulator's truth."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest

from beampace.analysis import Analyser, Setup, join_spots
from beampace.analysis.rotation import crop_kernel
from beampace.analysis.rotation.boxes import Trust
from beampace.analysis.rotation.integrate import Integrator
from beampace.analysis.rotation.integrated import Integrated
from beampace.analysis.rotation.predict import Predictor
from beampace.analysis.rotation.profile_model import measure_spread
from beampace.analysis.rotation.profiles import Profiles, gaussian
from beampace.simulate.groups import group_scenario
from beampace.simulate.simulation import simulate_scan
from tests.support.rotation_scans import true_counts, true_model

N_FRAMES = 28
D_MIN = 1.9


@pytest.fixture(scope="module")
def made():
    return simulate_scan(group_scenario("P43212", degrees=N_FRAMES * 0.5))


@pytest.fixture(scope="module")
def frames(made):
    return [made.frame(number) for number in range(1, N_FRAMES + 1)]


def integrated(made, frames, numbers=None, **changes) -> Integrated:
    integrator = Integrator(true_model(made), made.mask, D_MIN, N_FRAMES, **changes)
    for number in numbers or range(1, N_FRAMES + 1):
        integrator.take(frames[number - 1], number)
    return integrator.finish()


@pytest.fixture(scope="module")
def found(made, frames):
    return integrated(made, frames)


def clean(found: Integrated) -> np.ndarray:
    return found.fitted & found.summed & ~(found.at_edge | found.masked | found.overlapped | found.overloaded)


@pytest.mark.parametrize("at_edge", [False, True])
@pytest.mark.parametrize("intensity", [300.0, 30000.0])
def test_one_reflection_integrated_analytically(made, intensity, at_edge):
    """No noise: the expected counts of one spot, on a background of 10, rounded to whole counts."""
    thin = replace(made.true_dataset.detector, sensor_thickness=0.0)
    sigma = math.degrees(math.sqrt(1 - 1 / 12) * 0.075 / thin.distance)
    model = replace(true_model(made), detector=thin, sigma_d=sigma)
    found = Predictor(model, D_MIN, N_FRAMES).predict(0, N_FRAMES)
    inner = (np.abs(found.xyz[:, 0] - 514) < 300) & (np.abs(found.xyz[:, 1] - 260) < 150)
    inner &= np.abs(found.xyz[:, 2] - (0.4 if at_edge else 14.0)) < 0.3
    row = np.flatnonzero(inner & (found.table[:, 4] > 0.5))[0]
    x, y, z = found.xyz[row]
    spread = math.sqrt(1 - 1 / 12)
    along = model.sigma_m / model.width / found.table[row, 4]
    whole, shape = intensity, (1062, 1028)

    def shares(middle, width, n):
        edges = np.array([math.erf((k - middle) / width / math.sqrt(2)) for k in range(n + 1)])
        return np.diff(edges) / 2

    plane = np.outer(shares(y, spread, shape[0]), shares(x, spread, shape[1]))
    rng = np.random.default_rng(4)
    integrator = Integrator(model, np.zeros(shape, np.bool_), D_MIN, N_FRAMES)
    for index, part in enumerate(shares(z, along, N_FRAMES)):
        # Rounded up and down in proportion, so that rounding is no bias.
        expected = 10.0 + whole * part * plane
        frame = np.floor(expected + rng.random(shape)).astype(np.uint32)
        integrator.take(frame, index + 1)
    result = integrator.finish()
    same = (result.hkl == found.hkl[row]).all(axis=1) & (np.abs(result.xyz[:, 2] - z) < 1e-6)
    assert same.sum() == 1
    one = result.only(np.flatnonzero(same))
    assert one.at_edge[0] == at_edge
    assert one.background[0] == pytest.approx(10.0, rel=0.02)
    tolerance = 0.015 * whole + 12
    assert one.i_sum[0] == pytest.approx(whole, abs=tolerance)
    assert one.i_prf[0] == pytest.approx(whole, abs=tolerance)
    if whole > 1000:
        assert one.correlation[0] > 0.98
        assert np.abs(one.xyz_observed[0, :2] - one.xyz[0, :2]).max() < 0.05
    assert (one.partiality[0] < 0.95) == at_edge


def test_intensities_are_in_proportion_to_the_truth(made, found):
    true, good = true_counts(made, found), clean(found)
    assert good.sum() > 5000
    dark = true + found.voxels * found.background
    for intensity in (found.i_sum, found.i_prf):
        scale = (intensity * true / dark)[good].sum() / (true**2 / dark)[good].sum()
        assert scale == pytest.approx(1.0, abs=0.01)
        for low, high in ((30, 100), (100, 300), (300, 1000), (1000, 1e9)):
            chosen = good & (true >= low) & (true < high)
            ratio = intensity[chosen].sum() / true[chosen].sum()
            error = math.sqrt(dark[chosen].sum()) / true[chosen].sum()
            assert abs(ratio / scale - 1) < 0.005 + 3 * error


@pytest.mark.parametrize("kind", ["sum", "prf"])
def test_pulls_have_the_mean_and_spread_of_an_honest_error(made, found, kind):
    """The variance is taken at the true intensity, as scaling takes it at the mean of equivalents."""
    intensity, variance, at = (getattr(found, f"{name}_{kind}") for name in ("i", "var", "at"))
    true, good = true_counts(made, found), clean(found)
    dark = np.maximum(true + found.voxels * found.background, 1e-3)
    scale = (intensity * true / dark)[good].sum() / (true**2 / dark)[good].sum()
    pulls = (intensity - scale * true) / np.sqrt(np.maximum(variance + scale * true - at, 0.1))
    ratio = true / np.sqrt(dark)
    for low, high in ((0, 1), (1, 3), (3, 6), (6, 12), (12, 25), (25, 1e9)):
        chosen = good & (ratio >= low) & (ratio < high)
        n = chosen.sum()
        assert n > 100
        assert abs(pulls[chosen].mean()) < 0.05 + 3 / math.sqrt(n), (low, n)
        assert 0.8 < pulls[chosen].std() < 1.3, (low, n)
        reported = ((intensity - scale * true) / np.sqrt(variance))[chosen]
        assert 0.7 < reported.std() < 1.3, (low, n)


def test_fitting_is_sharper_than_summing_and_agrees_with_it(found):
    good = clean(found)
    weak = good & (found.i_prf < 3 * np.sqrt(found.var_prf))
    assert np.median(found.var_sum[weak] / found.var_prf[weak]) > 1.2
    strong = good & (found.i_prf > 20 * np.sqrt(found.var_prf))
    assert np.median(found.i_prf[strong] / found.i_sum[strong]) == pytest.approx(1.0, abs=0.005)


def test_what_was_observed_lies_where_it_was_expected(found):
    strong = clean(found) & (found.i_prf > 30 * np.sqrt(found.var_prf))
    offsets = (found.xyz_observed - found.xyz)[strong]
    assert np.abs(offsets.mean(axis=0)).max() < 0.02
    assert offsets.std(axis=0).max() < 0.15


def _same(one: Integrated, two: Integrated) -> None:
    for field in fields(one):
        assert np.array_equal(getattr(one, field.name), getattr(two, field.name)), field.name


def test_the_order_of_frames_does_not_matter(made, frames, found):
    numbers = list(np.random.default_rng(5).permutation(N_FRAMES) + 1)
    _same(integrated(made, frames, [int(number) for number in numbers]), found)


def test_the_number_of_threads_does_not_matter(made, frames, found):
    integrator = Integrator(true_model(made), made.mask, D_MIN, N_FRAMES)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(integrator.take, frames, range(1, N_FRAMES + 1)))
    _same(integrator.finish(), found)


def test_where_blocks_end_hardly_matters(made, frames, found):
    other = integrated(made, frames, block_degrees=3.0)
    assert np.array_equal(found.hkl, other.hkl)
    good = clean(found) & clean(other)
    shift = ((other.i_prf - found.i_prf) / np.sqrt(found.var_prf))[good]
    assert np.abs(shift).mean() < 0.1


def test_results_come_while_frames_come(made, frames):
    integrator = Integrator(true_model(made), made.mask, D_MIN, N_FRAMES)
    assert integrator.results() is None
    for number in range(1, 15):
        integrator.take(frames[number - 1], number)
    early = integrator.results()
    assert early is not None and len(early) > 1000
    assert early.box[:, 5].max() <= 10


def test_missing_frames_are_told_and_do_not_bias(made, frames):
    numbers = [number for number in range(1, N_FRAMES + 1) if number not in (12, 13)]
    result = integrated(made, frames, numbers)
    hit = (result.box[:, 4] <= 12) & (result.box[:, 5] >= 12)
    assert result.masked[hit].mean() > 0.9
    assert not result.fitted[hit & (np.abs(result.xyz[:, 2] - 12) < 0.3)].any()
    true = true_counts(made, result)
    good = result.fitted & result.masked & hit & ~result.at_edge & (true > 100)
    assert result.i_prf[good].sum() / true[good].sum() == pytest.approx(1.0, abs=0.05)


def test_no_frame_at_all(made):
    integrator = Integrator(true_model(made), made.mask, D_MIN, N_FRAMES)
    assert not integrator.finish().fitted.any()


def test_masked_pixels_do_not_bias(made, frames):
    mask = made.mask.copy()
    mask |= np.random.default_rng(6).random(mask.shape) < 0.02
    integrator = Integrator(true_model(made), mask, D_MIN, N_FRAMES)
    for number, frame in enumerate(frames, start=1):
        integrator.take(frame, number)
    result = integrator.finish()
    true = true_counts(made, result)
    hit = result.masked & result.fitted & ~result.at_edge & (true > 100)
    assert hit.sum() > 300
    for intensity in (result.i_sum, result.i_prf):
        assert intensity[hit].sum() / true[hit].sum() == pytest.approx(1.0, abs=0.02)


def test_overloads_are_told(made, frames, found):
    limit = 40
    model = true_model(made)
    model = replace(model, detector=replace(model.detector, saturation=limit))
    integrator = Integrator(model, made.mask, D_MIN, N_FRAMES)
    for number, frame in enumerate(frames, start=1):
        integrator.take(frame, number)
    result = integrator.finish()
    assert result.overloaded.sum() > 100
    assert not result.overloaded[clean(found) & (found.i_prf < limit / 2)].any()


def test_a_model_that_follows_keeps_the_widths(made):
    integrator = Integrator(true_model(made), made.mask, D_MIN, N_FRAMES)
    integrator.update_model(replace(true_model(made), a_matrix=true_model(made).a_matrix * 1.001))
    assert integrator.model.a_matrix[0, 0] != true_model(made).a_matrix[0, 0]
    with pytest.raises(ValueError, match="stay"):
        integrator.update_model(replace(true_model(made), sigma_m=0.3))


@pytest.mark.parametrize("saturation", [0, 60000, 1_000_000, 9_000_000])
def test_large_counts_are_kept_within_their_noise(saturation):
    trust = Trust.of(saturation)
    counts = [0, 5, 59_999, 60_000, 100_000, 900_000, 8_000_000]
    frame = np.array([[count for count in counts if count <= trust.saturation] + [2**32 - 1]], np.uint32)
    n = frame.shape[1]
    box, voxels = np.array([[0, n, 0, 1, 0, 1]], np.int32), np.zeros(n, np.uint16)
    store = crop_kernel.Store(box, np.array([0, n]), voxels)
    crop_kernel.crop(frame, 0, store, 2**26, trust.saturation, trust.step)
    assert voxels[-1] == crop_kernel.NO_DATA
    for count, code in zip(frame[0, :-1], voxels[:-1], strict=True):
        kept = crop_kernel.count_of(int(code), trust.step)
        assert kept == count if count <= 60_000 else abs(kept - count) <= max(0.6 * trust.step, 1)
    if 0 < saturation < 2_000_000:
        assert trust.step / math.sqrt(12) < math.sqrt(60_000)


def test_profiles_begin_as_the_gaussian_of_the_model():
    profiles = Profiles(1.0)
    assert gaussian().sum() == pytest.approx(1.0, abs=1e-5)
    across, along = profiles.spread()
    assert across == pytest.approx(1.03, abs=0.03)
    assert along == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(
    ("width", "mosaicity", "level"), [(0.5, 0.15, 0.3), (0.2, 0.05, 0.01), (0.2, 0.15, 5.0)]
)
def test_sigmas_of_spots(width, mosaicity, level):
    scenario = group_scenario("P43212", width=width, degrees=16 * width)
    spot = replace(scenario.spot, tail=0.0, ellipticity=1.0, arc=0.0)
    background = replace(scenario.background, level=level)
    made = simulate_scan(
        replace(scenario, mosaicity=mosaicity, spot=spot, background=background, photons=1500)
    )
    dataset = made.true_dataset
    analyser = Analyser(Setup.make(dataset.detector, dataset.beam))
    spots = join_spots([analyser.analyse(made.frame(number), number) for number in range(1, 17)])
    start = replace(true_model(made), sigma_d=0.1, sigma_m=0.1)
    found = measure_spread(start, spots)
    assert found is not None and found.spots > 100
    assert found.sigma_m == pytest.approx(math.hypot(mosaicity, 0.01), rel=0.07)
    size = math.hypot(scenario.spot.sigma, 0.075 / math.sqrt(12), math.radians(0.01) * 85)
    assert found.sigma_d == pytest.approx(math.degrees(size / dataset.detector.distance), rel=0.07)
    assert measure_spread(start, join_spots([])) is None


def test_spots_that_widen_with_resolution_are_fitted_as_wide_as_they_are():
    """A mosaic arc doubles the width at the edge of the detector, where there is nothing to learn from."""
    scenario = group_scenario("P43212", degrees=N_FRAMES * 0.5)
    wide = simulate_scan(replace(scenario, spot=replace(scenario.spot, arc=0.8), mosaicity=0.2))
    result = integrated(wide, [wide.frame(number) for number in range(1, N_FRAMES + 1)])
    true, good = true_counts(wide, result), clean(result)
    for low, high in ((1.9, 2.2), (2.2, 2.7), (2.7, 4.0)):
        chosen = good & (result.d >= low) & (result.d < high)
        assert result.i_prf[chosen].sum() / true[chosen].sum() == pytest.approx(1.0, abs=0.03)


def test_intensities_of_overlapping_reflections_are_told():
    """A wide rocking curve and a long axis: neighbours share voxels, and each says so."""
    scenario = group_scenario("P43212", width=0.5, degrees=10)
    cell = replace(scenario.crystal.unit_cell, a=220.0, b=220.0)
    made = simulate_scan(
        replace(scenario, crystal=replace(scenario.crystal, unit_cell=cell), mosaicity=0.3, d_min=3.0)
    )
    model = true_model(made)
    integrator = Integrator(model, made.mask, 3.0, 20)
    for number in range(1, 21):
        integrator.take(made.frame(number), number)
    result = integrator.finish()
    true = true_counts(made, result)
    whole = result.fitted & ~result.at_edge & ~result.masked
    assert result.overlapped[whole].mean() > 0.2
    chosen = whole & ~result.overlapped & (true > 50)
    assert np.median(result.i_prf[chosen] / true[chosen]) == pytest.approx(1.0, abs=0.05)
