"""Where pixels lie in reciprocal space: 1/d**2 of points and of a sampled detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.core.geometry import Beam, Detector, unit

BIN_WIDTH = 0.002
"""Width of a bin of the radial profile in 1/d**2, 1/A**2: half the width DIALS gives an ice ring."""
MOST_BINS = 4096


@dataclass(frozen=True, slots=True)
class RadialBins:
    """The bin of every sampled pixel.

    Attributes:
        step: every `step`-th row and column is sampled, beginning with the first.
        index: bin of each sampled pixel, -1 where it may not be used, shape (rows, columns), int16.
        n_bins: number of bins; bin i holds 1/d**2 from i to i + 1 times `BIN_WIDTH`.
    """

    step: int
    index: npt.NDArray[np.int16]
    n_bins: int


def d_star_sq(
    detector: Detector, beam: Beam, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """1/d**2 (1/A**2) of pixel coordinates: (2 sin(theta) / wavelength)**2."""
    fast = np.asarray(detector.fast) * detector.pixel_size[0]
    slow = np.asarray(detector.slow) * detector.pixel_size[1]
    direction = unit(beam.direction)
    along = np.zeros(np.broadcast_shapes(x.shape, y.shape))
    length_sq = np.zeros_like(along)
    for axis in range(3):
        lab = detector.origin[axis] + x * fast[axis] + y * slow[axis]
        along += lab * direction[axis]
        length_sq += lab * lab
    return np.asarray(2 * (1 - along / np.sqrt(length_sq)) / beam.wavelength**2, dtype=np.float64)


def radial_bins(detector: Detector, beam: Beam, usable: npt.NDArray[np.bool_], step: int) -> RadialBins:
    """Bins of every `step`-th row and column of the detector."""
    ny, nx = usable.shape
    rows, columns = np.arange(0, ny, step), np.arange(0, nx, step)
    squared = d_star_sq(detector, beam, columns[None, :] + 0.5, rows[:, None] + 0.5)
    index = np.minimum(squared / BIN_WIDTH, MOST_BINS - 1).astype(np.int16)
    n_bins = int(index.max()) + 1
    index[~usable[::step, ::step]] = -1
    return RadialBins(step, index, n_bins)
