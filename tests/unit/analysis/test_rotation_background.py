"""The background is unbiased, also where most pixels hold no count."""

from __future__ import annotations

import numpy as np
import pytest

from beampace.analysis.rotation.background import clipped_means, pooled

LEVELS = (0.01, 0.05, 0.2, 1.0, 10.0)


@pytest.mark.parametrize("level", LEVELS)
def test_mean_of_clean_boxes(level):
    """The table of `rotation-methods`, section 7: 200 Poisson pixels, mean over many boxes."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(level, (20000, 200))
    error = np.sqrt(level / counts.size)
    assert clipped_means(counts).mean() == pytest.approx(level, abs=4 * error + 0.002 * level)


@pytest.mark.parametrize("level", LEVELS)
def test_a_few_bright_pixels_do_no_harm(level):
    """5 % of +20 counts: the bias stays below a tenth of sqrt(b)."""
    rng = np.random.default_rng(2)
    counts = rng.poisson(level, (4000, 200))
    counts[:, :10] += 20
    assert abs(clipped_means(counts).mean() - level) < 0.1 * np.sqrt(level)


def _boxes(level, n, pixels=200, seed=3):
    rng = np.random.default_rng(seed)
    place = rng.random((n, 2))
    d_star = 0.1 + 0.4 * np.hypot(*(place - 0.5).T)
    counts = rng.poisson(level(place) * pixels).astype(float)
    return counts, np.full(n, float(pixels)), d_star, place


@pytest.mark.parametrize("level", LEVELS)
def test_pooling_is_unbiased_and_sharper(level):
    counts, voxels, d_star, place = _boxes(lambda at: np.full(len(at), level), 5000)
    found = pooled(counts, voxels, d_star, place)
    assert found.level.mean() == pytest.approx(level, rel=0.01)
    assert found.level.std() < 0.4 * (counts / voxels).std()
    assert (found.voxels > 5 * voxels).all()


def test_pooling_follows_what_varies():
    def level(at):
        return 0.05 + 2.0 * np.exp(-0.5 * (np.hypot(*(at - 0.5).T) / 0.15) ** 2) * (
            1 + 0.5 * (at[:, 0] - 0.5)
        )

    counts, voxels, d_star, place = _boxes(level, 8000)
    found, true = pooled(counts, voxels, d_star, place), level(place)
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 3.0)):
        chosen = (true >= low) & (true < high)
        assert found.level[chosen].mean() == pytest.approx(true[chosen].mean(), rel=0.02)
    raw = np.sqrt(np.mean((counts / voxels - true) ** 2))
    assert np.sqrt(np.mean((found.level - true) ** 2)) < raw


def test_boxes_without_pixels_take_what_surrounds_them():
    counts, voxels, d_star, place = _boxes(lambda at: np.full(len(at), 0.3), 1000)
    counts[::50], voxels[::50] = 0, 0
    found = pooled(counts, voxels, d_star, place)
    assert found.level[::50] == pytest.approx(0.3, rel=0.1)


def test_nothing_on_any_pixel():
    found = pooled(np.zeros(50), np.full(50, 100.0), np.linspace(0.1, 0.5, 50), np.zeros((50, 2)))
    assert (found.level >= 0).all() and found.level.max() < 1e-3
