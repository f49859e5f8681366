"""Scaling, outliers and error model together: from integrated observations to a common scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import gemmi
import numpy as np

from beampace.analysis.rotation.curves import Curves, curves_of, in_gauge
from beampace.analysis.rotation.equivalents import group_equivalents
from beampace.analysis.rotation.error_model import ErrorModel, expected_variance, fit_error_model
from beampace.analysis.rotation.observations import WHOLE, Flags, Floats, Observations
from beampace.analysis.rotation.outliers import find_outliers, too_strong
from beampace.analysis.rotation.scaling import Fit, Problem, fit, means, rows_of, shape_for
from beampace.analysis.rotation.subset import well_connected
from beampace.analysis.scaled import Scaled

ROUNDS = 3
PER_COEFFICIENT = 2
"""Repeated measurements that a coefficient needs; with fewer all factors stay 1."""
MANY_OUTLIERS = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class ScaledObservations:
    """Observations on a common scale; arrays are in the order of the input.

    Attributes:
        observations: as they came.
        group: they were scaled in.
        intensity: divided by `scale`, (n,); NaN where not usable.
        sigma: e.s.d. after the error model, (n,).
        scale: factor each was divided by, (n,).
        outlier: contradicts its equivalents, (n,).
        used: has a scaled intensity, (n,).
        error_model: that made `sigma`.
        curves: C and B against frame; None when nothing could be fitted.
        fit: coefficients, likewise.
        remarks: sentences.
    """

    observations: Observations
    group: gemmi.SpaceGroup
    intensity: Floats
    sigma: Floats
    scale: Floats
    outlier: Flags
    used: Flags
    error_model: ErrorModel
    curves: Curves | None
    fit: Fit | None
    remarks: tuple[str, ...]

    @property
    def good(self) -> Flags:
        """Those to be merged, (n,)."""
        return self.used & ~self.outlier

    @property
    def scaled(self) -> Scaled:
        """Those to be merged, as absences and limits take them."""
        good = self.good
        there = self.observations
        return Scaled(there.hkl[good], self.intensity[good], self.sigma[good], there.d[good])


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Where scaling stands; arrays of the sorted observations or of their groups."""

    p: Floats
    g: Floats
    mean: Floats
    information: Floats
    outlier: Flags
    model: ErrorModel
    fit: Fit | None = None


def scale(
    observations: Observations, group: gemmi.SpaceGroup, *, friedel: bool = True, absorption: bool = True
) -> ScaledObservations:
    """Bring observations to a common scale.

    Args:
        observations: of one scan.
        group: in the basis of their indices; only its rotations count.
        friedel: whether Friedel mates are taken for equivalents.
        absorption: whether directions, where they are known, may matter.
    """
    usable = np.flatnonzero(observations.usable())
    if not len(usable):
        return _nothing(observations, group)
    chosen = observations.select(usable)
    grouping = group_equivalents(chosen, group, friedel=friedel)
    ordered = chosen.select(grouping.order)
    shape = shape_for(ordered, absorption=absorption)
    problem = Problem(shape, rows_of(shape, ordered), grouping, ordered.intensity, ordered.sigma**-2)
    state = _settled(problem, ordered)
    state = replace(state, outlier=state.outlier | _lone_outliers(problem, ordered, state, group))
    place = usable[grouping.order]
    return _told(observations, group, place, ordered, problem, state)


def _settled(problem: Problem, ordered: Observations) -> _State:
    """Rounds of scale, outliers and error model."""
    size = problem.shape.size
    repeated = len(ordered) - len(problem.grouping.sizes)
    g = np.ones(len(ordered))
    mean, information = problem.means(g)
    nothing = np.zeros(len(ordered), dtype=bool)
    state = _State(np.zeros(size), g, mean, information, nothing, ErrorModel())
    for _ in range(ROUNDS):
        if repeated >= PER_COEFFICIENT * size:
            state = _fitted(problem, ordered, state)
        state = _judged(problem, ordered, state)
    return state


