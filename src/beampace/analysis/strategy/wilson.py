"""Falloff of the intensity fitted to the spots of the test images.

The bias. Spots are found only where they are strong; near the limit the mean of those found stays at the
threshold however weak the average reflection is (as Malmquist has it for stars). Acentric intensities are
distributed exponentially about their mean mu (Wilson (1949) Acta Cryst. 2, 318), and what an exponential
distribution has beyond a threshold c is exponential again with the same mean. So, shell by shell:

* where the number N of reflections that the frames should show is known (indexed images), the n found above c
  and the N - n below it give the maximum likelihood of censored data, the root of
  mu = <I> - (N - n) / n * c / (exp(c / mu) - 1), <I> the mean of those found;
* else mu is the mean excess over c of those found (truncated data), which needs no N but is less certain.

c is the intensity that 5 % of the spots found in the shell do not reach: the threshold of a spot finder is
soft. Intensities are capped at ten times the shell's median, against ice and cosmic rays. ln mu is then
fitted as a straight line in s**2 with weight n, on shells beyond `WILSON_LIMIT` where there are enough of
them: solvent makes the low resolution deviate. One frame records a reflection in part only; mu is divided by
the share that it records on average, which spreads the distribution and leaves mu too low: in the simulator's
frames of 0.1 and 0.5 degrees at a mosaicity of 0.12 it was 0.5 to 0.8 of the truth between 4 and 2.2 A, where
the plain mean of the spots found was up to three times the truth. Too low errs towards exposing too long.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.analysis.strategy.falloff import AsTested, Falloff

Floats = npt.NDArray[np.float64]

WILSON_LIMIT = 4.5
"""Resolution (angstrom) below which intensities follow Wilson's line."""
SHELLS = 12
FEWEST_SPOTS = 8
"""Spots in a shell that counts."""
B_RANGE = (0.0, 200.0)
CAP = 10.0
SOFT = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class SpotTable:
    """Spots of the test images.

    Attributes:
        d: angstrom, (n,).
        intensity: photons above background on their frame, (n,).
        background: photons per pixel on their frame, (n,).
        pixels: pixels that each covers, (n,).
    """

    d: Floats
    intensity: Floats
    background: Floats
    pixels: Floats


def fit_falloff(spots: SpotTable, tested: AsTested, possible_d: Floats | None = None) -> Falloff | None:
    """The falloff, or None where too few spots are found to fit one.

    Args:
        spots: found on the frames (ice rings and spots that do not index are better left out).
        tested: how the frames were taken.
        possible_d: resolution (angstrom) of every reflection that crosses the sphere within half the
            reflecting range of those frames (`predict` with `n_sigma` 1.25); None if not known.
    """
    s2 = 1 / spots.d**2
    good = np.isfinite(s2) & (spots.intensity > 0)
    if np.count_nonzero(good) < 2 * FEWEST_SPOTS:
        return None
    possible = None if possible_d is None else 1 / possible_d**2
    rows = _shells(spots, good, _edges(s2[good]), possible, tested.in_turn)
    if len(rows) < 2:
        return None
    fitted = _fitted_part(rows)
    slope, level = _line(fitted)
    rates = tuple((float(row[0]), float(row[3]) / tested.exposure_s) for row in rows)
    pixels = float(np.median(spots.pixels[good]))
    scale = math.exp(level) / tested.recorded
    limit = 1 / math.sqrt(float(fitted[-1, 0]))
    return Falloff(scale, -2 * slope, rates, pixels, tested, len(fitted), limit)


def _edges(s2: Floats) -> Floats:
    """Edges of shells of equal volume in reciprocal space, as far as all but a few spots reach."""
    count = int(min(SHELLS, max(3, len(s2) // (2 * FEWEST_SPOTS))))
    return np.asarray(np.linspace(s2.min() ** 1.5, np.quantile(s2, 0.995) ** 1.5, count + 1) ** (2 / 3))


def _shells(
    spots: SpotTable, good: npt.NDArray[np.bool_], edges: Floats, possible: Floats | None, share: float
) -> Floats:
    """Rows (mean 1/d**2, ln of the mean intensity, spots, photons per pixel), ascending."""
    rows, s2 = [], 1 / spots.d**2
    for low, high in itertools.pairwise(edges.tolist()):
        inside = good & (s2 >= low) & (s2 <= high)
        if np.count_nonzero(inside) < FEWEST_SPOTS:
            continue
        expected = None
        if possible is not None:
            expected = share * float(np.count_nonzero((possible >= low) & (possible <= high)))
        mean, count = mean_intensity(spots.intensity[inside], expected)
        if mean > 0:
            level = float(np.median(spots.background[inside]))
            rows.append((float(s2[inside].mean()), math.log(mean), count, max(level, 0.0)))
    return np.array(rows, np.float64).reshape(-1, 4)


def mean_intensity(found: Floats, possible: float | None) -> tuple[float, int]:
    """Mean intensity of all reflections, from those that were found, and how many tell it.

    Args:
        found: intensities above some threshold.
        possible: how many reflections there are, found or not; None if not known.
    """
    capped = np.minimum(found, CAP * float(np.median(found)))
    threshold = float(np.quantile(capped, SOFT))
    above = capped[capped >= threshold]
    if possible is None:
        return float(above.mean()) - threshold, len(above)
    missed = max(possible - len(above), 0) / len(above)
    return _censored_mean(float(above.mean()), threshold, missed), len(above)


def _censored_mean(mean: float, threshold: float, missed: float) -> float:
    """The root of the likelihood equation by bisection: its left side less the right rises with mu."""
    low, high = 0.0, mean
    for _ in range(50):
        middle = (low + high) / 2
        hidden = missed * threshold / math.expm1(min(threshold / middle, 500.0))
        low, high = (low, middle) if middle - mean + hidden > 0 else (middle, high)
    return high


def _fitted_part(rows: Floats) -> Floats:
    """Shells beyond the limit of Wilson's line, if there are three."""
    beyond = rows[rows[:, 0] >= 1 / WILSON_LIMIT**2]
    return beyond if len(beyond) >= 3 else rows


def _line(rows: Floats) -> tuple[float, float]:
    """Slope and level at zero, weighted by the spots; the variance of ln mu is about 1/n."""
    x, y, weight = rows[:, 0], rows[:, 1], rows[:, 2]
    mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
    spread = float((weight * (x - mean_x) ** 2).sum())
    slope = float((weight * (x - mean_x) * (y - mean_y)).sum()) / spread if spread > 0 else 0.0
    slope = min(max(slope, -B_RANGE[1] / 2), -B_RANGE[0] / 2)
    return slope, float(mean_y - slope * mean_x)
