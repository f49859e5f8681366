"""The mean intensity by resolution, the S of Wilson's distribution (Wilson 1949, Acta Cryst. 2, 318).

Shells of equally many reflections; in each the weighted mean, with weights 1/(s^2 + c S^2), the variance of
an observation: errors, and what acentric (c = 1) and centric (c = 2) intensities scatter by themselves. s^2
is the median sigma^2 of the acentric or of the centric reflections of the shell: a sigma that follows its own
counts would give weak observations more weight than strong ones, and the shell too low a mean. Only a wild
sigma counts itself, so that it does not decide. A shell of noise may have a mean that is negative or
anything: it is taken as not less than its own standard error. Between the shells log S is interpolated in
1/d^2, so that it is continuous and stays positive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beampace.results.merging import summed

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

PER_SHELL = 100
"""Fewer shells are made rather than fewer reflections than this put into one."""

MOST_SHELLS = 60
LEAST = 2 * PER_SHELL
"""Reflections below which no mean by resolution is to be had."""

WILD = 100.0
"""Times the variance of an observation beyond which a sigma^2 is no matter of counts but wild."""

ROUNDS = 12
"""Rounds of weights from means; they settle to 1e-3 in half of them."""


def mean_intensity(inverse_d2: Values, intensity: Values, sigma: Values, centric: Flags) -> Values:
    """S at each reflection, (n,), positive.

    Args:
        inverse_d2: 1/d^2 in 1/angstrom^2, (n,).
        intensity: divided by the multiplicity factor epsilon, (n,); finite.
        sigma: its error, (n,); positive.
        centric: which reflections are centric, (n,).

    Raises:
        ValueError: there are fewer than `LEAST` reflections.
    """
    n = len(intensity)
    if n < LEAST:
        raise ValueError(f"{n} reflections are too few for a mean by resolution; {LEAST} are needed")
    n_shells = min(MOST_SHELLS, n // PER_SHELL)
    shell = np.empty(n, dtype=np.int64)
    shell[np.argsort(inverse_d2, kind="stable")] = np.arange(n) * n_shells // n
    means = _shell_means(shell, n_shells, intensity, sigma**2, centric)
    centres = summed(shell, inverse_d2, n_shells) / np.bincount(shell, minlength=n_shells)
    return np.exp(np.interp(inverse_d2, centres, np.log(means)))


def _shell_means(
    shell: NDArray[np.int64], n_shells: int, intensity: Values, variance: Values, centric: Flags
) -> Values:
    """The mean of each shell; see the module."""
    means = np.zeros(n_shells)
    usual, spread = _medians(2 * shell + centric, variance), np.where(centric, 2.0, 1.0)
    for _ in range(ROUNDS):
        weight = 1 / np.maximum(usual + spread * means[shell] ** 2, variance / WILD)
        total = summed(shell, weight, n_shells)
        means = np.maximum(summed(shell, weight * intensity, n_shells) / total, 1 / np.sqrt(total))
    return means


def _medians(which: NDArray[np.int64], values: Values) -> Values:
    """The median of the values of its kind, for each value, (n,)."""
    found = np.empty_like(values)
    order = np.argsort(which, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(which[order])) + 1):
        found[part] = np.median(values[part])
    return found