def _fitted(problem: Problem, ordered: Observations, state: _State) -> _State:
    """With the factors fitted."""
    variance = _variance(problem, ordered, state)
    eligible = ~state.outlier & (ordered.partiality > WHOLE)
    signal = np.maximum(state.mean, 0.0) ** 2 * state.information
    s2 = 1 / ordered.d[problem.grouping.starts[:-1]] ** 2
    keep = well_connected(problem.grouping, eligible, signal, s2)
    found = fit(problem.weighted(1 / variance).select(keep), state.p)
    p = in_gauge(problem.shape, found.p)
    g = problem.rows.factors(p)
    weight = np.where(state.outlier, 0.0, 1 / variance)
    mean, information = means(problem.grouping, ordered.intensity, weight, g)
    return replace(state, p=p, g=g, mean=mean, information=information, fit=replace(found, p=p))


def _judged(problem: Problem, ordered: Observations, state: _State) -> _State:
    """With outliers found and the error model fitted, at the factors there are."""
    grouping, label = problem.grouping, problem.grouping.label
    variance = _variance(problem, ordered, state)
    outlier = find_outliers(grouping, ordered.intensity, variance, state.g)
    weight = np.where(outlier, 0.0, 1 / variance)
    mean, information = means(grouping, ordered.intensity, weight, state.g)
    expected = state.g * mean[label]
    free = np.where(outlier, 0.0, 1 - weight * state.g**2 / np.maximum(information[label], 1e-300))
    counting = expected_variance(ordered.sigma, ordered.intensity, expected, ordered.photon)
    model = fit_error_model(counting, expected, ordered.intensity - expected, free)
    return replace(state, mean=mean, information=information, outlier=outlier, model=model)


def _variance(problem: Problem, ordered: Observations, state: _State) -> Floats:
    """Variance of each observation at the mean of its group."""
    expected = state.g * state.mean[problem.grouping.label]
    counting = expected_variance(ordered.sigma, ordered.intensity, expected, ordered.photon)
    return state.model.variance(counting, expected)


def _lone_outliers(problem: Problem, ordered: Observations, state: _State, group: gemmi.SpaceGroup) -> Flags:
    grouping = problem.grouping
    first = grouping.starts[:-1]
    found = too_strong(state.mean, ordered.hkl[first], ordered.d[first], group, grouping.sizes == 1)
    return np.asarray(found[grouping.label])


def _told(
    observations: Observations,
    group: gemmi.SpaceGroup,
    place: np.typing.NDArray[np.intp],
    ordered: Observations,
    problem: Problem,
    state: _State,
) -> ScaledObservations:
    """The state in the order of the input."""
    n = len(observations)
    sigma = np.sqrt(_variance(problem, ordered, state)) / state.g
    curves = None if state.fit is None else curves_of(problem.shape, state.fit)
    return ScaledObservations(
        observations,
        group,
        _spread(n, place, ordered.intensity / state.g),
        _spread(n, place, sigma),
        _spread(n, place, state.g),
        _spread(n, place, state.outlier.astype(np.float64)) == 1.0,
        observations.usable(),
        state.model,
        curves,
        state.fit,
        _remarks(len(observations), state),
    )


def _spread(n: int, place: np.typing.NDArray[np.intp], values: Floats) -> Floats:
    out = np.full(n, np.nan)
    out[place] = values
    return out


def _remarks(n: int, state: _State) -> tuple[str, ...]:
    remarks = []
    if state.fit is None:
        remarks.append("Too few reflections were measured twice to scale the frames against each other.")
    share = float(np.mean(state.outlier))
    if share > MANY_OUTLIERS:
        remarks.append(f"{share:.1%} of the observations contradict their equivalents and were left out.")
    if not state.model.fitted:
        remarks.append(
            "Too few reflections were measured twice to learn their errors; usual ones are assumed."
        )
    if len(state.outlier) < n:
        remarks.append(f"{n - len(state.outlier)} of {n} observations could not be used.")
    return tuple(remarks)


def _nothing(observations: Observations, group: gemmi.SpaceGroup) -> ScaledObservations:
    empty = np.full(len(observations), np.nan)
    no = np.zeros(len(observations), dtype=bool)
    remarks = ("No observation could be used.",)
    return ScaledObservations(
        observations, group, empty, empty, empty, no, no, ErrorModel(), None, None, remarks
    )
