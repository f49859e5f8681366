"""Rings of equal resolution on a flat detector however it stands: cones of rays, cut by the plane."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.core.geometry import Beam, Detector, Vec3, cross, unit

Points = list[tuple[float, float]]

NICE = (
    100, 60, 40, 30, 20, 15, 12, 10, 8, 7, 6, 5, 4.5, 4, 3.5, 3, 2.8, 2.5, 2.2, 2, 1.8, 1.6, 1.5, 1.4, 1.3,
    1.2, 1.1, 1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4,
)  # fmt: skip
"""Values of d that are easily read, angstrom."""
RINGS = 5
STEPS = 180


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring of one d: polylines in pixels, and where to write what it is."""

    d: float
    lines: tuple[Points, ...]
    label: tuple[float, float] | None


def nice_rings(detector: Detector, beam: Beam) -> tuple[Ring, ...]:
    """Some rings that lie on the picture, about evenly apart in scattering angle."""
    angles = _corner_angles(detector, beam)
    apart = (max(angles) - min(angles)) / (RINGS + 1)
    chosen: list[Ring] = []
    last = max(angles)
    for d in reversed(NICE):
        if d <= beam.wavelength / 2:
            continue
        angle = 2 * math.asin(beam.wavelength / (2 * d))
        if angle <= last - 0.8 * apart and angle > 0.5 * apart:
            ring = ring_of(detector, beam, d)
            if ring.lines:
                chosen.append(ring)
                last = angle
    return tuple(reversed(chosen))


def ring_of(detector: Detector, beam: Beam, d: float) -> Ring:
    """The ring of one d; without lines when none of it lies on the picture."""
    sine = beam.wavelength / (2 * d)
    if sine >= 1:
        return Ring(d, (), None)
    pixels = _cone(detector, beam, 2 * math.asin(sine))
    nx, ny = detector.image_size
    x, y = pixels[:, 0], pixels[:, 1]
    inside = (x >= 0) & (x <= nx) & (y >= 0) & (y <= ny)
    if not inside.any():
        return Ring(d, (), None)
    margin = 0.25 * max(nx, ny)
    near = (x > -margin) & (x < nx + margin) & (y > -margin) & (y < ny + margin)
    return Ring(d, _runs(pixels, near), _label(pixels[inside], (nx, ny)))


def _cone(detector: Detector, beam: Beam, angle: float) -> npt.NDArray[np.float64]:
    """Where the rays of a cone about the beam meet the plane, NaN where they do not."""
    along = unit(beam.direction)
    helper: Vec3 = (0.0, 1.0, 0.0) if abs(along[1]) < 0.9 else (1.0, 0.0, 0.0)
    first = unit(cross(along, helper))
    second = cross(along, first)
    turn = np.linspace(0, 2 * math.pi, STEPS + 1)
    across = np.cos(turn)[:, None] * np.array(first) + np.sin(turn)[:, None] * np.array(second)
    rays = math.cos(angle) * np.array(along) + math.sin(angle) * across
    found = [detector.pixel((float(x), float(y), float(z))) for x, y, z in rays]
    return np.array([(math.nan, math.nan) if point is None else point for point in found])


def _runs(pixels: npt.NDArray[np.float64], chosen: npt.NDArray[np.bool_]) -> tuple[Points, ...]:
    """Unbroken parts of a line."""
    runs: list[Points] = []
    open_run = False
    for (x, y), taken in zip(pixels, chosen, strict=True):
        if taken:
            if not open_run:
                runs.append([])
            runs[-1].append((round(float(x), 1), round(float(y), 1)))
        open_run = bool(taken)
    return tuple(run for run in runs if len(run) > 1)


def _label(inside: npt.NDArray[np.float64], size: tuple[int, int]) -> tuple[float, float]:
    """The point of the ring nearest to the upper right, but not at the very edge."""
    edge = 0.03 * max(size)
    x, y = inside[:, 0], inside[:, 1]
    well = (x > edge) & (x < size[0] - edge) & (y > edge) & (y < size[1] - edge)
    points = inside[well] if well.any() else inside
    best = points[np.argmax(points[:, 0] - points[:, 1])]
    return (round(float(best[0]), 1), round(float(best[1]), 1))


def _corner_angles(detector: Detector, beam: Beam) -> tuple[float, ...]:
    """Scattering angles of the corners, and of the beam when it is on the picture."""
    nx, ny = detector.image_size
    found = [
        2 * math.asin(min(1.0, beam.wavelength / (2 * detector.resolution_at(beam, x, y))))
        for x in (0, nx / 2, nx)
        for y in (0, ny / 2, ny)
    ]
    centre = detector.pixel(beam.direction)
    if centre and 0 <= centre[0] <= nx and 0 <= centre[1] <= ny:
        found.append(0.0)
    return tuple(found)
