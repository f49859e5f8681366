from __future__ import annotations

import numpy as np
import pytest

from beampace.analysis import Analyser, Setup, find_hot_pixels, hot_sample

SHAPE = (400, 420)
HOT = [(30, 40), (200, 211), (390, 5)]


def _frames(scene, n_frames, same_spots, seed=0):
    """Frames with three hot pixels, one pixel that is always beyond counting, and spots."""
    rng = np.random.default_rng(seed)
    fixed = scene(SHAPE, 0.0, 25, 200, seed=1).frame
    for number in range(1, n_frames + 1):
        frame = rng.poisson(0.2, SHAPE).astype(np.uint32)
        frame += fixed if same_spots else scene(SHAPE, 0.0, 25, 200, seed=1000 + number).frame
        for y, x in HOT:
            frame[y, x] += rng.poisson(30) * (rng.random() < 0.8)
        frame[100, 100] = 2**32 - 1
        yield number, frame


@pytest.mark.parametrize(("width", "same_spots"), [(0.5, False), (0.0, True), (0.0, False)])
def test_pixels_that_fire_by_themselves_are_found_and_reflections_kept(
    width, same_spots, detector, scene, beam
):
    setup = Setup.make(detector(420, 400), beam)
    frames = dict(_frames(scene, 20, same_spots))
    cleaned = find_hot_pixels(setup, frames.items(), width)
    assert sorted(map(tuple, cleaned.hot.tolist())) == sorted([*HOT, (100, 100)])
    assert cleaned.n_valid == setup.n_valid - 4
    assert setup.valid.all()
    analysis = Analyser(cleaned).analyse(frames[7], 7)
    assert analysis.n_spots == 25
    assert analysis.saturated_pixels == 0


def test_the_list_does_not_depend_on_order(detector, scene, beam):
    setup = Setup.make(detector(420, 400), beam)
    frames = list(_frames(scene, 12, same_spots=True))
    one = find_hot_pixels(setup, frames, 0.1)
    two = find_hot_pixels(setup, frames[::-1], 0.1)
    np.testing.assert_array_equal(one.hot, two.hot)


def test_few_frames_prove_nothing(detector, scene, beam):
    setup = Setup.make(detector(420, 400), beam)
    assert len(find_hot_pixels(setup, _frames(scene, 4, same_spots=False), 0.5).hot) == 0


def test_the_sample_is_complete_early_and_spread():
    assert hot_sample(3) == (1, 2, 3)
    assert hot_sample(19) == tuple(range(1, 20))
    assert hot_sample(3600) == tuple(range(1, 97, 5))
    assert hot_sample(0) == ()
