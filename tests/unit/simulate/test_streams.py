import numpy as np
import pytest
from numba import njit
from scipy import stats

from beampace.simulate.streams import GOLDEN, poisson, start, unit


@njit
def _many(mean, count, state):
    out = np.empty(count, np.int64)
    for index in range(count):
        out[index], state = poisson(mean, state)
    return out


@njit
def _units(count, state):
    out = np.empty(count)
    for index in range(count):
        state += GOLDEN
        out[index] = unit(state)
    return out


@pytest.mark.parametrize("mean", [0.3, 4.0, 9.9, 10.1, 37.0, 4000.0])
def test_poisson_numbers(mean):
    drawn = _many(mean, 100_000, np.uint64(start(1, 2, 3)))
    edges = np.unique(stats.poisson.ppf(np.linspace(0, 1, 31)[1:-1], mean))
    observed = np.histogram(drawn, np.concatenate([[-1], edges, [np.inf]]) + 0.5)[0]
    cumulative = np.concatenate([[0], stats.poisson.cdf(edges, mean), [1]])
    expected = np.diff(cumulative) * drawn.size
    assert stats.chisquare(observed, expected, sum_check=False).pvalue > 1e-3


def test_units_are_uniform_and_streams_differ():
    one, two = (_units(200_000, np.uint64(start(7, frame, 1))) for frame in (1, 2))
    assert stats.kstest(one, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(one, two)[0, 1]) < 5 / np.sqrt(one.size)
    assert one.min() > 0
    assert one.max() < 1
