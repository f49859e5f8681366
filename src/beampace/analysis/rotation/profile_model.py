"""How large spots are and how long they reflect: sigma_d and sigma_m of strong spots that a model explains.

Of each spot the second moments of what stands above the background. Within the detector's plane they are
taken about the spot's own centroid; along the rotation about the *predicted* crossing, because then their
mean is sigma**2 + 1/12 frames**2 however narrow a reflection is (a spot of one frame has no spread of its
own).

A spot ends where its pixels fall below the threshold by which it grew: the moments of a Gaussian cut off
where its density is 1/k of the peak are smaller by P5(R)/P3(R), R**2 = 2 ln k, with Pn the chi-squared
probability of n degrees of freedom. Strong spots are used, so that this is close to one. Across,
fluctuations lift pixels of a third of the threshold over it about as often as they press others below:
`SOFT`, measured on simulated spots.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from beampace.analysis.poisson import tail_threshold
from beampace.analysis.rotation import predict_kernel as kernel
from beampace.analysis.rotation.model import Model
from beampace.analysis.rotation.predict import RANGE_DEG, Predictions, Predictor
from beampace.analysis.setup import Settings
from beampace.analysis.spots3d import Reflections

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

FEWEST = 20
MOST = 3000
"""Spots used, the strongest."""
LEAST_CONTRAST = 10.0
"""Peak over the threshold of growth, from which a spot is used."""
SOFT = 3.0
SMALLEST_ZETA = 0.3
NEAR_PX = 2.0
"""A spot belongs to the prediction nearer than this, and than `NEAR_Z` frames or standard deviations."""
NEAR_Z = 3.0
ROUNDS = 3
SMALLEST_FRAMES = 1 / 6
"""Least sigma_m over the width of a frame that can be told."""
SMALLEST_PX = 0.3


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviations found.

    Attributes:
        sigma_d, sigma_m: as in `Model`, degrees.
        spots: from how many.
    """

    sigma_d: float
    sigma_m: float
    spots: int

    def put_into(self, model: Model) -> Model:
        """The model with these."""
        return replace(model, sigma_d=self.sigma_d, sigma_m=self.sigma_m)


def measure_spread(model: Model, spots: Reflections) -> Spread | None:
    """sigma_d and sigma_m of spots, or None when fewer than `FEWEST` can be used.

    Args:
        model: refined; its own sigma_d and sigma_m are only where the search begins.
        spots: of the scan, from `join_spots`.
    """
    usable, contrast = _usable(spots)
    if len(usable) < FEWEST:
        return None
    found: Spread | None = None
    for _ in range(ROUNDS):
        found = _round(model, spots, usable, contrast)
        if found is None:
            return None
        model = found.put_into(model)
    return found


def with_spread(model: Model, spots: Reflections) -> Model:
    """The model with sigma_d and sigma_m as measured on spots, or as it is when there are too few."""
    found = measure_spread(model, spots)
    return model if found is None else found.put_into(model)


def _usable(spots: Reflections) -> tuple[Rows, Floats]:
    """Strong, whole and trusted spots, the strongest first, and the contrast of all."""
    level, inverse = np.unique(np.round(spots.background, 2), return_inverse=True)
    grow = Settings().growth_probability
    threshold = np.array([tail_threshold(float(b), grow) - b for b in level])[inverse]
    contrast = (spots.peak - spots.background) / np.maximum(threshold, 0.5)
    whole = (spots.box[:, 4] > spots.box[:, 4].min(initial=0)) & (
        spots.box[:, 5] < spots.box[:, 5].max(initial=0)
    )
    good = whole & (contrast > LEAST_CONTRAST) & ~spots.overloaded & ~spots.in_ice
    rows = np.flatnonzero(good)
    return rows[np.argsort(-spots.intensity[rows], kind="stable")][:MOST], contrast


