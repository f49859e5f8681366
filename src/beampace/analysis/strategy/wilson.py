"""Falloff of the intensity fitted to what was measured at the predicted reflections of the test images.

Shell by shell the mean of reflections recorded in full is the sum of photons over the sum of shares
(`photometry`), whether they were seen as spots or not: a shell without spots has a mean too, near zero, and
pulls the line down as much as it should. Against ice and cosmic rays a reflection counts with at most
`CAP` times the mean of its shell. k exp(-B s**2 / 2) is then fitted to the means themselves, not to their
logarithms, by least squares with the variance

    counting statistics + mean**2 (1/n + MODEL_ERROR**2),

the second of them being that of n acentric intensities, which are distributed exponentially about their mean
(Wilson (1949) Acta Cryst. 2, 318). It is fitted on the shells beyond `WILSON_LIMIT` where enough of them show
something: solvent makes the low resolution deviate. That B is `USUAL_B` within `SPREAD_B` counts as one more
measurement: a few shells of a few reflections say little of it, and the line is extrapolated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.analysis.strategy.falloff import AsTested, Falloff
from beampace.analysis.strategy.photometry import Photometry

Floats = npt.NDArray[np.float64]

WILSON_LIMIT = 4.5
"""Resolution (angstrom) below which intensities follow Wilson's line."""
MOST_SHELLS = 20
FEWEST_SHELLS = 3
SHELL = 40
SMALLEST_SHELL = 12
"""Reflections in a shell, where there are enough of them, and at least."""
SEEN = 3.0
"""Standard deviations above zero at which a shell shows something."""
CAP = 15.0
MODEL_ERROR = 0.1
"""Relative deviation of real means from Wilson's line."""
USUAL_B, SPREAD_B = 45.0, 20.0
"""B of crystals, square angstrom, with some 20 of the Lorentz factor and of the scattering factors' fall."""
B_FACTORS = np.arange(0.0, 200.5, 0.5)
ROUNDS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Shells:
    """Means in shells of resolution, ascending in 1/d**2.

    Attributes:
        inverse_d2: 1/d**2, (n,).
        mean: photons of a reflection recorded in full, (n,).
        noise: variance of that by counting statistics, (n,).
        count: reflections recorded in full that say as much, (n,).
        background: photons per pixel, (n,).
    """

    inverse_d2: Floats
    mean: Floats
    noise: Floats
    count: Floats
    background: Floats

    @property
    def seen(self) -> npt.NDArray[np.bool_]:
        """Which shells show something: all up to the first that does not."""
        return np.asarray(np.cumprod(self.mean > SEEN * np.sqrt(self.noise)) > 0)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Shells:
        """The chosen ones."""
        names = ("inverse_d2", "mean", "noise", "count", "background")
        return Shells(*(getattr(self, name)[chosen] for name in names))


def fit_falloff(measured: Photometry, spot_pixels: float, tested: AsTested) -> Falloff | None:
    """The falloff, or None where fewer than two shells show anything.

    Args:
        measured: all predicted reflections of the test images.
        spot_pixels: pixels over which processing sums a reflection.
        tested: how the images were taken.
    """
    shells = shells_of(measured)
    if np.count_nonzero(shells.seen) < 2:
        return None
    beyond = shells.inverse_d2 >= 1 / WILSON_LIMIT**2
    enough = np.count_nonzero(beyond & shells.seen) >= FEWEST_SHELLS
    fitted = shells.only(beyond) if enough else shells
    scale, b_factor = _line(fitted)
    rates = np.maximum(shells.background, 0.0) / tested.exposure_s
    background = tuple(zip(shells.inverse_d2.tolist(), rates.tolist(), strict=True))
    seen = shells.inverse_d2[shells.seen]
    limit = 1 / math.sqrt(float(seen[-1]))
    return Falloff(scale, b_factor, background, spot_pixels, tested, len(fitted.mean), limit)


def shells_of(measured: Photometry) -> Shells:
    """Means in shells of equal numbers of reflections."""
    s2 = 1 / measured.d**2
    if len(s2) < FEWEST_SHELLS * SMALLEST_SHELL:
        return Shells(*np.zeros((5, 0)))
    count = min(MOST_SHELLS, max(FEWEST_SHELLS, len(s2) // SHELL))
    edges = np.quantile(s2, np.linspace(0, 1, count + 1))
    place = np.clip(np.searchsorted(edges, s2, side="right") - 1, 0, count - 1)
    rows = [_shell(measured, s2, np.flatnonzero(place == n)) for n in range(count)]
    return Shells(*np.array([row for row in rows if row is not None]).reshape(-1, 5).T)


def _shell(measured: Photometry, s2: Floats, inside: npt.NDArray[np.intp]) -> tuple[float, ...] | None:
    """One row of `Shells`; None where nothing would be recorded."""
    share = measured.share[inside]
    recorded = float(share.sum())
    if recorded < 1.0:
        return None
    variance = measured.variance[inside]
    return (
        float(np.average(s2[inside], weights=share)),
        capped_mean(measured.photons[inside], variance, share),
        float(variance.sum()) / recorded**2,
        recorded**2 / float((share**2).sum()),
        float(measured.background[inside].mean()),
    )


def capped_mean(photons: Floats, variance: Floats, share: Floats) -> float:
    """Mean of reflections recorded in full, none of which counts with more than `CAP` times the mean.

    The caps are where one exponentially distributed intensity in a million lies, and ten standard deviations
    of the counting statistics above it; an outlier is found out when the mean is taken again.
    """
    recorded, noise = float(share.sum()), 10 * math.sqrt(float(np.median(variance)))
    mean = float(np.median(photons)) * len(photons) / recorded
    for _ in range(3):
        most = CAP * max(mean, 0.0) * np.maximum(share, share.mean()) + noise
        mean = float(np.minimum(photons, most).sum()) / recorded
    return mean


def _line(shells: Shells) -> tuple[float, float]:
    """(k, B) of the least squares; the variance is that of the line of the round before."""
    model, best = np.maximum(shells.mean, np.sqrt(shells.noise)), (0.0, 0.0)
    shapes = np.exp(-np.outer(B_FACTORS, shells.inverse_d2) / 2)
    for _ in range(ROUNDS):
        weight = 1 / (shells.noise + model**2 * (1 / shells.count + MODEL_ERROR**2))
        scales = (shapes @ (weight * shells.mean)) / (shapes**2 @ weight)
        misfit = ((shells.mean - scales[:, None] * shapes) ** 2) @ weight
        misfit += ((B_FACTORS - USUAL_B) / SPREAD_B) ** 2
        place = int(np.argmin(misfit))
        best = float(scales[place]), float(B_FACTORS[place])
        model = best[0] * shapes[place]
    return best
