"""Test shots as an indexer and a strategy need them: spots of frames, and what a lattice explains of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from beampace.analysis.frame import FrameAnalysis
from beampace.analysis.spots import Spots, intensity_variance
from beampace.core.geometry import Beam, Detector, Goniometer, Mat3, unit
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


def strongest(analysis: FrameAnalysis) -> Spots:
    """The spots of a frame that an indexer is given: good ones, the strongest first."""
    good = analysis.spots.only(analysis.spots.good)
    return good.only(np.argsort(-good.intensity)[:MOST_SPOTS])


def shot_of(analysis: FrameAnalysis, start: float, width: float) -> Shot:
    """The strongest spots of a frame that began at a spindle angle and turned by a width (degrees)."""
    spots = strongest(analysis)
    var_x, var_y = spots.variance.T
    return Shot(
        frame=analysis.number,
        start=start,
        width=width,
        x=_numbers(spots.x),
        y=_numbers(spots.y),
        var_x=_numbers(var_x),
        var_y=_numbers(var_y),
        intensity=_numbers(spots.intensity),
        variance=_numbers(intensity_variance(spots.table)),
    )


def _numbers(values: npt.NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def points_of(shot: Shot, detector: Detector, beam: Beam, goniometer: Goniometer) -> Floats:
    """Reciprocal points of the spots of a shot, (n, 3), 1/angstrom, taken at the middle of its rotation.

    With the spindle turned back to zero, before the goniometer.
    """
    x, y = np.array(shot.x), np.array(shot.y)
    px, py = detector.pixel_size
    at = np.array(detector.origin) + np.outer(x * px, detector.fast) + np.outer(y * py, detector.slow)
    s1 = at / np.linalg.norm(at, axis=1)[:, None] / beam.wavelength
    s0 = np.array(unit(beam.direction)) / beam.wavelength
    return np.asarray((s1 - s0) @ np.array(goniometer.turn(shot.start + shot.width / 2)))


def longest_axis(points: Sequence[Floats]) -> float:
    """Longest axis to look for, angstrom, from the closest neighbours of the shots."""
    near = []
    for q in points:
        if len(q) < 2:
            continue
        square = ((q[:, None, :] - q[None, :, :]) ** 2).sum(axis=2)
        np.fill_diagonal(square, np.inf)
        near.append(np.sqrt(square.min(axis=1)))
    if not near:
        return AXES[1]
    closest = float(np.percentile(np.concatenate(near), NEIGHBOUR_PERCENTILE))
    return min(max(ROOM / max(closest, 1e-6), AXES[0]), AXES[1])


def explained(points: Floats, a_matrix: Mat3) -> Flags:
    """Which reciprocal points lie near a lattice point."""
    h = points @ np.linalg.inv(np.array(a_matrix)).T
    nearest = np.round(h)
    return np.asarray((np.linalg.norm(h - nearest, axis=1) < NEAR) & (nearest != 0).any(axis=1))


def mosaicity_of(
    shots: Sequence[tuple[Shot, Floats]], a_matrix: Mat3, beam: Beam, goniometer: Goniometer
) -> float:
    """E.s.d. of the reflecting range, degrees.

    A spot on a shot reflects within its rotation and as far beyond as the mosaicity reaches: the spread of
    zeta times the rotation that brings its lattice point onto the sphere has the variance of the mosaic
    spread and of the rotation, width**2 / 12 (Kabsch (2010) Acta Cryst. D66, 133, for zeta). The median of
    absolute deviations stands for the spread: wrongly explained spots lie far out.
    """
    away = [_mosaic_offsets(shot, points, a_matrix, beam, goniometer) for shot, points in shots]
    offsets = np.concatenate([values for values in away if len(values)] or [np.zeros(0)])
    if len(offsets) < 10:
        return LEAST_MOSAICITY * 5
    spread = 1.4826 * float(np.median(np.abs(offsets - np.median(offsets))))
    width = float(np.median([shot.width for shot, _ in shots]))
    return min(max(math.sqrt(max(spread**2 - width**2 / 12, 0.0)), LEAST_MOSAICITY), MOST_MOSAICITY)


def _mosaic_offsets(shot: Shot, points: Floats, a_matrix: Mat3, beam: Beam, goniometer: Goniometer) -> Floats:
    """Zeta times the rotation to the sphere of each explained spot's lattice point, degrees."""
    a = np.array(a_matrix)
    h = np.round(points[explained(points, a_matrix)] @ np.linalg.inv(a).T)
    r = h @ a.T @ np.array(goniometer.turn(shot.start + shot.width / 2)).T
    s0, axis = np.array(unit(beam.direction)) / beam.wavelength, np.array(unit(goniometer.lab_axis))
    missed = ((s0 + r) ** 2).sum(axis=1) - float(s0 @ s0)
    slope = 2 * np.cross(axis, r) @ s0
    across = np.cross(s0 + r, s0)
    zeta = np.abs(across @ axis) / np.maximum(np.linalg.norm(across, axis=1), 1e-12)
    use = (zeta > SMALLEST_ZETA) & (np.abs(slope) > 1e-9)
    return np.asarray(np.degrees(missed[use] / slope[use]) * zeta[use])