def _round(model: Model, spots: Reflections, rows: Rows, contrast: Floats) -> Spread | None:
    predicted = _predicted(model, spots.xyz[rows])
    where, near = _match(predicted, spots.xyz[rows], model)
    if near.sum() < FEWEST:
        return None
    rows, table = rows[near], predicted.table[where[near]]
    second = (spots.variance[rows] - 1 / 12) * spots.intensity[rows, None]
    return Spread(
        _across(model, table, second, _cut(SOFT * contrast[rows])),
        _along(model, table, second[:, 2], spots.xyz[rows, 2], _cut(contrast[rows])),
        int(near.sum()),
    )


def _predicted(model: Model, xyz: Floats) -> Predictions:
    """All that may be among the spots."""
    low, high = float(xyz[:, 2].min()) - 2, float(xyz[:, 2].max()) + 2
    corner = model.detector.best_resolution(model.beam)
    predictor = Predictor(model, corner, math.ceil(high) + 2)
    edges = np.append(np.arange(low, high, RANGE_DEG / model.width), high)
    parts = [predictor.predict(a, b) for a, b in pairwise(edges)]
    every = Predictions.joined(parts)
    return every.only(every.column(kernel.ZETA) > SMALLEST_ZETA)


def _match(predicted: Predictions, xyz: Floats, model: Model) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """The prediction nearest to each spot, and whether it is near and the only one that is."""
    order = np.argsort(predicted.column(kernel.X), kind="stable")
    x = predicted.column(kernel.X)[order]
    low, high = np.searchsorted(x, xyz[:, 0] - NEAR_PX), np.searchsorted(x, xyz[:, 0] + NEAR_PX)
    where, near = np.zeros(len(xyz), np.intp), np.zeros(len(xyz), np.bool_)
    reach = np.maximum(NEAR_Z, NEAR_Z * model.sigma_m / model.width)
    for row, (begin, end) in enumerate(zip(low, high, strict=True)):
        away = np.abs(predicted.xyz[order[begin:end]] - xyz[row]) / (NEAR_PX, NEAR_PX, reach)
        close = np.flatnonzero((away < 1).all(axis=1))
        near[row] = len(close) == 1
        where[row] = order[begin + close[0]] if len(close) else 0
    return where, near


def _cut(contrast: Floats) -> Floats:
    """Second moment of a Gaussian that is cut off, over the whole one's: P5/P3."""
    r = np.sqrt(2 * np.log(contrast))
    tail = math.sqrt(2 / math.pi) * r * np.exp(-r * r / 2)
    third = np.array([math.erf(value / math.sqrt(2)) for value in r]) - tail
    return np.asarray((third - tail * r * r / 3) / third)


def _across(model: Model, table: Floats, second: Floats, cut: Floats) -> float:
    """sigma_d, degrees: half the trace of the moments, without the spread of depth."""
    pixel = np.array(model.detector.pixel_size)
    size = math.radians(model.sigma_d) * model.detector.distance
    reach = (table[:, [kernel.REACH_X, kernel.REACH_Y]] * pixel) ** 2
    depth = np.maximum(0, reach.sum(axis=1) - 2 * size * size)
    variance = ((second[:, :2] * pixel**2).sum(axis=1) / cut - depth) / 2
    least = (SMALLEST_PX * pixel.min()) ** 2
    return math.degrees(math.sqrt(max(least, float(np.median(variance)))) / model.detector.distance)


def _along(model: Model, table: Floats, second: Floats, z: Floats, cut: Floats) -> float:
    """sigma_m, degrees: mean square about the prediction, less that of a frame."""
    squares = second + (z - table[:, kernel.Z]) ** 2
    scale = (table[:, kernel.ZETA] * model.width) ** 2
    values = (squares - 1 / 12) * scale / cut
    middle = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    kept = np.abs(values - middle) <= 6 * spread + 1e-12
    least = (SMALLEST_FRAMES * model.width) ** 2
    return math.sqrt(max(least, float(values[kept].mean())))
