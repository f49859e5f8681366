"""The error model: what was put in comes out, and nothing when there is too little."""

import numpy as np
import pytest

from beampace.analysis.rotation.error_model import ErrorModel, expected_variance, fit_error_model
from beampace.analysis.rotation.scaled_data import scale
from tests.support.rotation_observations import Scan, measured


def drawn(a: float, b: float, n: int = 40_000, level: float = 3000.0, seed: int = 1):
    """Deviates of groups of four about their means: (variance, expected, residual, free)."""
    rng = np.random.default_rng(seed)
    true = np.repeat(rng.exponential(level, n // 4), 4)
    variance = true + 50
    sigma = a * np.sqrt(variance + (b * true) ** 2)
    value = true + sigma * rng.standard_normal(n)
    mean = np.repeat(value.reshape(-1, 4).mean(axis=1), 4)
    return variance, mean, value - mean, np.full(n, 0.75)


@pytest.mark.parametrize("a", [0.8, 1.0, 1.6])
@pytest.mark.parametrize("b", [0.02, 0.05])
def test_a_and_b_are_recovered(a, b):
    found = fit_error_model(*drawn(a, b))
    assert found.fitted
    assert found.a == pytest.approx(a, rel=0.03)
    assert found.b == pytest.approx(b, rel=0.05)
    assert found.isa == pytest.approx(1 / (a * b), rel=0.05)


def test_a_few_outliers_do_not_decide():
    variance, expected, residual, free = drawn(1.0, 0.03)
    residual[::200] *= 30
    found = fit_error_model(variance, expected, residual, free)
    assert found.a == pytest.approx(1, abs=0.07)
    assert found.b == pytest.approx(0.03, rel=0.1)


def test_weak_data_tell_no_asymptotic_value():
    found = fit_error_model(*drawn(1.2, 0.02, level=5.0))
    assert found.isa is None
    assert found.a == pytest.approx(1.2, rel=0.03)


def test_too_few_keep_the_default():
    assert fit_error_model(*drawn(1.5, 0.1, n=200)) == ErrorModel()


def test_variance_is_taken_where_the_mean_lies():
    """Two observations of one reflection get one variance, however the counts fell."""
    photon, background = 2.0, 10.0
    counts = np.array([90.0, 110.0])
    intensity, sigma = photon * counts, photon * np.sqrt(counts + background)
    found = expected_variance(sigma, intensity, np.array([200.0, 200.0]), np.full(2, photon))
    assert np.allclose(found, photon**2 * 110)
    assert np.allclose(expected_variance(sigma, intensity, intensity, None), sigma**2)


@pytest.mark.parametrize(("a", "b"), [(1.0, 0.04), (1.4, 0.03)])
def test_through_scaling(a, b):
    truth = measured("P43212", Scan(d_min=2.5, a=a, b_error=b / a if a == 1 else b, photons=1000, seed=5))
    found = scale(truth.observations, truth.group).error_model
    assert found.a == pytest.approx(a, rel=0.1)
    assert found.b * found.a == pytest.approx(b, rel=0.15)
