"""Does the lag stay bounded? A stated criterion: offered load, and slope of the backlog with its confidence.

The backlog of a class is the work that is due and not yet done, in seconds the cores it may use need for it:
the lag of the next dataset in the order of arrival. It does not depend on the order in which work is done;
the lags themselves do (the newest first keeps most lags short while old work waits without end).

- `growing`: the slope of the backlog is above 0.01 (36 s per hour) with 97.5 % confidence.
- `bounded`: the slope is below 0.01 with the same confidence, and the load is below 0.98.
- `limit`: neither: the load is about 1, or the simulated time is too short to tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist, fmean, stdev
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from beampace.core.work import WorkClass
from beampace.plan.capacity import Capacity
from beampace.plan.capacity_model.simulation import Done

State = Literal["bounded", "limit", "growing"]
Values = NDArray[np.floating[Any]]

SLOPE = 0.01
"""Seconds of backlog per second of data taking that are not called growing."""
LOAD = 0.98
"""Offered load up to which a lag can be called bounded."""
WARM_UP = 0.25
"""Share of the time, from its beginning, that says nothing of the slope: the cluster was empty before."""
SAMPLES = 400
CONFIDENCE = 0.975


def state_of(load: float, low: float, high: float) -> State:
    """The criterion.

    Args:
        load: offered work per unit of what can be done.
        low: lower confidence limit of the slope of the backlog.
        high: its upper limit.
    """
    if low > SLOPE:
        return "growing"
    return "bounded" if high <= SLOPE and load < LOAD else "limit"


def sample_times(seconds: float) -> Values:
    """Moments, evenly over the time of data taking, at which the backlog is looked at."""
    return (np.arange(SAMPLES) + 0.5) * (seconds / SAMPLES)


def backlog(done: Sequence[Done], cores: int, times: Values) -> Values:
    """Seconds that so many cores need for what is due and not done, at each of the times."""
    found = np.zeros(len(times))
    for one in done:
        first, last = np.searchsorted(times, (one.task.due, one.freed))
        at = times[first:last]
        found[first:last] += one.cores * (one.freed - np.maximum(at, one.started))
    return found / max(1, cores)


def slope(times: Values, values: Values) -> float:
    """Slope of a straight line by least squares, after the warm-up."""
    late = times >= times[-1] * WARM_UP
    x = times[late] - times[late].mean()
    return float(x @ values[late] / (x @ x))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Confidence limits of the mean of independent values (Student); one value alone is taken as exact."""
    if len(values) < 2:
        return values[0], values[0]
    reach = student(CONFIDENCE, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return fmean(values) - reach, fmean(values) + reach


def student(part: float, degrees: int) -> float:
    """Quantile of Student's t; Abramowitz & Stegun 26.7.5, within 1 % from three degrees of freedom on."""
    z, n = NormalDist().inv_cdf(part), degrees
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * n**4)
    )


def loads(done: Iterable[Done], capacity: Capacity, seconds: float) -> Mapping[WorkClass, float]:
    """Class -> the load it sees: core-seconds asked for, by itself and by those before it, per what there is.

    Work may not use what is kept for those before it: the narrowest of these limits counts.
    """
    asked = dict.fromkeys(WorkClass, 0.0)
    for one in done:
        asked[one.work_class] += one.cores * (one.freed - one.started)
    found = {}
    for work_class in WorkClass:
        before = [tier for tier in WorkClass if tier.rank <= work_class.rank]
        shares = [
            sum(asked[one] for one in before if one.rank >= tier.rank) / capacity.of(tier)[0]
            for tier in before
        ]
        found[work_class] = max(shares) / seconds if asked[work_class] else 0.0
    return found


def load_of_all(done: Iterable[Done], capacity: Capacity, seconds: float) -> float:
    """All core-seconds asked for per what there is, as if none were kept."""
    return sum(one.cores * (one.freed - one.started) for one in done) / (capacity.cores * seconds)
