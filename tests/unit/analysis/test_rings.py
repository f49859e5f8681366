from __future__ import annotations

import numpy as np
import pytest

from beampace.analysis import Analyser, FrameVerdict, Setup
from beampace.analysis.geometry import d_star_sq
from beampace.analysis.radial import HEXAGONAL_ICE, in_ice_ring

SIZE = 1000


def _frame(detector, beam, rings, level, height, seed=1):
    """Smooth background that falls outwards, with rings of the given d."""
    centres = np.arange(SIZE) + 0.5
    squared = d_star_sq(detector, beam, centres[None, :], centres[:, None])
    mean = level * np.exp(-squared * 3)
    for d in rings:
        mean += height * level * np.exp(-0.5 * ((squared - 1 / d**2) / 0.0012) ** 2)
    return np.random.default_rng(seed).poisson(mean).astype(np.uint32)


def test_d_star_sq_agrees_with_the_record(detector, beam):
    made = detector(SIZE, 700)
    x, y = np.array([0.0, 321.5, 999.0]), np.array([650.0, 12.25, 350.0])
    expected = [1 / made.resolution_at(beam, a, b) ** 2 for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(d_star_sq(made, beam, x, y), expected, rtol=1e-9)


@pytest.mark.parametrize("level", [0.2, 2.0, 20.0])
def test_ice_rings_are_seen_and_nothing_else_is(level, detector, beam):
    made = detector(SIZE, SIZE)
    analyser = Analyser(Setup.make(made, beam))
    icy = analyser.analyse(_frame(made, beam, HEXAGONAL_ICE[:4], level, 1.0), 1)
    assert icy.ice
    assert icy.ice_score > 0.3
    assert icy.verdict is FrameVerdict.ICE
    assert not icy.powder
    clean = analyser.analyse(_frame(made, beam, (), level, 0.0), 2)
    assert not clean.ice
    assert clean.ice_score == 0
    assert clean.verdict is FrameVerdict.BLANK


def test_rings_that_are_not_ice_are_powder(detector, beam):
    made = detector(SIZE, SIZE)
    frame = _frame(made, beam, (5.0, 4.3, 3.05, 2.4), 2.0, 1.5)
    analysis = Analyser(Setup.make(made, beam)).analyse(frame, 1)
    assert analysis.powder
    assert not analysis.ice


def test_a_crystal_does_not_make_rings(detector, scene, beam):
    made = scene((SIZE, SIZE), 1.0, 400, 300, seed=9)
    analysis = Analyser(Setup.make(detector(SIZE, SIZE), beam)).analyse(made.frame, 1)
    assert not analysis.ice
    assert not analysis.powder
    assert analysis.verdict is FrameVerdict.GOOD


def test_spots_in_ice_rings_are_not_good(detector, scene, beam):
    made = scene((SIZE, SIZE), 0.5, 300, 200, seed=4)
    analysis = Analyser(Setup.make(detector(SIZE, SIZE), beam)).analyse(made.frame, 1)
    spots = analysis.spots
    np.testing.assert_array_equal(spots.in_ice, in_ice_ring(spots.d_star_sq.astype(np.float64)))
    assert spots.in_ice.any()
    assert not spots.good[spots.in_ice].any()
    assert analysis.n_spots_good == int(spots.good.sum()) < analysis.n_spots


def test_the_profile_is_the_background(detector, beam):
    made = detector(SIZE, SIZE)
    analysis = Analyser(Setup.make(made, beam)).analyse(_frame(made, beam, (), 5.0, 0.0), 1)
    middles = (np.arange(analysis.profile.size) + 0.5) * 0.002
    inside = slice(5, 100)
    np.testing.assert_allclose(analysis.profile[inside], 5 * np.exp(-3 * middles[inside]), rtol=0.08)
