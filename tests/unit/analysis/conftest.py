"""Detectors and synthetic frames with known spots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from beampace.core.geometry import Beam, Detector

BEAM = Beam(1.0)


def make_detector(nx: int, ny: int, saturation: int = 50_000, bit_depth: int = 32) -> Detector:
    """A detector 70 mm away with the beam in its middle."""
    pixel = 0.075
    return Detector(
        serial="test",
        description="synthetic",
        image_size=(nx, ny),
        pixel_size=(pixel, pixel),
        origin=(-nx * pixel / 2, ny * pixel / 2, -70.0),
        fast=(1.0, 0.0, 0.0),
        slow=(0.0, -1.0, 0.0),
        sensor_thickness=0.45,
        sensor_material="Si",
        saturation=saturation,
        bit_depth=bit_depth,
    )


@dataclass(frozen=True)
class Scene:
    """A frame and what was put into it: `places` (x, y) in px from the corner, `photons` as drawn."""

    frame: npt.NDArray[np.uint32]
    places: npt.NDArray[np.float64]
    photons: npt.NDArray[np.int64]


def make_scene(
    shape: tuple[int, int], background: float, n_spots: int, photons: float, seed: int, sigma: float = 0.9
) -> Scene:
    """Poisson background and gaussian spots, photon by photon, on a jittered lattice so that none overlap."""
    rng = np.random.default_rng(seed)
    frame = rng.poisson(background, shape).astype(np.uint32)
    ny, nx = shape
    side = max(1, int(np.ceil(np.sqrt(n_spots))))
    cells = rng.permutation(side * side)[:n_spots]
    pitch_x, pitch_y = (nx - 40) / side, (ny - 40) / side
    x = 20 + (cells % side + 0.5) * pitch_x + rng.uniform(-0.2, 0.2, n_spots) * pitch_x
    y = 20 + (cells // side + 0.5) * pitch_y + rng.uniform(-0.2, 0.2, n_spots) * pitch_y
    drawn = rng.poisson(photons, n_spots)
    for spot in range(n_spots):
        px = np.floor(rng.normal(x[spot], sigma, drawn[spot])).astype(int)
        py = np.floor(rng.normal(y[spot], sigma, drawn[spot])).astype(int)
        np.add.at(frame, (py, px), 1)
    return Scene(frame, np.stack([x, y], axis=1), drawn)


@pytest.fixture
def detector() -> Callable[..., Detector]:
    """Makes detectors."""
    return make_detector


@pytest.fixture
def scene() -> Callable[..., Scene]:
    """Makes frames."""
    return make_scene


@pytest.fixture
def beam() -> Beam:
    """1 A along -z."""
    return BEAM
