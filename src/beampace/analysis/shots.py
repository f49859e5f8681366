"""Test shots as an indexer and a strategy need them: spots of frames, and what a lattice explains of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.analysis.frame import FrameAnalysis
from beampace.analysis.spots import intensity_variance
from beampace.core.geometry import Beam, Detector, Goniometer, Mat3, multiply, rotation, unit
from beampace.core.indexing import Shot

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MOST_SPOTS = 1000
"""Strongest spots of a shot that are handed to an indexer."""
NEAR = 0.3
"""Distance from the nearest lattice point, in indices, up to which a spot is explained, as in dials.index."""
NEIGHBOUR_PERCENTILE = 10.0
"""Split spots are closer neighbours than any lattice has."""
ROOM = 1.5
"""The longest axis looked for, in units of what the closest neighbours say."""
AXES = (150.0, 600.0)
"""Limits of what is looked for, angstrom: few spots are no neighbours, whatever the cell."""
LEAST_MOSAICITY, MOST_MOSAICITY = 0.02, 1.5
SMALLEST_ZETA = 0.1


def shot_of(analysis: FrameAnalysis, start: float, width: float) -> Shot:
    """The spots of a frame that an indexer is given: good ones, the strongest first."""
    spots = analysis.spots.only(analysis.spots.good)
    order = np.argsort(-spots.intensity)[:MOST_SPOTS]
    spread = intensity_variance(spots.table)

    def column(values: npt.NDArray[np.floating]) -> tuple[float, ...]:
        return tuple(float(value) for value in values[order])

    return Shot(
        frame=analysis.number,
        start=start,
        width=width,
        x=column(spots.x),
        y=column(spots.y),
        var_x=column(spots.variance[:, 0]),
        var_y=column(spots.variance[:, 1]),
        intensity=column(spots.intensity),
        variance=column(spread),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """Spots of a shot in reciprocal space.

    Attributes:
        s1: diffracted rays in the laboratory, (n, 3), 1/angstrom.
        q: reciprocal points with the spindle turned back to zero, before the goniometer, (n, 3), 1/angstrom.
    """

    s1: Floats
    q: Floats


def rays_of(shot: Shot, detector: Detector, beam: Beam, goniometer: Goniometer) -> Rays:
    """Where the spots of a shot lie, taken at the middle of its rotation."""
    x, y = np.array(shot.x), np.array(shot.y)
    px, py = detector.pixel_size
    at = np.array(detector.origin) + np.outer(x * px, detector.fast) + np.outer(y * py, detector.slow)
    s1 = at / np.linalg.norm(at, axis=1)[:, None] / beam.wavelength
    s0 = np.array(unit(beam.direction)) / beam.wavelength
    turned = _turn(goniometer, shot.start + shot.width / 2)
    return Rays(s1, (s1 - s0) @ turned)


def longest_axis(rays: list[Rays]) -> float:
    """Longest axis to look for, angstrom, from the closest neighbours of the shots."""
    near = []
    for one in rays:
        if len(one.q) < 2:
            continue
        square = ((one.q[:, None, :] - one.q[None, :, :]) ** 2).sum(axis=2)
        np.fill_diagonal(square, np.inf)
        near.append(np.sqrt(square.min(axis=1)))
    if not near:
        return AXES[1]
    closest = float(np.percentile(np.concatenate(near), NEIGHBOUR_PERCENTILE))
    return min(max(ROOM / max(closest, 1e-6), AXES[0]), AXES[1])


def explained(rays: Rays, a_matrix: Mat3) -> Flags:
    """Which spots lie near a lattice point."""
    h = rays.q @ np.linalg.inv(np.array(a_matrix)).T
    nearest = np.round(h)
    return np.asarray((np.linalg.norm(h - nearest, axis=1) < NEAR) & (nearest != 0).any(axis=1))


def mosaicity_of(shots: list[tuple[Shot, Rays]], a_matrix: Mat3, beam: Beam, goniometer: Goniometer) -> float:
    """E.s.d. of the reflecting range, degrees.

    A spot on a shot reflects within its rotation and as far beyond as the mosaicity reaches: the spread of
    zeta times the rotation that brings its lattice point onto the sphere has the variance of the mosaic
    spread and of the rotation, width**2 / 12 (Kabsch (2010) Acta Cryst. D66, 133, for zeta). The median of
    absolute deviations stands for the spread: wrongly explained spots lie far out.
    """
    away = [_mosaic_offsets(shot, rays, a_matrix, beam, goniometer) for shot, rays in shots]
    offsets = np.concatenate([values for values in away if len(values)] or [np.zeros(0)])
    if len(offsets) < 10:
        return LEAST_MOSAICITY * 5
    spread = 1.4826 * float(np.median(np.abs(offsets - np.median(offsets))))
    width = float(np.median([shot.width for shot, _ in shots]))
    return min(max(math.sqrt(max(spread**2 - width**2 / 12, 0.0)), LEAST_MOSAICITY), MOST_MOSAICITY)


def _mosaic_offsets(shot: Shot, rays: Rays, a_matrix: Mat3, beam: Beam, goniometer: Goniometer) -> Floats:
    """Zeta times the rotation to the sphere of each explained spot's lattice point, degrees."""
    a = np.array(a_matrix)
    h = np.round(rays.q[explained(rays, a_matrix)] @ np.linalg.inv(a).T)
    r = h @ a.T @ _turn(goniometer, shot.start + shot.width / 2).T
    s0, axis = np.array(unit(beam.direction)) / beam.wavelength, np.array(unit(goniometer.lab_axis))
    missed = ((s0 + r) ** 2).sum(axis=1) - float(s0 @ s0)
    slope = 2 * np.cross(axis, r) @ s0
    across = np.cross(s0 + r, s0)
    zeta = np.abs(across @ axis) / np.maximum(np.linalg.norm(across, axis=1), 1e-12)
    use = (zeta > SMALLEST_ZETA) & (np.abs(slope) > 1e-9)
    return np.asarray(np.degrees(missed[use] / slope[use]) * zeta[use])


def _turn(goniometer: Goniometer, degrees: float) -> Floats:
    """The rotation of the crystal into the laboratory at a spindle angle."""
    turned = multiply(rotation(goniometer.axis, degrees), goniometer.fixed)
    return np.array(multiply(goniometer.setting, turned))
