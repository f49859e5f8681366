"""Spots of our own finder for IDXREF: neither INIT nor COLSPOT is needed for them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beampace.analysis.spots3d import JoinSettings, Reflections
from beampace.engines.spot_search import Found
from beampace.engines.xds.frame import HALF_PIXEL
from beampace.engines.xds.spot_xds import Spots

MOST = 100_000
"""Strongest spots that are handed over; XDS indexes 3000 of them and refines against all."""

WEAKER = JoinSettings(fewest_pixels=2, least_signal=2.0)


def weaker(found: Found) -> Spots:
    """Also spots of two pixels, and those just above the background."""
    return for_xds(found.reflections(WEAKER))


def as_xds(found: Reflections) -> Spots:
    """Spots as XDS counts: pixel centres are whole numbers from 1, the first frame begins at 0."""
    x, y, z = found.xyz.T
    return Spots(x + HALF_PIXEL, y + HALF_PIXEL, z.copy(), found.intensity)


def for_xds(found: Reflections) -> Spots:
    """The strongest spots, strongest first, without those in rings of ice."""
    kept = np.flatnonzero(~found.in_ice & ~found.overloaded)
    return only(as_xds(found), kept[np.argsort(-found.intensity[kept], kind="stable")][:MOST])


def only(spots: Spots, chosen: npt.NDArray[np.bool_ | np.intp] | slice) -> Spots:
    """Some of the spots."""
    return Spots(spots.x[chosen], spots.y[chosen], spots.z[chosen], spots.intensity[chosen])
