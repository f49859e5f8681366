"""Sums over groups of equivalents that scaling needs.

Observations are sorted into groups (`equivalents`). The logarithm of the factor g of an observation is
x.p, with three neighbouring coefficients of C, three of B, and all of the absorption in x.

The mean of a group, <I> = sum w g I / W with W = sum w g^2 (Hamilton, Rollett & Sparks 1965, Acta Cryst. 18,
129), minimises Q = 1/2 sum w (I - g <I>)^2. With <I> as a parameter of its own (dg/dp = g x) the normal
equations of Gauss and Newton, <I> eliminated, are

    H = sum over groups of <I>^2 (sum w g^2 x x' - S S'/W), S = sum w g^2 x
    gradient = sum over groups of <I> sum w g (I - g <I>) x

which is what projecting the means out gives (Kaufman 1975, BIT 15, 49).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

LOWEST, HIGHEST = -12.0, 12.0
"""Bounds of the logarithm of a factor, so that a scan gone wrong yields numbers."""


@njit(cache=True, nogil=True)
def factors(p, c_first, c_weight, b_first, b_weight, half_s2, angular, out):  # type: ignore[no-untyped-def]
    """exp(x.p) for each observation.

    Args:
        p: coefficients of C, of B, of the absorption.
        c_first: first coefficient of C that matters, (n,).
        c_weight: weights of three, (n, 3).
        b_first: the same for B, counted in p, (n,).
        b_weight: weights of three, (n, 3).
        half_s2: 1/(2 d^2), (n,).
        angular: rows of the absorption, (n, terms).
        out: the factors, (n,).
    """
    start = len(p) - angular.shape[1]
    for i in range(len(out)):
        value = 0.0
        decay = 0.0
        for j in range(3):
            value += c_weight[i, j] * p[c_first[i] + j]
            decay += b_weight[i, j] * p[b_first[i] + j]
        value += decay * half_s2[i]
        for j in range(angular.shape[1]):
            value += angular[i, j] * p[start + j]
        out[i] = _exp(value)


@njit(cache=True, nogil=True)
def _exp(value):  # type: ignore[no-untyped-def]
    return math.exp(min(max(value, LOWEST), HIGHEST))


@njit(cache=True, nogil=True)
def means(starts, intensity, weight, g, mean, information):  # type: ignore[no-untyped-def]
    """Fill <I> and W of each group; a group without weight has both 0."""
    for h in range(len(starts) - 1):
        top = 0.0
        bottom = 0.0
        for i in range(starts[h], starts[h + 1]):
            top += weight[i] * g[i] * intensity[i]
            bottom += weight[i] * g[i] * g[i]
        mean[h] = top / bottom if bottom > 0 else 0.0
        information[h] = bottom


@njit(cache=True, nogil=True)
def misfit(starts, intensity, weight, g, mean):  # type: ignore[no-untyped-def]
    """Q: half the weighted sum of squares about the means."""
    total = 0.0
    for h in range(len(starts) - 1):
        for i in range(starts[h], starts[h + 1]):
            total += weight[i] * (intensity[i] - g[i] * mean[h]) ** 2
    return 0.5 * total


@njit(cache=True, nogil=True)
def normal_equations(  # type: ignore[no-untyped-def]
    starts,
    intensity,
    weight,
    g,
    mean,
    information,
    c_first,
    c_weight,
    b_first,
    b_weight,
    half_s2,
    angular,
    size,
):
    """(H, gradient) of the module's formulas."""
    hessian = np.zeros((size, size))
    gradient = np.zeros(size)
    terms = angular.shape[1]
    places = np.empty(6 + terms, np.int64)
    x = np.empty(6 + terms)
    places[6:] = np.arange(size - terms, size)
    s = np.zeros(size)
    for h in range(len(starts) - 1):
        if starts[h + 1] - starts[h] < 2 or information[h] <= 0:
            continue
        square = mean[h] * mean[h]
        s[:] = 0.0
        for i in range(starts[h], starts[h + 1]):
            for j in range(3):
                places[j], x[j] = c_first[i] + j, c_weight[i, j]
                places[3 + j], x[3 + j] = b_first[i] + j, b_weight[i, j] * half_s2[i]
            x[6:] = angular[i]
            own = weight[i] * g[i] * g[i]
            pull = weight[i] * g[i] * (intensity[i] - g[i] * mean[h]) * mean[h]
            for j in range(6 + terms):
                s[places[j]] += own * x[j]
                gradient[places[j]] += pull * x[j]
                part = own * square * x[j]
                for k in range(j + 1):
                    hessian[places[j], places[k]] += part * x[k]
        _subtract_square(hessian, s, square / information[h])
    return hessian, gradient


@njit(cache=True, nogil=True, fastmath=True)
def _subtract_square(hessian, s, factor):  # type: ignore[no-untyped-def]
    """Take factor s s' from the lower triangle."""
    for j in range(len(s)):
        part = factor * s[j]
        if part != 0.0:
            for k in range(j + 1):
                hessian[j, k] -= part * s[k]
