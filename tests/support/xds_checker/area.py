"""Which pixels XDS trusts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.support.xds_checker.geometry import Floats, Geometry
from tests.support.xds_checker.grammar import Inp


def trusted(
    inp: Inp, geometry: Geometry, mask: npt.NDArray[np.uint32] | None, x: Floats, y: Floats
) -> npt.NDArray[np.bool_]:
    """Whether positions lie on trusted pixels.

    Args:
        inp: TRUSTED_REGION and the untrusted rectangles and ellipses.
        geometry: of the detector.
        mask: the images' own mask, non-zero for pixels without data; None to leave it.
        x: pixels.
        y: pixels.
    """
    nx, ny = geometry.size
    with np.errstate(invalid="ignore"):
        good = (x >= 0.5) & (x <= nx + 0.5) & (y >= 0.5) & (y <= ny + 0.5)
    x, y = np.where(good, x, 1.0), np.where(good, y, 1.0)
    if mask is not None:
        columns, rows = (np.rint(np.clip(v, 1, n)).astype(int) - 1 for v, n in ((x, nx), (y, ny)))
        good &= mask[rows, columns] == 0
    inner, outer = inp.pairs("TRUSTED_REGION")[-1] if "TRUSTED_REGION" in inp else (0.0, 1.05)
    radius = np.hypot(x - geometry.org[0], y - geometry.org[1]) / (max(nx, ny) / 2)
    good &= (radius >= inner) & (radius <= outer)
    for x1, x2, y1, y2 in inp.pairs("UNTRUSTED_RECTANGLE"):
        good &= ~((x > x1) & (x < x2) & (y > y1) & (y < y2))
    for x1, x2, y1, y2 in inp.pairs("UNTRUSTED_ELLIPSE"):
        u, v = (2 * x - x1 - x2) / (x2 - x1), (2 * y - y1 - y2) / (y2 - y1)
        good &= u * u + v * v > 1
    return good


def resolved(inp: Inp, length: Floats) -> npt.NDArray[np.bool_]:
    """Whether reciprocal lengths (1/angstrom) lie within the allowed resolution ranges."""
    low, high = (
        inp.pairs("INCLUDE_RESOLUTION_RANGE")[-1] if "INCLUDE_RESOLUTION_RANGE" in inp else (20.0, 0.0)
    )
    with np.errstate(divide="ignore"):
        spacing = 1.0 / length
    good = (spacing <= low) & (spacing >= high)
    for bad_low, bad_high in inp.pairs("EXCLUDE_RESOLUTION_RANGE"):
        good &= ~((spacing <= bad_low) & (spacing >= bad_high))
    return good
