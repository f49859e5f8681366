"""Which spots a geometry of XDS explains: indices by the geometry alone, nothing refined.

A spot at (x, y, z) lies on the diffracted beam s1, of length 1/wavelength; s1 - s0 turned back by its spindle
angle is its reciprocal-lattice vector, whose products with the cell's axes are its indices (Kabsch 2010, Acta
Cryst. D66, 133).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beampace.core.geometry import rotation
from beampace.engines.xds.spot_xds import Spots
from beampace.engines.xds.xparm import Xparm

Floats = npt.NDArray[np.float64]

NEAR = 0.2
"""Largest deviation of an index from a whole number."""


def indices(xparm: Xparm, spots: Spots) -> Floats:
    """Indices of spots as they come out, (n, 3); not whole numbers."""
    return np.asarray(_crystal_frame(xparm, spots) @ np.array(xparm.axes).T, dtype=np.float64)


def explained(xparm: Xparm, spots: Spots) -> npt.NDArray[np.bool_]:
    """Which spots have indices near whole numbers."""
    found = indices(xparm, spots)
    return np.asarray((np.abs(found - np.rint(found)) < NEAR).all(axis=1))


def _crystal_frame(xparm: Xparm, spots: Spots) -> Floats:
    """Reciprocal-lattice vectors at spindle zero, 1/angstrom."""
    mm = np.stack([(spots.x - xparm.origin_px[0]) * xparm.qx, (spots.y - xparm.origin_px[1]) * xparm.qy])
    lab = mm.T @ np.array([xparm.fast, xparm.slow]) + xparm.distance * np.array(xparm.normal)
    s1 = lab / np.linalg.norm(lab, axis=1)[:, None] / xparm.wavelength
    angle = xparm.start_angle + (spots.z - (xparm.start_frame - 1)) * xparm.oscillation
    # Some versions give the beam the length 1/wavelength, some the length 1.
    s0 = np.array(xparm.beam) / np.linalg.norm(xparm.beam) / xparm.wavelength
    return _turned(s1 - s0, np.array(rotation(xparm.axis, 90.0)), xparm.axis, -angle)


def _turned(vectors: Floats, quarter: Floats, axis: tuple[float, float, float], degrees: Floats) -> Floats:
    """Each vector turned by its own angle about the axis (Rodrigues); `quarter`: the turn by 90 degrees."""
    along = np.outer(vectors @ np.array(axis), axis)
    across = vectors - along
    turned = across @ quarter.T
    c, s = np.cos(np.radians(degrees))[:, None], np.sin(np.radians(degrees))[:, None]
    return along + c * across + s * turned
