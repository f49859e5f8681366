"""Merging statistics in resolution shells, computed from scaled, unmerged observations.

R_merge; R_meas: Diederichs & Karplus (1997), Nat. Struct. Biol. 4, 269; R_pim: Weiss (2001),
J. Appl. Cryst. 34, 130; CC1/2 by the sigma-tau method: Assmann, Brehm & Diederichs (2016),
J. Appl. Cryst. 49, 1021.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.results.merging import Merged, merge
from beampace.results.reflections import Flags, possible
from beampace.results.schema import ShellInfo, StatisticsInfo
from beampace.results.unmerged import Observations, Values, read_unmerged

N_SHELLS = 20
MIN_PER_SHELL = 20
"""Fewer shells are made rather than fewer unique reflections than this put into one, on average."""

MIN_PAIRS = 10
"""A correlation of fewer pairs is not called significant, whatever its value."""

SIGNIFICANT_Z = 3.0902
"""Standard normal deviate that is exceeded with a probability of 0.1 %."""

METHOD = (
    "Scaled observations without systematic absences; Friedel mates merged; means weighted by 1/sigma^2; "
    "R values over reflections observed at least twice; CC1/2 by the sigma-tau method, overall from all "
    "reflections together (not the mean of the shells), significant at the 0.1 % level by Student's t "
    "and never below ten reflections; "
    "CC_anom by the same method on I(+) - I(-) of acentric reflections with each mate observed twice; "
    "I/sigma of the merged intensities with sigma^2 = 1/sum(1/sigma^2); shells of equal volume."
)


def statistics_of(
    unmerged: Path, d_min: float | None = None, n_shells: int = N_SHELLS, d_min_reason: str = ""
) -> StatisticsInfo:
    """Merging statistics of an unmerged, scaled MTZ file.

    Args:
        unmerged: the file.
        d_min: leave out observations beyond this resolution (angstrom); None keeps all.
        n_shells: shells to make when there are reflections enough.
        d_min_reason: why the data end at their resolution; passed through.

    Raises:
        InfrastructureError: the file cannot be read.
        ScienceError: it holds no observation.
    """
    return statistics(read_unmerged(unmerged), d_min, n_shells, d_min_reason)


def statistics(
    observed: Observations, d_min: float | None = None, n_shells: int = N_SHELLS, d_min_reason: str = ""
) -> StatisticsInfo:
    """Merging statistics of observations; see `statistics_of`.

    Raises:
        ScienceError: there is no observation.
    """
    merged = merge(observed)
    inside = np.ones(len(merged.s), bool) if d_min is None else merged.s <= (1 + 1e-6) / d_min
    if not inside.any():
        raise failure(Failure.NOT_INTEGRATED, "No observation is left that is not systematically absent.")
    s = merged.s[inside]
    s_possible = possible(observed.cell, observed.group, 1 / s.max(), 1 / s.min())
    edges = shell_edges(float(s.min()), float(s.max()), shells_for(len(s), n_shells))
    which, which_possible = shell_of(merged.s, edges), shell_of(s_possible, edges)
    shells = tuple(
        shell_info(merged, inside & (which == i), int((which_possible == i).sum()), edges[i], edges[i + 1])
        for i in range(len(edges) - 1)
    )
    return StatisticsInfo(
        overall=shell_info(merged, inside, len(s_possible), edges[0], edges[-1]),
        outer=shells[-1],
        shells=shells,
        method=METHOD,
        d_min_reason=d_min_reason,
        inner=shells[0] if len(shells) > 1 else None,
    )


def shells_for(n_unique: int, wanted: int) -> int:
    """How many shells that many unique reflections can fill."""
    return max(1, min(wanted, n_unique // MIN_PER_SHELL))


def shell_edges(s_min: float, s_max: float, n_shells: int) -> Values:
    """Limits (1/d, 1/angstrom) of shells of equal volume in reciprocal space, (n_shells + 1,)."""
    edges = np.cbrt(np.linspace(s_min**3, s_max**3, n_shells + 1))
    edges[0], edges[-1] = s_min, s_max
    return edges


def shell_of(s: Values, edges: Values) -> np.typing.NDArray[np.intp]:
    """The shell each reflection falls into; beyond the limits it counts to the nearest one."""
    return np.searchsorted(edges[1:-1], s, side="right")


def shell_info(merged: Merged, chosen: Flags, n_possible: int, s_low: float, s_high: float) -> ShellInfo:
    """Statistics of the chosen unique reflections."""
    n_unique, n_observations = int(chosen.sum()), int(merged.count[chosen].sum())
    several = chosen & (merged.count > 1)
    cc = sigma_tau(merged.mean[several], merged.error[several])
    r_merge, r_meas, r_pim = r_values(merged, several)
    return ShellInfo(
        d_max=1 / s_low,
        d_min=1 / s_high,
        n_observations=n_observations,
        n_unique=n_unique,
        n_repeated=int(several.sum()),
        n_possible=n_possible,
        completeness=min(1.0, n_unique / n_possible) if n_possible else None,
        multiplicity=n_observations / n_unique if n_unique else None,
        r_merge=r_merge,
        r_meas=r_meas,
        r_pim=r_pim,
        cc_half=cc,
        cc_half_significant=is_significant(cc, int(several.sum())),
        mean_i_over_sigma=_mean(merged.mean[chosen] / merged.sigma[chosen]),
        cc_anom=_anomalous(merged, chosen),
    )


def r_values(merged: Merged, several: Flags) -> tuple[float | None, float | None, float | None]:
    """(R_merge, R_meas, R_pim) of reflections observed at least twice; None without intensity."""
    n = merged.count[several]
    total, deviation = merged.total[several].sum(), merged.deviation[several]
    if not total > 0:
        return None, None, None
    factors = (np.ones(len(n)), np.sqrt(n / (n - 1)), np.sqrt(1 / (n - 1)))
    r_merge, r_meas, r_pim = (float((deviation * factor).sum() / total) for factor in factors)
    return r_merge, r_meas, r_pim


def sigma_tau(mean: Values, error: Values) -> float | None:
    """CC1/2 from the variance of the means and the variance of each mean; None below two reflections.

    With e the mean variance of <I>, half sets have the variance 2e, and
    CC1/2 = (var(<I>) - e) / (var(<I>) + e).
    """
    if len(mean) < 2:
        return None
    spread, noise = float(np.var(mean, ddof=1)), float(error.mean())
    return (spread - noise) / (spread + noise) if spread + noise > 0 else None


def is_significant(cc: float | None, n: int) -> bool:
    """Whether a correlation of n pairs exceeds zero at the 0.1 % level (one-sided, Student's t).

    False below `MIN_PAIRS`.
    """
    if cc is None or n < MIN_PAIRS or cc <= 0:
        return False
    return cc >= 1 or cc * math.sqrt((n - 2) / (1 - cc * cc)) > critical_t(n - 2)


def critical_t(degrees: int, z: float = SIGNIFICANT_Z) -> float:
    """Value of Student's t that is exceeded as rarely as the normal deviate `z`.

    The expansion of Abramowitz & Stegun (1964), 26.7.5; within 3 % from three degrees of freedom.
    """
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / math.pow(degrees, power) for power, term in enumerate(terms, 1))


def _anomalous(merged: Merged, chosen: Flags) -> float | None:
    both = chosen & np.isfinite(merged.difference)
    return sigma_tau(merged.difference[both], merged.difference_error[both])


def _mean(values: Values) -> float | None:
    return float(values.mean()) if len(values) else None
