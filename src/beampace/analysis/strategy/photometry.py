"""Photons of every reflection that a lattice predicts on a test image, seen as a spot or not.

A mean over the spots that were *found* is the mean of the strong ones. Here each prediction is summed over a
disc, less the background of the ring around it, whatever stands there: weak reflections count with the few
photons they have, and with as many below zero as above where there is nothing.

A frame records of a reflection at phi the share of its rocking curve that lies within the frame,
erf between (low - phi) and (high - phi) in units of sqrt(2) sigma_m / zeta (Kabsch (2010) Acta Cryst. D66,
133). The shares of all reflections near a frame add up to the number that cross the sphere within it,
whatever the mosaicity: sum of photons over sum of shares is the mean of reflections recorded in full, and a
mosaicity that is a little wrong does not matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis.predict import Frame, Predictions, predict
from beampace.analysis.radial import in_ice_ring
from beampace.core.geometry import Beam, Detector, unit

Floats = npt.NDArray[np.float64]

AROUND = 3.0
"""Standard deviations of the mosaicity within which reflections are followed beyond the frame."""
RING = 4
"""Pixels by which the ring of the background is wider than the disc."""
FEWEST_PIXELS = 12
"""Pixels a ring must have left to give a background."""


@dataclass(frozen=True, slots=True, eq=False)
class Photometry:
    """Reflections of test images, all that were predicted.

    Attributes:
        d: angstrom, (n,).
        photons: above background on their frame, (n,).
        variance: of that, by counting statistics, (n,).
        share: share of each that its frame is expected to record, (n,).
        background: photons per pixel around each, (n,).
    """

    d: Floats
    photons: Floats
    variance: Floats
    share: Floats
    background: Floats

    def __len__(self) -> int:
        return len(self.d)


def joined(parts: list[Photometry]) -> Photometry:
    """The reflections of several images."""
    names = ("d", "photons", "variance", "share", "background")
    columns = (np.concatenate([getattr(part, name) for part in parts] or [np.zeros(0)]) for name in names)
    return Photometry(*columns)


def measure(
    counts: npt.NDArray[np.unsignedinteger],
    unusable: npt.NDArray[np.bool_],
    frame: Frame,
    detector: Detector,
    beam: Beam,
    radius: float,
) -> Photometry:
    """Sum all reflections of a frame to the edge of the detector, rings of ice left out.

    Args:
        counts: the image, (slow, fast).
        unusable: True where a pixel is not to be used, (slow, fast).
        frame: how the crystal stood and turned.
        detector: where it is.
        beam: the beam.
        radius: of the disc, pixels.

    Raises:
        ValueError: the cell is no cell.
    """
    found = predict(frame, detector, beam, detector.best_resolution(beam), AROUND)
    s1 = _directions(found, detector)
    inverse_d2 = 2 * (1 - s1 @ np.array(unit(beam.direction))) / beam.wavelength**2
    taken = np.zeros(counts.shape, np.bool_)
    _mark(found.x, found.y, radius, taken)
    trusted = np.uint32(detector.saturation or 2**32 - 1)
    rows = _sum(counts, unusable, trusted, taken, found.x, found.y, radius, radius + RING)
    photons, variance, background, used = rows.T
    kept = (used > 0) & ~in_ice_ring(inverse_d2)
    columns = (1 / np.sqrt(inverse_d2), photons, variance, _share(found, s1, frame, beam), background)
    return Photometry(*(column[kept] for column in columns))


def _directions(found: Predictions, detector: Detector) -> Floats:
    """Unit vectors from the crystal to each position, (n, 3)."""
    px, py = detector.pixel_size
    at = np.array(detector.origin) + np.outer(found.x * px, detector.fast)
    at += np.outer(found.y * py, detector.slow)
    return np.asarray(at / np.linalg.norm(at, axis=1)[:, None])


def _share(found: Predictions, s1: Floats, frame: Frame, beam: Beam) -> Floats:
    """Share of each reflection's rocking curve that lies within the frame."""
    across = np.cross(s1, np.array(unit(beam.direction)))
    along = np.abs(across @ np.array(unit(frame.goniometer.lab_axis)))
    zeta = along / np.maximum(np.linalg.norm(across, axis=1), 1e-12)
    scale = zeta / (math.sqrt(2) * max(frame.mosaicity, 1e-6))
    low, high = sorted((frame.low, frame.high))
    share = np.empty(len(zeta))
    _between(scale * (low - found.phi), scale * (high - found.phi), share)
    return share


@njit(cache=True, nogil=True)
def _between(low: Floats, high: Floats, out: Floats) -> None:
    for n in range(len(out)):
        out[n] = (math.erf(high[n]) - math.erf(low[n])) / 2


@njit(cache=True, nogil=True)
def _mark(x: Floats, y: Floats, radius: float, taken: npt.NDArray[np.bool_]) -> None:
    """Mark the pixels of all discs."""
    height, width = taken.shape
    for n in range(len(x)):
        for j in range(max(0, int(y[n] - radius)), min(height, int(y[n] + radius) + 1)):
            for i in range(max(0, int(x[n] - radius)), min(width, int(x[n] + radius) + 1)):
                if (i + 0.5 - x[n]) ** 2 + (j + 0.5 - y[n]) ** 2 <= radius * radius:
                    taken[j, i] = True


@njit(cache=True, nogil=True)
def _sum(
    counts: npt.NDArray[np.unsignedinteger],
    unusable: npt.NDArray[np.bool_],
    trusted: np.uint32,
    taken: npt.NDArray[np.bool_],
    x: Floats,
    y: Floats,
    radius: float,
    outer: float,
) -> Floats:
    """Rows (photons, variance, background per pixel, 1 or 0 where the disc is cut), (n, 4)."""
    height, width = counts.shape
    rows = np.zeros((len(x), 4))
    for n in range(len(x)):
        inside, pixels, around, ring, whole = 0.0, 0, 0.0, 0, True
        for j in range(math.floor(y[n] - outer), int(y[n] + outer) + 1):
            for i in range(math.floor(x[n] - outer), int(x[n] + outer) + 1):
                square = (i + 0.5 - x[n]) ** 2 + (j + 0.5 - y[n]) ** 2
                if square > outer * outer:
                    continue
                lost = not (0 <= i < width and 0 <= j < height)
                lost = lost or unusable[j, i] or counts[j, i] > trusted
                if square <= radius * radius:
                    whole = whole and not lost
                    if not lost:
                        inside += counts[j, i]
                        pixels += 1
                elif not lost and not taken[j, i]:
                    around += counts[j, i]
                    ring += 1
        if whole and ring >= FEWEST_PIXELS:
            level = around / ring
            rows[n, 0] = inside - level * pixels
            rows[n, 1] = inside + level * pixels * pixels / ring
            rows[n, 2] = level
            rows[n, 3] = 1.0
    return rows
