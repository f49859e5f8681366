"""Outliers: those that were made are found, and nothing else."""

from dataclasses import replace

import gemmi
import numpy as np
import pytest

from beampace.analysis.rotation.equivalents import Grouping, group_equivalents
from beampace.analysis.rotation.outliers import find_outliers, too_strong
from beampace.analysis.rotation.scaled_data import scale
from tests.support.rotation_observations import Scan, measured

SCAN = Scan(d_min=2.8, c=lambda z: 1 + 0.2 * np.cos(z / 50), b_error=0.03)


def grouped(*groups):
    """(grouping, intensities) of groups given by their intensities."""
    sizes = [len(group) for group in groups]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    label = np.repeat(np.arange(len(groups)), sizes)
    return Grouping(np.arange(starts[-1]), starts, label), np.concatenate(groups).astype(float)


def test_clean_data_have_none():
    truth = measured("P43212", SCAN)
    assert scale(truth.observations, truth.group).outlier.sum() == 0


@pytest.mark.parametrize("name", ["P43212", "P212121"])
def test_what_was_spoilt_is_found_and_nothing_else(name):
    truth = measured(name, SCAN)
    sizes = group_equivalents(truth.observations, truth.group)
    n = len(truth.observations)
    several = np.zeros(n, dtype=bool)
    several[sizes.order] = sizes.sizes[sizes.label] >= 4
    spoilt = np.random.default_rng(2).choice(np.flatnonzero(several), n // 200, replace=False)
    observations = truth.observations
    intensity = observations.intensity.copy()
    away = 15 * np.hypot(observations.sigma[spoilt], 0.05 * intensity[spoilt])
    intensity[spoilt] += away * np.where(np.arange(len(spoilt)) % 2, 1, -1)
    scaled = scale(replace(observations, intensity=intensity), truth.group)
    made = np.zeros(n, dtype=bool)
    made[spoilt] = True
    assert (scaled.outlier & made).sum() >= 0.97 * made.sum()
    assert (scaled.outlier & ~made).sum() <= 0.0005 * n


def test_a_zinger_does_not_spoil_the_scales():
    truth = measured("P43212", SCAN)
    intensity = truth.observations.intensity.copy()
    intensity[::500] += 1e6
    scaled = scale(replace(truth.observations, intensity=intensity), truth.group)
    ratio = np.log(scaled.scale / truth.g)
    assert np.std(ratio) < 0.02
    assert scaled.outlier[::500].mean() > 0.9


def test_the_worst_goes_first_and_takes_no_other_along():
    grouping, intensity = grouped([10, 11, 9, 100], [10, 10.5])
    found = find_outliers(grouping, intensity, np.ones(6), np.ones(6))
    assert found.tolist() == [False, False, False, True, False, False]


def test_of_a_pair_both_go_but_later():
    grouping, intensity = grouped([0, 10], [0, 14], [3])
    found = find_outliers(grouping, intensity, np.ones(5), np.ones(5))
    assert found.tolist() == [False, False, True, True, False]


def test_a_small_sigma_does_not_win_over_the_majority():
    grouping, intensity = grouped([10, 11, 9, 10.5, 60])
    found = find_outliers(grouping, intensity, np.array([1, 1, 1, 1, 0.01]), np.ones(5))
    assert found.tolist() == [False] * 4 + [True]


def test_what_does_not_count_neither_judges_nor_is_judged():
    grouping, intensity = grouped([10, 11, 1000])
    found = find_outliers(grouping, intensity, np.array([1, 1, np.inf]), np.ones(3))
    assert not found.any()


def test_scales_are_allowed_for():
    grouping, intensity = grouped([10, 20, 40])
    assert not find_outliers(grouping, intensity, np.ones(3), np.array([1.0, 2.0, 4.0])).any()


def test_lone_observations_beyond_all_probability():
    rng = np.random.default_rng(3)
    n = 4000
    mean, d = rng.exponential(100, n), rng.uniform(2, 10, n)
    hkl = rng.integers(1, 20, (n, 3)).astype(np.int32)
    lone = np.ones(n, dtype=bool)
    mean[7], mean[8] = 4000, 4000
    lone[8] = False
    found = too_strong(mean, hkl, d, gemmi.SpaceGroup("P 2 2 2"), lone)
    assert np.flatnonzero(found).tolist() == [7]
    mean[7] = 3000
    hkl[7] = (0, 0, 4)  # on an axis of order two reflections are twice as strong
    assert not too_strong(mean, hkl, d, gemmi.SpaceGroup("P 2 2 2"), lone).any()
