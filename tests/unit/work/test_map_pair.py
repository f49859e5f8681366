"""Whether two grids go together."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from beampace.core.dataset import Hint
from beampace.core.scan import Scan
from beampace.eiger.angles import Angles, settle_angles
from beampace.work.look_pool import threads_of
from beampace.work.map_pair import turn_warning
from tests.support.eiger_data import small_dataset


def at(angle: float):
    return replace(small_dataset(), scan=Scan.even(angle, 0.0, 4, 0.01, 0.01), remarks=())


@pytest.mark.parametrize("angle", [90.0, -90.0, 270.0, 450.0, 81.0, 99.5])
def test_a_right_angle_is_right(angle):
    assert turn_warning(at(0.0), at(angle)) == ""
    assert turn_warning(at(angle), at(0.0)) == ""


@pytest.mark.parametrize("angle", [0.0, 30.0, 79.0, 101.0, 180.0, 360.0])
def test_other_angles_are_warned_of(angle):
    assert "right angle" in turn_warning(at(0.0), at(angle))


def test_nothing_is_said_of_angles_that_are_not_known():
    made_up = settle_angles(Angles(), Hint(), 4, screening=False)
    assert turn_warning(at(0.0), replace(at(0.0), remarks=made_up.remarks)) == ""


def test_threads_are_bounded():
    there = len(os.sched_getaffinity(0))
    assert (threads_of(None), threads_of(1), threads_of(100_000)) == (there, 1, 4 * there)
