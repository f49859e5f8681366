"""Where scaled data end: CC1/2 against resolution, a smooth curve through it, and where that falls to 0.3."""

from __future__ import annotations

import gemmi
import numpy as np
from numpy.typing import NDArray

CC_HALF_CUT = 0.3
MIN_OBSERVATIONS = 1000
MIN_PAIRS = 12
"""Shells with fewer multiply observed reflections have no correlation worth a point on the curve."""


def limit(
    cell: gemmi.UnitCell,
    group: gemmi.SpaceGroup,
    hkl: NDArray[np.int32],
    intensity: NDArray[np.float64],
    sigma: NDArray[np.float64],
) -> float | None:
    """Spacing (angstrom) where CC1/2 falls to 0.3; None when it stays above, or cannot be told.

    Args:
        cell: unit cell in the setting of the indices.
        group: any space group of the Laue group, in the same setting.
        hkl: indices (n, 3).
        intensity: scaled, unmerged (n,).
        sigma: its standard deviation (n,).
    """
    if len(hkl) < MIN_OBSERVATIONS:
        return None
    s, cc, n = _curve(cell, group, hkl, intensity, sigma)
    if len(s) < 4:
        return None
    end = float(np.max(s))
    crossing = _crossing(s, cc, n)
    return crossing**-0.5 if 0 < crossing < end else None


def _curve(
    cell: gemmi.UnitCell,
    group: gemmi.SpaceGroup,
    hkl: NDArray[np.int32],
    intensity: NDArray[np.float64],
    sigma: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(1/d^2, CC1/2, multiply observed reflections) of shells, sigma-tau method as in gemmi."""
    data = gemmi.Intensities()
    data.set_data(cell, group, hkl, intensity, sigma)
    data.sort()
    binner = gemmi.Binner()
    binner.setup(max(5, min(40, len(hkl) // 200)), gemmi.Binner.Method.Dstar3, data)
    shells = data.calculate_merging_stats(binner, "Y")
    edges = np.asarray([binner.dmax_of_bin(i) for i in range(len(shells))]) ** -2.0
    ends = np.asarray([binner.dmin_of_bin(i) for i in range(len(shells))]) ** -2.0
    pairs = np.asarray([shell.stats_refl for shell in shells], dtype=np.float64)
    cc = np.asarray([shell.cc_half() for shell in shells], dtype=np.float64)
    good = (pairs >= MIN_PAIRS) & np.isfinite(cc)
    return ((edges + ends) / 2)[good], np.clip(cc[good], -1, 1), pairs[good]


def _crossing(s: NDArray[np.float64], cc: NDArray[np.float64], n: NDArray[np.float64]) -> float:
    """1/d^2 where the curve (1 - tanh((s - s0) / r)) / 2 falls to 0.3 (Evans & Murshudov 2013 D69, 1204).

    The two parameters are found on a grid, which cannot diverge; shells weigh by their reflections.
    """
    span = float(np.max(s))
    middles = np.linspace(0.05, 2.0, 391) * span
    widths = np.geomspace(0.01, 1.5, 60) * span
    model = 0.5 * (1 - np.tanh((s[None, None, :] - middles[:, None, None]) / widths[None, :, None]))
    misfit = np.sum(n * np.square(cc - model), axis=2)
    i, j = np.unravel_index(int(np.argmin(misfit)), misfit.shape)
    return float(middles[i] + widths[j] * np.arctanh(1 - 2 * CC_HALF_CUT))
