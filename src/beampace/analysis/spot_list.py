"""What the spot list alone says: spots per frame, resolution, ice, nothing at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beampace.core.dataset import Dataset
from beampace.core.errors import failure
from beampace.core.geometry import unit
from beampace.core.taxonomy import Failure

ICE_D = (3.897, 3.669, 3.441, 2.671, 2.249, 2.072, 1.948, 1.918, 1.883, 1.721)
"""Spacings (angstrom) of hexagonal ice, cell 4.498 4.498 7.338 (Petrenko & Whitworth 1999)."""

ICE_HALF_WIDTH = 0.003
"""Half width of an ice ring in 1/d^2 (1/angstrom^2)."""

ICE_SHARE = 0.8
"""Share of spots on ice rings from which there is nothing but ice."""

SPARSE = 2.0
"""Below this many spots per frame they may be noise and pixels that flicker."""

SAME_PLACE_PX = 4
"""Spots of a sparse list that share a square of this size come from one bad pixel."""

MIN_SPOTS = 10
"""Below this no lattice can be found (six cell and three orientation parameters)."""


def spacings(dataset: Dataset, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bragg spacing in angstrom of positions (n, 2 or more) in pixels (fast, slow)."""
    detector, beam = dataset.detector, dataset.beam
    mm = pixels[:, :2] * np.asarray(detector.pixel_size)
    lab = (
        np.asarray(detector.origin)
        + mm[:, :1] * np.asarray(detector.fast)
        + mm[:, 1:] * np.asarray(detector.slow)
    )
    cosine = lab @ np.asarray(unit(beam.direction)) / np.linalg.norm(lab, axis=1)
    sine = np.sqrt(np.clip((1 - cosine) / 2, 1e-12, None))
    return np.asarray(beam.wavelength / (2 * sine))


def on_ice(d: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which spacings lie on a ring of hexagonal ice."""
    rings = 1 / np.square(np.asarray(ICE_D))
    return np.asarray(np.min(np.abs(1 / np.square(d)[:, None] - rings), axis=1) < ICE_HALF_WIDTH)


def share_by_chance(dataset: Dataset, d: NDArray[np.float64]) -> float:
    """Share of ice-ring spots expected of spots spread evenly in 1/d^2 over their own range."""
    s = 1 / np.square(d)
    low, high = (
        float(np.min(s)),
        min(float(np.max(s)), 1 / dataset.detector.best_resolution(dataset.beam) ** 2),
    )
    rings = [1 / ring**2 for ring in ICE_D]
    covered = sum(2 * ICE_HALF_WIDTH for ring in rings if low <= ring <= high)
    return min(1.0, covered / max(high - low, 1e-9))


def per_frame(z: NDArray[np.float64], frames: tuple[int, int]) -> tuple[int, ...]:
    """Spots per frame; `z` is the array index of DIALS (frame n covers n-1 to n)."""
    edges = np.arange(frames[0] - 1, frames[1] + 1)
    return tuple(int(n) for n in np.histogram(z, bins=edges)[0])


def elsewhere(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spots that do not share their place on the detector with another: a crystal's spots move on."""
    places = np.floor(pixels[:, :2] / SAME_PLACE_PX).astype(np.int64)
    _, which, count = np.unique(places, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(pixels[count[which.reshape(-1)] == 1])


def judge(dataset: Dataset, pixels: NDArray[np.float64], n_frames: int) -> None:
    """Stop when the spots cannot come from a crystal.

    Raises:
        ScienceError: no_diffraction, ice_only or too_few_spots.
    """
    n = len(pixels)
    if n < SPARSE * n_frames:
        n = len(elsewhere(pixels))
    if n < 3 or (n < MIN_SPOTS and n < SPARSE * n_frames):
        raise failure(Failure.NO_DIFFRACTION, f"{n} spots on {n_frames} frames, no more than noise.")
    d = spacings(dataset, pixels)
    share = float(np.mean(on_ice(d)))
    if share >= ICE_SHARE and share > 2 * share_by_chance(dataset, d):
        raise failure(Failure.ICE_ONLY, f"{share:.0%} of {n} spots lie on ice rings.")
    if n < MIN_SPOTS:
        raise failure(
            Failure.TOO_FEW_SPOTS, f"{n} spots on {n_frames} frames; at least {MIN_SPOTS} are needed."
        )
