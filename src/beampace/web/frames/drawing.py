"""From counts to pictures: contrast from the frame's own background, reduction that keeps spots, tiles.

Counts are coded once, as uint16: 0 is a masked pixel, any other value the count plus one. Pictures are light,
with dark spots, as crystallographers are used to; masked pixels have a tone of their own.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Coded = npt.NDArray[np.uint16]
Tones = npt.NDArray[np.uint8]

TILE = 512
"""Side of a tile, pixels."""
MASKED = 255
"""Tone of masked pixels; 0 is white, 254 black."""
MASK_COLOUR = (186, 200, 219)
HIGHEST = 65_533
"""Largest count that is told apart in a picture."""
STEEPNESS = 14.0
"""A count this many times the spread of the background above it is black."""
_SAMPLES = 250_000


@dataclass(frozen=True, slots=True)
class Contrast:
    """What is white and what is black, in counts."""

    low: float
    high: float

    def stretched(self, gain: float) -> Contrast:
        """`gain` times as steep."""
        return Contrast(self.low, self.low + max(1.0, (self.high - self.low) / gain))


def coded(counts: npt.NDArray[np.unsignedinteger], usable: npt.NDArray[np.bool_]) -> Coded:
    """Counts and mask as one array, shape (slow, fast)."""
    values: Coded = np.minimum(counts, HIGHEST).astype(np.uint16)
    values += 1
    values[~usable] = 0
    return values


def reduced(values: Coded, factor: int) -> Coded:
    """The largest count of each block of `factor` x `factor` pixels; masked only where the whole block is."""
    if factor == 1:
        return values
    rows, columns = (math.ceil(side / factor) for side in values.shape)
    result = np.zeros((rows, values.shape[1]), np.uint16)
    for start in range(factor):
        part = values[start::factor]
        np.maximum(result[: len(part)], part, out=result[: len(part)])
    across = np.zeros((rows, columns), np.uint16)
    for start in range(factor):
        part = result[:, start::factor]
        np.maximum(across[:, : part.shape[1]], part, out=across[:, : part.shape[1]])
    return across


def contrast_of(values: Coded) -> Contrast:
    """Limits that make spots stand out: white at the background, black at many times its spread above.

    The background is the median of a sample and its spread the distance to the upper 84 %, which few spots
    change; of maxima of blocks both are larger than of pixels, and so are the limits.
    """
    step = max(1, math.isqrt(values.size // _SAMPLES))
    sample = values[::step, ::step]
    sample = sample[sample > 0]
    if not sample.size:
        return Contrast(0.0, STEEPNESS)
    middle, upper = (float(value) - 1 for value in np.percentile(sample, (50, 84)))
    spread = max(upper - middle, math.sqrt(max(float(sample.mean()) - 1, 0.0)) * 0.5, 0.5)
    return Contrast(middle, middle + STEEPNESS * spread)


def toned(values: Coded, contrast: Contrast) -> Tones:
    """Tones on a square-root scale between the limits."""
    counts = np.arange(-1, 65_535, dtype=np.float64)
    share = (counts - contrast.low) / max(contrast.high - contrast.low, 1e-6)
    table = np.round(254 * np.sqrt(np.clip(share, 0, 1))).astype(np.uint8)
    table[0] = MASKED
    return np.asarray(table[values])


def levels(shape: tuple[int, int]) -> int:
    """Levels of the pyramid: the last one is a single tile."""
    return 1 + max(0, math.ceil(math.log2(max(shape) / TILE)))


def tile_of(values: Coded, row: int, column: int) -> Coded:
    """A tile of a level; those at the right and lower edge are smaller."""
    return values[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]


def png(tones: Tones) -> bytes:
    """A PNG file with a palette: nothing is lost."""
    picture = Image.fromarray(tones)
    picture.putpalette(_palette().tobytes())
    target = io.BytesIO()
    picture.save(target, "PNG", compress_level=1)
    return target.getvalue()


def photograph(tones: Tones, kind: str) -> bytes:
    """A JPEG or WEBP file."""
    picture = Image.fromarray(_palette()[tones])
    target = io.BytesIO()
    if kind == "WEBP":
        picture.save(target, kind, quality=82, method=1)
    else:
        picture.save(target, kind, quality=88, subsampling=0)
    return target.getvalue()


def _palette() -> npt.NDArray[np.uint8]:
    palette = np.repeat((254 - np.arange(256, dtype=np.int16)).clip(0)[:, None] + 1, 3, axis=1).astype(
        np.uint8
    )
    palette[MASKED] = MASK_COLOUR
    return palette
