"""Rings of resolution on detectors that stand straight, tilted, aside."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from beampace.core.geometry import Beam, Detector, apply, rotation
from beampace.web.frames.rings import nice_rings, ring_of
from beampace.web.frames.twin import DETECTOR


def swung(degrees: float, axis: tuple[float, float, float] = (0.0, 1.0, 0.0)) -> Detector:
    turn = rotation(axis, degrees)
    return replace(
        DETECTOR,
        origin=apply(turn, DETECTOR.origin),
        fast=apply(turn, DETECTOR.fast),
        slow=apply(turn, DETECTOR.slow),
    )


@pytest.mark.parametrize("degrees", [0.0, 7.0, 30.0, -55.0, 100.0])
@pytest.mark.parametrize("axis", [(0.0, 1.0, 0.0), (1.0, 0.3, 0.0)])
def test_every_point_of_a_ring_has_its_resolution(degrees, axis):
    detector, beam = swung(degrees, axis), Beam(1.0)
    rings = nice_rings(detector, beam)
    assert 2 <= len(rings) <= 8
    for ring in rings:
        for line in ring.lines:
            assert len(line) > 1
            for x, y in line:  # rounded to 0.1 px
                assert detector.resolution_at(beam, x, y) == pytest.approx(ring.d, rel=5e-3)
        assert ring.label is not None
        assert detector.resolution_at(beam, *ring.label) == pytest.approx(ring.d, rel=5e-3)
        assert 0 <= ring.label[0] <= detector.image_size[0]
        assert 0 <= ring.label[1] <= detector.image_size[1]


def test_rings_lie_apart_and_come_from_the_outside_in():
    values = [ring.d for ring in nice_rings(DETECTOR, Beam(1.0))]
    assert values == sorted(values, reverse=True)
    assert all(a / b > 1.05 for a, b in pairwise(values))


def test_a_ring_that_misses_the_picture_or_cannot_be_has_no_lines():
    beam = Beam(1.0)
    assert ring_of(DETECTOR, beam, DETECTOR.best_resolution(beam) * 0.9).lines == ()
    assert ring_of(DETECTOR, beam, 0.4).lines == ()
    assert ring_of(swung(60.0), beam, 50.0).lines == ()


def test_a_whole_ring_is_closed():
    (line,) = ring_of(DETECTOR, Beam(1.0), 6.0).lines
    assert line[0] == pytest.approx(line[-1], abs=0.11)
