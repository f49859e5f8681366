"""Pictures of frames: what must be seen in them is seen."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from beampace.web.frames import drawing


def frame(mean: float, shape: tuple[int, int] = (600, 700), seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, shape).astype(np.uint32)


def drawn(counts: np.ndarray, factor: int = 1, usable: np.ndarray | None = None) -> np.ndarray:
    values = drawing.coded(counts, np.ones(counts.shape, np.bool_) if usable is None else usable)
    small = drawing.reduced(values, factor)
    return drawing.toned(small, drawing.contrast_of(small))


@pytest.mark.parametrize("factor", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("place", [(0, 0), (599, 699), (301, 350)])
def test_a_single_bright_pixel_survives_every_reduction(factor, place):
    counts = frame(0.2)
    counts[place] = 200
    tones = drawn(counts, factor)
    assert tones.shape == (-(-600 // factor), -(-700 // factor))
    assert tones[place[0] // factor, place[1] // factor] == 254


def test_masked_pixels_have_their_own_tone_and_a_block_with_one_usable_pixel_is_not_masked():
    counts, usable = frame(3.0), np.ones((600, 700), np.bool_)
    counts[100:110], usable[100:110] = 2**32 - 1, False
    assert (drawn(counts, 1, usable)[100:110] == drawing.MASKED).all()
    assert (drawn(counts, 1, usable) == drawing.MASKED).sum() == 7000
    reduced = drawn(counts, 4, usable)
    assert (reduced[25:27] == drawing.MASKED).all()
    assert (reduced[27] != drawing.MASKED).all()


def test_the_largest_counts_are_not_taken_for_masked():
    counts = np.full((8, 8), 2**26, np.uint32)
    counts[0, 0] = 0
    values = drawing.coded(counts, np.ones((8, 8), np.bool_))
    assert values[0, 0] == 1
    assert (values.ravel()[1:] == drawing.HIGHEST + 1).all()


@pytest.mark.parametrize("mean", [0.01, 0.3, 3.0, 40.0, 2000.0])
@pytest.mark.parametrize("factor", [1, 5])
def test_on_any_exposure_the_background_is_light_and_a_spot_of_twenty_sigma_dark(mean, factor):
    counts = frame(mean)
    counts[200:203, 300:303] += np.uint32(20 * max(1.0, mean**0.5))
    tones = drawn(counts, factor).astype(float)
    assert np.median(tones) < 90
    assert np.mean(tones) < 100
    assert tones[200 // factor, 300 // factor] > 220


def test_gain_and_limits_of_the_user():
    usual = drawing.contrast_of(drawing.coded(frame(10.0), np.ones((600, 700), np.bool_)))
    steep = usual.stretched(4.0)
    assert steep.low == usual.low
    assert steep.high - steep.low == pytest.approx((usual.high - usual.low) / 4)
    values = drawing.coded(np.array([[5, 10, 20]], np.uint16), np.ones((1, 3), np.bool_))
    assert drawing.toned(values, drawing.Contrast(10, 20)).tolist() == [[0, 0, 254]]


@pytest.mark.parametrize(("shape", "levels"), [((512, 512), 1), ((513, 40), 2), ((4362, 4148), 5)])
def test_the_last_level_is_one_tile(shape, levels):
    assert drawing.levels(shape) == levels
    assert max(shape) / 2 ** (levels - 1) <= drawing.TILE


def test_tiles_put_together_are_the_level():
    values = drawing.coded(frame(2.0, (700, 1300)), np.ones((700, 1300), np.bool_))
    rows = [np.hstack([drawing.tile_of(values, row, column) for column in range(3)]) for row in range(2)]
    assert (np.vstack(rows) == values).all()
    assert not drawing.tile_of(values, 2, 0).size


def test_files_hold_the_tones():
    tones = np.arange(256, dtype=np.uint8).reshape(16, 16)
    read = np.asarray(Image.open(io.BytesIO(drawing.png(tones))).convert("RGB"))
    assert tuple(read[15, 15]) == drawing.MASK_COLOUR
    assert tuple(read[0, 0]) == (255, 255, 255)
    assert tuple(read[15, 14]) == (1, 1, 1)
    for kind in ("JPEG", "WEBP"):
        wide = np.repeat(np.repeat(tones, 8, 0), 8, 1)
        picture = Image.open(io.BytesIO(drawing.photograph(wide, kind)))
        assert picture.format == kind
        assert np.abs(np.asarray(picture.convert("RGB"))[4, 4].astype(int) - 255).max() < 12


def test_a_frame_without_a_usable_pixel_is_all_mask():
    tones = drawn(frame(1.0), 2, np.zeros((600, 700), np.bool_))
    assert (tones == drawing.MASKED).all()
