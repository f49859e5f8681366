"""How strong the scan recorded each observation, against its equivalents.

g = C(z) exp[B(z)/(2 d^2)] exp[sum P_lm (Y_lm(s1) + Y_lm(-s0))/2], with ln C and B smooth over the scan: the
model of Beilsten-Edmands et al. (2020), Acta Cryst. D76, 385, with the logarithm of C and of the absorption
as parameters. An observation divided by g is on the common scale. The fit is `scale_kernel`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation import scale_kernel
from beampace.analysis.rotation.equivalents import Counts, Grouping
from beampace.analysis.rotation.harmonics import harmonics, term_count
from beampace.analysis.rotation.observations import Flags, Floats, Observations
from beampace.analysis.rotation.smooth import Curve

INTERVALS = ((5.0, 1.0, 1.5), (10.0, 2.0, 3.0), (25.0, 4.0, 5.0), (90.0, 8.0, 10.0), (np.inf, 15.0, 20.0))
"""(scans up to so many degrees, degrees per piece of C, of B), as dials.scale has them."""
ABSORPTION_FROM = 60.0
"""Degrees of scan that absorption needs."""
L_MAX = 4

C_CHANGE = 1.0
"""Restraint: e.s.d. of the change of ln C from one coefficient to the next. Only to bridge gaps."""
B_CHANGE = 0.2
"""Restraint: e.s.d. of the change of B in square angstrom per degree."""
ABSORPTION_SIZE = 0.05
"""Restraint: e.s.d. of a coefficient of the absorption."""

MOST_CYCLES = 20
CONVERGED = 1e-3
"""Fall of Q still to be expected at which the fit is over: shifts are then far below their e.s.d."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the model consists of.

    Attributes:
        c: curve of ln C over frames; `b`: of B.
        l_max: degree of the absorption; 0 for none.
        width: degrees per frame.
    """

    c: Curve
    b: Curve
    l_max: int
    width: float

    @property
    def terms(self) -> int:
        """Coefficients of the absorption."""
        return term_count(self.l_max)

    @property
    def size(self) -> int:
        """Coefficients in all: of C, of B, of the absorption."""
        return self.c.size + self.b.size + self.terms

    def restraints(self) -> Floats:
        """The matrix R of the restraint p'Rp/2, (size, size).

        It also fixes what the data cannot tell: the mean of ln C and that of B.
        """
        b_end = self.c.size + self.b.size
        matrix = np.zeros((self.size, self.size))
        c, b = slice(0, self.c.size), slice(self.c.size, b_end)
        matrix[c, c] = self.c.stiffness(C_CHANGE) + 1 / self.c.size**2
        matrix[b, b] = self.b.stiffness(B_CHANGE * self.b.step * self.width) + 1e-2 / self.b.size**2
        matrix[range(b_end, self.size), range(b_end, self.size)] = ABSORPTION_SIZE**-2
        return matrix


def shape_for(observations: Observations, *, absorption: bool = True) -> Shape:
    """A model as fine as the scan is long; absorption only where directions are known."""
    low, high = float(np.min(observations.z)), float(np.max(observations.z))
    degrees = observations.degrees
    _, c_degrees, b_degrees = next(row for row in INTERVALS if degrees < row[0])
    pieces = [max(1, round(degrees / each)) for each in (c_degrees, b_degrees)]
    known = observations.s1 is not None and observations.source is not None
    l_max = L_MAX if absorption and known and degrees > ABSORPTION_FROM else 0
    return Shape(Curve(low, high, pieces[0]), Curve(low, high, pieces[1]), l_max, observations.width)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What the coefficients are multiplied with for each observation; see `scale_kernel.factors`."""

    c_first: Counts
    c_weight: Floats
    b_first: Counts
    b_weight: Floats
    half_s2: Floats
    angular: Floats

    def select(self, which: Flags | npt.NDArray[np.intp]) -> Rows:
        """Those of some observations."""
        return Rows(
            self.c_first[which],
            self.c_weight[which],
            self.b_first[which],
            self.b_weight[which],
            self.half_s2[which],
            self.angular[which],
        )

    def factors(self, p: Floats) -> Floats:
        """Values of g for coefficients p, (n,)."""
        out = np.empty(len(self.half_s2))
        scale_kernel.factors(
            p, self.c_first, self.c_weight, self.b_first, self.b_weight, self.half_s2, self.angular, out
        )
        return out


