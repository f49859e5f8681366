"""Spots to reciprocal vectors in the crystal's frame, and back.

r = S R(m, phi) F R(drift(z)) r0 = s1 - s0 with s1 the ray of a spot at length 1/wavelength. Back: with
q = S F R(drift) r0 and m in the laboratory, |s0 + R(m, phi) q| = |s0| is A cos(phi) + B sin(phi) = C with
A = 2 (s0.q - (m.q)(m.s0)), B = 2 s0.(m x q), C = -q**2 - 2 (m.q)(m.s0), so that
phi = atan2(B, A) +- atan2(sqrt(A**2 + B**2 - C**2), C): Kabsch (2010) Acta Cryst. D66, 133.
"""

from __future__ import annotations

import numpy as np

from beampace.analysis.rotation.model import Floats, Model
from beampace.analysis.rotation.sensor import parallax
from beampace.core.geometry import Detector, multiply, unit


def turned(vectors: Floats, axis: Floats, angle: Floats) -> Floats:
    """Rows turned about a unit vector, each by its own angle in radians (Rodrigues)."""
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    along = (vectors @ axis)[:, None] * axis
    return np.asarray(vectors * c + np.cross(axis, vectors) * s + along * (1 - c))


def turned_by(vectors: Floats, rotation: Floats) -> Floats:
    """Rows turned by rotation vectors (axis times angle in radians), (n, 3) or (3,)."""
    rotation = np.broadcast_to(rotation, vectors.shape)
    angle = np.linalg.norm(rotation, axis=1)[:, None]
    axis = rotation / np.where(angle == 0, 1.0, angle)
    c, s = np.cos(angle), np.sin(angle)
    along = (vectors * axis).sum(axis=1)[:, None] * axis
    x, y, z = axis.T
    across = np.column_stack(
        [
            y * vectors[:, 2] - z * vectors[:, 1],
            z * vectors[:, 0] - x * vectors[:, 2],
            x * vectors[:, 1] - y * vectors[:, 0],
        ]
    )
    return np.asarray(vectors * c + across * s + along * (1 - c))


def incident(model: Model) -> Floats:
    """s0 in 1/angstrom."""
    return np.array(unit(model.beam.direction)) / model.beam.wavelength


def turn_at_zero(model: Model) -> Floats:
    """S F: crystal's frame to laboratory when the spindle stands at zero."""
    return np.array(multiply(model.goniometer.setting, model.goniometer.fixed))


def spindle(model: Model, z: Floats) -> Floats:
    """Spindle in radians at places in frames."""
    return np.asarray(np.radians(model.start + z * model.width))


def rays(detector: Detector, xy: Floats) -> Floats:
    """Unit vectors (n, 3) from the sample to pixel coordinates (n, 2)."""
    steps = np.array([detector.fast, detector.slow]) * np.array(detector.pixel_size)[:, None]
    lab = np.array(detector.origin) + xy @ steps
    return np.asarray(lab / np.linalg.norm(lab, axis=1)[:, None])


def on_surface(model: Model, xy: Floats) -> Floats:
    """Where the rays of recorded positions (n, 2) in px met the front of the sensor.

    The shift is evaluated at the recorded position, as in dxtbx: the error is below 0.01 px.
    """
    return np.asarray(xy - parallax(model.detector, model.beam, rays(model.detector, xy)))


def vectors(model: Model, xyz: Floats, *, depth: bool = True) -> Floats:
    """r0 of spots, 1/angstrom in the crystal's frame, (n, 3).

    Args:
        model: the apparatus and the drift; A is not looked at.
        xyz: px, px, frames, (n, 3).
        depth: whether positions are corrected for the sensor's depth.
    """
    xy = on_surface(model, xyz[:, :2]) if depth else xyz[:, :2]
    r = rays(model.detector, xy) / model.beam.wavelength - incident(model)
    axis = np.array(unit(model.goniometer.lab_axis))
    still = turned(r, axis, -spindle(model, xyz[:, 2])) @ turn_at_zero(model)
    return turned_by(still, -model.drift.at(xyz[:, 2])) if len(model.drift.z) else still


def positions(model: Model, r0: Floats, near: Floats, *, depth: bool = True) -> Floats:
    """Where and when points reflect, the crossing nearest to a place in frames; NaN where there is none.

    Args:
        model: the apparatus and the drift.
        r0: 1/angstrom, crystal's frame, (n, 3).
        near: frames, (n,); the drift is taken there.
        depth: whether the sensor's depth is added.

    Returns:
        px, px, frames, (n, 3).
    """
    axis, s0 = np.array(unit(model.goniometer.lab_axis)), incident(model)
    drifted = turned_by(r0, model.drift.at(near)) if len(model.drift.z) else r0
    q = drifted @ turn_at_zero(model).T
    phi = crossing(q, axis, s0, spindle(model, near))
    xy = _hits(model.detector, s0 + turned(q, axis, phi))
    if depth:
        xy = xy + parallax(model.detector, model.beam, rays(model.detector, xy))
    return np.column_stack([xy, (np.degrees(phi) - model.start) / model.width])


def crossing(q: Floats, axis: Floats, s0: Floats, near: Floats) -> Floats:
    """Spindle in radians at which points cross the sphere, of the two the nearer to `near`; NaN for none."""
    along, onto = q @ axis, float(axis @ s0)
    a = 2 * (q @ s0 - along * onto)
    b = 2 * (np.cross(axis, q) @ s0)
    c = -(q * q).sum(axis=1) - 2 * along * onto
    rest = a * a + b * b - c * c
    half = np.arctan2(np.sqrt(np.where(rest < 0, np.nan, rest)), c)
    away = [_wrapped(np.arctan2(b, a) + sign * half - near) for sign in (-1.0, 1.0)]
    return np.asarray(near + np.where(np.abs(away[0]) < np.abs(away[1]), away[0], away[1]))


def _wrapped(angle: Floats) -> Floats:
    return np.asarray(angle - 2 * np.pi * np.round(angle / (2 * np.pi)))


def _hits(detector: Detector, s1: Floats) -> Floats:
    """Pixel coordinates (n, 2) where rays meet the plane; NaN for those that go the other way."""
    normal, origin = np.array(detector.normal), np.array(detector.origin)
    with np.errstate(divide="ignore", invalid="ignore"):
        path = float(origin @ normal) / (s1 @ normal)
        at = s1 * np.where(path > 0, path, np.nan)[:, None] - origin
    across = np.array([detector.fast, detector.slow]).T
    return np.asarray(at @ across / np.array(detector.pixel_size))
