"""Spots of a reflection table as directions in the laboratory, with the rotation back to the crystal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beampace.engines.dials.beam_search import Rays
from beampace.engines.dials.expt import Expt, goniometer_of

Floats = NDArray[np.float64]


def rays_of(expt: Expt, pixels: Floats) -> Rays:
    """Spots at `pixels` (n, 3): fast, slow, array index of the frame (frame n covers n-1 to n)."""
    panel, beam, scan = expt["detector"][0]["panels"][0], expt["beam"][0], expt["scan"][0]
    size = np.asarray(panel["pixel_size"])[:, None]
    steps = np.array([panel["fast_axis"], panel["slow_axis"]]) * size
    start, width = scan["oscillation"]
    phi = start + width * (pixels[:, 2] - (int(scan["image_range"][0]) - 1))
    towards_source = np.asarray(beam["direction"], dtype=np.float64)
    direct = -towards_source / (np.linalg.norm(towards_source) * float(beam["wavelength"]))
    lab = np.asarray(panel["origin"]) + pixels[:, :2] @ steps
    return Rays(lab, _back(expt, phi), phi, steps, direct)


def _back(expt: Expt, phi: Floats) -> Floats:
    """Inverse of R = setting * rotation(axis, phi) * fixed, (n, 3, 3)."""
    gonio = goniometer_of(expt)
    setting, fixed = np.asarray(gonio.setting), np.asarray(gonio.fixed)
    return np.asarray(fixed.T @ turns(np.asarray(gonio.axis), -phi) @ setting.T)


def turns(axis: Floats, degrees: Floats) -> Floats:
    """Right-handed rotations (n, 3, 3) about a unit vector (3,) by angles (n,) (Rodrigues' formula)."""
    x, y, z = axis
    across = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)[:, None, None]
    return np.asarray(np.eye(3) + np.sin(angle) * across + (1 - np.cos(angle)) * (across @ across))
