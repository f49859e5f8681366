"""What INTEGRATE.HKL says of a reflection's beams."""

from __future__ import annotations

import numpy as np

from tests.support.xds_checker.geometry import Floats, Places
from tests.support.xds_checker.xparm import Xparm


def unpolarised(xparm: Xparm, places: Places) -> Floats:
    """Polarisation factor of an unpolarised beam, (1 + cos^2 2theta)/2."""
    g = xparm.geometry
    forward = (places.s1 @ g.s0) * g.wavelength**2
    return (1 + forward**2) / 2


def angles(xparm: Xparm, places: Places) -> Floats:
    """ALF0 BET0 ALF1 BET1: azimuth and angle from z of both beams; PSI: about the scattering vector."""
    g = xparm.geometry
    ray, beam = places.s1 * g.wavelength, g.s0 * g.wavelength
    columns = np.empty((len(ray), 5))
    columns[:, 0] = np.degrees(np.arctan2(beam[1], beam[0]))
    columns[:, 1] = np.degrees(np.arccos(np.clip(beam[2], -1, 1)))
    columns[:, 2] = np.degrees(np.arctan2(ray[:, 1], ray[:, 0]))
    columns[:, 3] = np.degrees(np.arccos(np.clip(ray[:, 2], -1, 1)))
    across = np.cross(ray, beam)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
    columns[:, 4] = np.degrees(np.arctan2(np.cross(ray - beam, across) @ g.axis, across @ g.axis))
    return columns
