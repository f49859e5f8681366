"""Rotations and the detector plane against closed forms."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from beampace.core.geometry import (
    IDENTITY,
    Beam,
    Detector,
    apply,
    cross,
    dot,
    multiply,
    norm,
    rotation,
    transpose,
    unit,
)

component = st.floats(-1, 1)
directions = st.tuples(component, component, component).filter(lambda v: norm(v) > 0.1).map(unit)
angles = st.floats(-360, 360)


def flat(matrix):
    return [value for row in matrix for value in row]


@given(directions, angles)
def test_a_rotation_keeps_its_axis_and_its_transpose_undoes_it(axis, angle):
    turn = rotation(axis, angle)
    assert apply(turn, axis) == pytest.approx(axis, abs=1e-12)
    assert flat(multiply(turn, transpose(turn))) == pytest.approx(flat(IDENTITY), abs=1e-12)


@given(directions, angles, angles)
def test_rotations_about_one_axis_add_up(axis, one, two):
    both = multiply(rotation(axis, one), rotation(axis, two))
    assert flat(both) == pytest.approx(flat(rotation(axis, one + two)), abs=1e-9)


@given(directions, directions, angles)
def test_a_rotation_keeps_angles_and_handedness(u, v, angle):
    turn = rotation((0.3, -0.4, 0.5), angle)
    a, b = apply(turn, u), apply(turn, v)
    assert dot(a, b) == pytest.approx(dot(u, v), abs=1e-12)
    assert cross(a, b) == pytest.approx(apply(turn, cross(u, v)), abs=1e-12)


@given(st.floats(0, 2000), st.floats(0, 2000), st.floats(-40, 40), st.floats(60, 1000))
def test_the_pixel_of_a_pixels_direction_is_the_pixel(x, y, two_theta, distance):
    turn = rotation((1.0, 0.0, 0.0), two_theta)
    detector = Detector(
        "", "", (2068, 2162), (0.075, 0.075), apply(turn, (-70.0, 80.0, -distance)),
        apply(turn, (1.0, 0.0, 0.0)), apply(turn, (0.0, -1.0, 0.0)), 0.45, "Si", 1000, 32,
    )  # fmt: skip
    assert detector.pixel(detector.lab(x, y)) == pytest.approx((x, y), abs=1e-6)
    assert detector.distance == pytest.approx(distance)


@given(st.floats(0.5, 3), st.floats(5, 80))
def test_resolution_follows_braggs_law(wavelength, two_theta):
    radius = 100 * math.tan(math.radians(two_theta))
    assume(radius < 500)
    detector = Detector(
        "", "", (100, 100), (0.1, 0.1), (0.0, 0.0, -100.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0),
        0.45, "Si", 1000, 32,
    )  # fmt: skip
    expected = wavelength / (2 * math.sin(math.radians(two_theta / 2)))
    assert detector.resolution_at(Beam(wavelength), radius / 0.1, 0) == pytest.approx(expected)