def rows_of(shape: Shape, observations: Observations) -> Rows:
    """The rows of observations in the model."""
    c_first, c_weight = shape.c.weights(observations.z)
    b_first, b_weight = shape.b.weights(observations.z)
    angular = np.zeros((len(observations), 0))
    if shape.l_max and observations.s1 is not None and observations.source is not None:
        both = [harmonics(one, shape.l_max) for one in (observations.s1, observations.source)]
        angular = 0.5 * (both[0] + both[1])
    half_s2 = 0.5 / observations.d**2
    return Rows(c_first, c_weight, b_first + shape.c.size, b_weight, half_s2, angular)


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Observations sorted into groups, and their weights.

    Attributes:
        shape: the model; `rows`: of the observations in it.
        grouping: the groups; `order` is not used, the arrays here are sorted.
        intensity: (n,).
        weight: 1/variance, 0 for what must not count, (n,).
    """

    shape: Shape
    rows: Rows
    grouping: Grouping
    intensity: Floats
    weight: Floats

    def select(self, keep: Flags) -> Problem:
        """Those observations alone; groups that are left without any vanish."""
        label = self.grouping.label[keep]
        fresh = np.flatnonzero(np.diff(label, prepend=-1))
        starts = np.append(fresh, len(label)).astype(np.int64)
        again = np.repeat(np.arange(len(fresh), dtype=np.int64), np.diff(starts))
        grouping = Grouping(np.arange(len(label)), starts, again)
        return Problem(self.shape, self.rows.select(keep), grouping, self.intensity[keep], self.weight[keep])

    def weighted(self, weight: Floats) -> Problem:
        """With other weights."""
        return replace(self, weight=weight)

    def means(self, g: Floats) -> tuple[Floats, Floats]:
        """(<I>, sum w g^2) of each group."""
        return means(self.grouping, self.intensity, self.weight, g)


def means(grouping: Grouping, intensity: Floats, weight: Floats, g: Floats) -> tuple[Floats, Floats]:
    """(<I> on the common scale, sum w g^2) of each group; both 0 where nothing counts."""
    mean, information = np.empty(len(grouping.sizes)), np.empty(len(grouping.sizes))
    scale_kernel.means(grouping.starts, intensity, weight, g, mean, information)
    return mean, information


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Coefficients (size,) and their covariance (size, size), which the gauge's uncertainty is part of."""

    p: Floats
    covariance: Floats
    cycles: int


def fit(problem: Problem, start: Floats) -> Fit:
    """The coefficients that make equivalents agree best: Gauss-Newton, damped where a step fails."""
    restraints = problem.shape.restraints()
    p, q = start, _cost(problem, restraints, start)
    hessian, gradient = _equations(problem, restraints, p)
    damping, cycle = 0.0, 0
    while cycle < MOST_CYCLES:
        cycle += 1
        step = np.linalg.solve(hessian + damping * np.diag(np.diag(hessian)), gradient)
        trial = p + step
        after = _cost(problem, restraints, trial)
        if after > q:
            if gradient @ step < CONVERGED:
                break
            damping = max(1e-3, 10 * damping)
            continue
        expected = float(gradient @ step)
        p, q, damping = trial, after, 0.1 * damping
        hessian, gradient = _equations(problem, restraints, p)
        if expected < CONVERGED:
            break
    return Fit(p, np.asarray(np.linalg.inv(hessian), dtype=np.float64), cycle)


def _cost(problem: Problem, restraints: Floats, p: Floats) -> float:
    g = problem.rows.factors(p)
    mean, _ = problem.means(g)
    starts = problem.grouping.starts
    own = float(scale_kernel.misfit(starts, problem.intensity, problem.weight, g, mean))
    return own + 0.5 * float(p @ restraints @ p)


def _equations(problem: Problem, restraints: Floats, p: Floats) -> tuple[Floats, Floats]:
    """(H, gradient) with the restraints."""
    g = problem.rows.factors(p)
    mean, information = problem.means(g)
    rows = problem.rows
    lower, gradient = scale_kernel.normal_equations(
        problem.grouping.starts,
        problem.intensity,
        problem.weight,
        g,
        mean,
        information,
        rows.c_first,
        rows.c_weight,
        rows.b_first,
        rows.b_weight,
        rows.half_s2,
        rows.angular,
        len(p),
    )
    hessian = np.tril(lower) + np.tril(lower, -1).T + restraints
    return hessian, gradient - restraints @ p
