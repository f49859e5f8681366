import numpy as np
import pytest
from scipy import stats

from beampace.simulate.noise import draw_noise, noise_tables


def drawn(mean, seed=5, number=1, dtype=np.uint32):
    frame = np.empty(mean.shape, dtype)
    draw_noise(noise_tables(mean), seed, number, frame)
    return frame


def chi_square(counts, mean):
    """Probability that counts are Poisson with one mean, classes of expectation >= 10."""
    top = int(counts.max()) + 2
    observed = np.bincount(counts.ravel(), minlength=top).astype(float)
    expected = stats.poisson.pmf(np.arange(top), mean) * counts.size
    expected[-1] += stats.poisson.sf(top - 1, mean) * counts.size
    while expected[-1] < 10:
        observed, expected = _folded(observed), _folded(expected)
    while expected[0] < 10:
        observed, expected = _folded(observed[::-1])[::-1], _folded(expected[::-1])[::-1]
    return stats.chisquare(observed, expected, sum_check=False).pvalue


def _folded(values):
    return np.concatenate([values[:-2], [values[-2] + values[-1]]])


@pytest.mark.parametrize("level", [0.01, 0.1, 1.0, 10.0, 100.0, 333.0])
def test_flat_background_is_poisson(level):
    counts = drawn(np.full((1000, 1003), level))
    assert chi_square(counts, level) > 1e-3
    assert counts.mean() == pytest.approx(level, abs=5 * np.sqrt(level / counts.size))


@pytest.mark.parametrize("level", [0.01, 0.1, 1.0, 10.0, 100.0])
def test_pixels_between_levels_are_poisson_too(level):
    """Half of the pixels lie just below the next level, where the thinned remainder is largest."""
    mean = np.full((1200, 1000), level)
    mean[::2] *= 1.0 / 3.0
    mean[0, 0] = level * 3
    mean[1::2] *= 0.9991
    counts = drawn(mean)
    assert chi_square(counts[1::2], level * 0.9991) > 1e-3
    assert chi_square(counts[2::2], level / 3) > 1e-3


def test_a_gradient_keeps_its_mean_and_variance():
    mean = np.geomspace(0.02, 40, 2000)[:, None] * np.ones(500)
    counts = drawn(mean).astype(float)
    pull = (counts.sum(axis=1) - mean.sum(axis=1)) / np.sqrt(mean.sum(axis=1))
    assert np.sum(pull**2) == pytest.approx(2000, abs=5 * np.sqrt(2 * 2000))
    ratio = ((counts - mean) ** 2).sum(axis=1) / mean.sum(axis=1)
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)


def test_neighbours_and_frames_do_not_know_each_other():
    mean = np.full((1000, 1000), 0.7)
    one, two = drawn(mean, number=1).astype(float), drawn(mean, number=2).astype(float)
    limit = 5 / np.sqrt(one.size)
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < limit
    for shift in (1, 2, 1000):
        assert abs(np.corrcoef(one.ravel()[shift:], one.ravel()[:-shift])[0, 1]) < limit


def test_reproducible_and_different_by_seed_and_number():
    mean = np.full((50, 51), 2.0)
    assert np.array_equal(drawn(mean), drawn(mean))
    assert np.array_equal(drawn(mean), drawn(mean, dtype=np.uint16))
    assert not np.array_equal(drawn(mean), drawn(mean, seed=6))
    assert not np.array_equal(drawn(mean), drawn(mean, number=2))


def test_zero_stays_zero():
    mean = np.zeros((40, 40))
    assert not drawn(mean).any()
    mean[:20] = 1.0
    counts = drawn(mean)
    assert not counts[20:].any()
    assert counts[:20].any()


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_impossible_means_are_refused(bad):
    with pytest.raises(ValueError, match="expected counts"):
        noise_tables(np.full((4, 4), bad))
