from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from beampace.analysis import FrameVerdict, judge_dataset
from beampace.analysis.judge import Tally, judge_frame
from beampace.analysis.poisson import ThresholdTable, tail_threshold
from beampace.analysis.resolution import estimate_d_min, wilson_inliers


def _tally(**values) -> Tally:
    usual = {
        "n_counted": 0, "n_good": 0, "n_ice": 0, "n_overloaded": 0, "n_strong": 0,
        "median_d_star_sq": 0.05, "rings": False, "total_counts": 1000,
    }  # fmt: skip
    return Tally(**{**usual, **values})


@pytest.mark.parametrize(
    ("tally", "verdict"),
    [
        (_tally(total_counts=0), FrameVerdict.NO_BEAM),
        (_tally(n_counted=2, n_good=2), FrameVerdict.BLANK),
        (_tally(n_counted=12, n_good=12), FrameVerdict.WEAK),
        (_tally(n_counted=300, n_good=250, n_strong=100), FrameVerdict.GOOD),
        (_tally(rings=True), FrameVerdict.ICE),
        (_tally(n_counted=30, n_good=3, n_ice=25), FrameVerdict.ICE),
        (_tally(rings=True, n_counted=300, n_good=250), FrameVerdict.GOOD),
        (_tally(n_counted=20, n_good=18, n_strong=15, median_d_star_sq=0.6), FrameVerdict.SMALL_MOLECULE),
        (_tally(n_counted=300, n_good=250, n_strong=200, median_d_star_sq=0.3), FrameVerdict.GOOD),
        (_tally(n_counted=200, n_good=150, n_overloaded=30), FrameVerdict.OVERLOADED),
        (_tally(n_counted=200, n_good=150, n_overloaded=2), FrameVerdict.GOOD),
    ],
)
def test_verdicts(tally, verdict):
    assert judge_frame(tally) is verdict


@dataclass(frozen=True)
class Seen:
    """As much of an analysis as `judge_dataset` needs."""

    background: float
    verdict: FrameVerdict


def test_no_beam_is_seen_against_the_rest_of_the_dataset():
    frames = [Seen(1.0, FrameVerdict.GOOD)] * 10 + [Seen(0.01, FrameVerdict.BLANK)] * 5
    frames += [Seen(0.8, FrameVerdict.BLANK), Seen(0.01, FrameVerdict.GOOD)]
    verdicts = judge_dataset(frames)
    assert verdicts[:10] == (FrameVerdict.GOOD,) * 10
    assert verdicts[10:15] == (FrameVerdict.NO_BEAM,) * 5
    assert verdicts[15:] == (FrameVerdict.BLANK, FrameVerdict.GOOD)
    mostly_dark = [Seen(1.0, FrameVerdict.GOOD)] * 4 + [Seen(0.001, FrameVerdict.BLANK)] * 3
    assert judge_dataset(mostly_dark)[4:] == (FrameVerdict.NO_BEAM,) * 3
    assert judge_dataset([]) == ()


@pytest.mark.parametrize("mean", [0.01, 0.3, 2.0, 40.0, 499.0, 501.0, 4000.0])
@pytest.mark.parametrize("probability", [1e-2, 1e-5])
def test_thresholds_are_poisson_tails(mean, probability):
    from scipy.stats import poisson

    threshold = tail_threshold(mean, probability)
    slack = 0 if mean <= 500 else 5
    assert poisson.sf(threshold - 1 + slack, mean) < probability
    assert poisson.sf(threshold - 2 - slack, mean) >= probability


def test_the_table_rises_with_the_background():
    counts = ThresholdTable.make(1e-5).counts
    assert np.all(np.diff(counts.astype(int)) >= 0)


@pytest.mark.parametrize(("d_min", "n_spots"), [(1.6, 400), (2.5, 300), (3.5, 60)])
def test_resolution_of_wilson_distributed_spots(d_min, n_spots):
    """Intensities fall off as exp(-B/2d^2) and are exponentially distributed; spots stop at d_min."""
    rng = np.random.default_rng(2)
    squared = rng.uniform(1e-3, d_min**-3, n_spots) ** (2 / 3)
    intensity = 3000 * rng.exponential(np.exp(-10 * squared / 2)) + 30
    estimate = estimate_d_min(squared, intensity, intensity + 20)
    assert estimate == pytest.approx(d_min, rel=0.05)


def test_a_few_false_spots_in_a_corner_do_not_decide():
    rng = np.random.default_rng(4)
    squared = rng.uniform(1e-3, 2.5**-3, 300) ** (2 / 3)
    intensity = 3000 * rng.exponential(np.exp(-10 * squared / 2)) + 30
    squared = np.append(squared, [1.0, 1.1])
    intensity = np.append(intensity, [25.0, 25.0])
    assert estimate_d_min(squared, intensity, intensity + 5) == pytest.approx(2.5, rel=0.1)


def test_too_few_spots_have_no_resolution():
    ten = np.linspace(0.05, 0.2, 10)
    assert estimate_d_min(ten, ten + 50, ten + 60) is None
    assert estimate_d_min(ten[:0], ten[:0], ten[:0]) is None


def test_wilson_outliers_are_rejected():
    intensity = np.concatenate([np.full(50, 100.0), [5000.0]])
    assert wilson_inliers(intensity).tolist() == [True] * 50 + [False]
