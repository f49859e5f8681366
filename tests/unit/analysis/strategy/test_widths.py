"""Widths and distances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beampace.analysis.strategy import widths
from beampace.core.geometry import Goniometer, rotation
from tests.unit.analysis.strategy.bench import BEAM, a_matrix, detector, group


@pytest.mark.parametrize(
    ("mosaicity", "width"), [(0.01, 0.1), (0.1, 0.1), (0.2, 0.1), (0.4, 0.2), (5.0, 0.5)]
)
def test_half_the_mosaicity_within_bounds(mosaicity, width):
    assert widths.fine_width(mosaicity) == width


def test_the_overlap_limit_is_dauters():
    assert widths.overlap_width(2.0, 100.0, 0.1) == pytest.approx(np.degrees(0.02) - 0.3)
    assert widths.overlap_width(2.0, 500.0, 0.2) < 0


def test_a_long_axis_makes_the_width_smaller_and_what_overlaps_is_said():
    assert widths.oscillation_width(0.4, 1.0) == (0.2, "")
    assert widths.oscillation_width(0.4, 0.19) == (0.15, "")
    width, words = widths.oscillation_width(0.1, 0.03)
    assert width == 0.05
    assert "0.030 degrees would be needed" in words
    assert "at any width" in widths.oscillation_width(1.0, -0.2)[1]


@pytest.mark.parametrize(
    ("name", "cell", "lengths"),
    [
        ("P212121", (60, 40, 90, 90, 90, 90), (40, 60, 90)),
        ("I23", (100, 100, 100, 90, 90, 90), (np.sqrt(0.75) * 100,) * 3),
        ("C2", (120, 40, 60, 90, 90, 90), (40, 60, np.hypot(60, 20))),
        ("F222", (100, 100, 100, 90, 90, 90), (np.sqrt(0.5) * 100,) * 3),
    ],
)
def test_primitive_axes_are_the_shortest_translations(name, cell, lengths):
    axes = widths.primitive_axes(a_matrix(cell), group(name))
    assert np.linalg.norm(axes, axis=1) == pytest.approx(np.array(lengths))
    volume = abs(np.linalg.det(axes)) * len(group(name).operations().cen_ops)
    assert volume == pytest.approx(1 / abs(np.linalg.det(a_matrix(cell))))


def test_only_an_axis_that_comes_near_the_beam_counts():
    # The long axis along the spindle (X) never does; across it does once in half a turn.
    along_spindle = np.diag([1 / 300.0, 1 / 50.0, 1 / 60.0])
    axes = widths.primitive_axes(along_spindle, group("P1"))
    assert widths.length_along_beam(axes, Goniometer(), BEAM, 0.0, 180.0) == pytest.approx(60.0)
    across = np.diag([1 / 50.0, 1 / 300.0, 1 / 60.0])
    axes = widths.primitive_axes(across, group("P1"))
    assert widths.length_along_beam(axes, Goniometer(), BEAM, 0.0, 180.0) == pytest.approx(300.0)
    few = widths.length_along_beam(axes, Goniometer(), BEAM, 0.0, 10.0)
    assert few == pytest.approx(max(60.0, 300 * np.sin(np.radians(10.0))))


def test_the_goniometer_turns_the_axes_as_the_crystal():
    axes = widths.primitive_axes(a_matrix((50, 80, 200, 90, 90, 90)), group("P1"))
    gonio = Goniometer(axis=(0.6, 0.8, 0.0), setting=rotation((0, 0, 1), 30.0), fixed=rotation((1, 1, 0), 70))
    turn = np.array(gonio.setting) @ np.array(rotation(gonio.axis, 33.0)) @ np.array(gonio.fixed)
    expected = np.abs((turn @ axes.T)[2]).max()
    assert widths.length_along_beam(axes, gonio, BEAM, 33.0, 0.0) == pytest.approx(expected)


def test_distances_and_resolutions_belong_together():
    panel = detector(200.0)
    assert widths.beam_to_edge(panel, BEAM) == pytest.approx(150.0)
    distance = widths.distance_for(panel, BEAM, 1.8)
    assert distance == pytest.approx(150 / np.tan(2 * np.arcsin(1 / 3.6)))
    there = widths.moved(panel, BEAM, distance)
    assert there.distance == pytest.approx(distance)
    assert there.pixel(BEAM.direction) == pytest.approx(panel.pixel(BEAM.direction))
    assert there.resolution_at(BEAM, 1000.0, 0.0) == pytest.approx(1.8)
    assert widths.resolution_for(panel, BEAM, distance) == pytest.approx(1.8)


def test_the_nearest_edge_counts_and_a_missed_detector_is_refused():
    off = replace(detector(), origin=(-100.0, 150.0, -200.0))
    assert widths.beam_to_edge(off, BEAM) == pytest.approx(100.0)
    missed = replace(detector(), origin=(10.0, 150.0, -200.0))
    assert widths.beam_to_edge(missed, BEAM) == 0
    with pytest.raises(ValueError, match="no distance"):
        widths.distance_for(missed, BEAM, 2.0)
    with pytest.raises(ValueError, match="no distance"):
        widths.distance_for(detector(), BEAM, 0.6)


def test_spots_keep_apart():
    panel = detector(200.0)
    assert widths.spot_separation(panel, BEAM, 400.0) == pytest.approx(200 / 400 / 0.15)
    distance = widths.separation_distance(panel, BEAM, 400.0, 4.0)
    assert widths.spot_separation(panel, BEAM, 400.0, distance) == pytest.approx(12.0)
    assert widths.crowding(panel, BEAM, 100.0, 4.0) == ""
    assert "overlap on the detector" in widths.crowding(panel, BEAM, 400.0, 4.0)


def test_a_beam_beside_the_detector_sees_nothing():
    aside = replace(detector(), origin=(500.0, 150.0, -200.0))
    with pytest.raises(ValueError, match="misses"):
        widths.resolution_for(aside, BEAM, 200.0)
