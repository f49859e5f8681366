"""Slips of the crystal, on lattice points that are turned by a known angle."""

import numpy as np
import pytest

from beampace.core.geometry import rotation
from beampace.engines.dials.motion import find_slip, tilt

FRAMES = 60
AXIS = (0.36, 0.48, 0.8)


def seen(degrees_at, seed: int = 1, n: int = 1500):
    """(q, predicted, z) of spots spread over the frames; the crystal is turned by `degrees_at(z)`."""
    rng = np.random.default_rng(seed)
    predicted = np.round(rng.uniform(-12, 12, (n, 3))) / (40.0, 40.0, 30.0)
    predicted = predicted[np.linalg.norm(predicted, axis=1) > 0.05]
    z = rng.uniform(0, FRAMES, len(predicted))
    turned = [np.array(rotation(AXIS, degrees_at(at))) @ p for at, p in zip(z, predicted, strict=True)]
    return np.array(turned) + rng.normal(0, 5e-4, predicted.shape), predicted, z


def everything(z):
    return np.ones(len(z), dtype=bool)


@pytest.mark.parametrize(("degrees", "frame"), [(2.0, 30), (0.6, 41), (-1.0, 15)])
def test_a_slip_is_found_where_it_happened(degrees, frame):
    q, predicted, z = seen(lambda at: degrees if at >= frame - 1 else 0.0)
    slip = find_slip(q, predicted, everything(z), z, 60.0)
    assert slip is not None
    assert slip.frame == pytest.approx(frame, abs=1)
    assert slip.degrees == pytest.approx(abs(degrees), rel=0.1)
    assert f"by {abs(degrees):.1f} degrees" in str(slip)


@pytest.mark.parametrize("whole", [0.0, 0.5, 2.0])
def test_a_drift_is_not_a_slip(whole):
    q, predicted, z = seen(lambda at: whole * at / FRAMES)
    assert find_slip(q, predicted, everything(z), z, 60.0) is None


def test_a_sway_is_not_a_slip():
    q, predicted, z = seen(lambda at: 0.5 * np.sin(2 * np.pi * at / FRAMES))
    assert find_slip(q, predicted, everything(z), z, 60.0) is None


def test_a_slip_too_large_for_the_lattice_shows_in_what_it_explains():
    q, predicted, z = seen(lambda at: 0.0)
    rng = np.random.default_rng(3)
    explained = np.where(z < 22, rng.random(len(z)) < 0.97, rng.random(len(z)) < 0.2)
    slip = find_slip(q, predicted, explained, z, 60.0)
    assert slip is not None
    assert slip.degrees is None
    assert slip.frame == pytest.approx(23, abs=1)
    assert find_slip(q, predicted, explained, z, 10.0) is None


def test_a_lattice_that_explains_half_throughout_has_not_moved():
    q, predicted, z = seen(lambda at: 0.0)
    explained = np.random.default_rng(3).random(len(z)) < 0.5
    assert find_slip(q, predicted, explained, z, 60.0) is None


def test_a_lattice_that_fits_a_small_wedge_only_is_no_slip():
    """So does one of a wrong spindle sign."""
    q, predicted, z = seen(lambda at: 0.0)
    assert find_slip(q, predicted, z < 8, z, 60.0) is None


def test_few_spots_say_nothing():
    q, predicted, z = seen(lambda at: 2.0 if at >= 30 else 0.0, n=60)
    assert find_slip(q, predicted, everything(z), z, 60.0) is None


def test_the_tilt_is_a_rotation_vector():
    q, predicted, _ = seen(lambda at: 0.4)
    assert np.degrees(tilt(q, predicted)) == pytest.approx(0.4 * np.array(AXIS), abs=0.02)
