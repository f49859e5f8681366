from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.dataset import Hint
from beampace.eiger.angles import Angles, settle_angles
from beampace.eiger.values import tidy

WIDTHS = [0.1, 0.125, 0.025, 0.0333333, 0.01, 0.2, 0.5, 1.0, -0.1, -0.125]


def stored(values):
    """What a float32 dataset gives back."""
    return tuple(tidy(value) for value in np.asarray(values, np.float32))


@pytest.mark.parametrize("value", [*WIDTHS, 0.17, 1191.4, 89.9997])
def test_float32_noise_goes_and_the_value_stays(value):
    assert tidy(np.float32(value)) == value
    assert tidy(np.float64(value)) == value


@given(st.sampled_from(WIDTHS), st.integers(-720, 720), st.integers(1, 400))
def test_width_and_starts_survive_float32_lists(width, start, n_frames):
    exact = start + width * np.arange(n_frames)
    angles = Angles(stored(exact), stored(exact + width), average=stored([width])[0])
    settled = settle_angles(angles, Hint(), n_frames, screening=False)
    assert settled.width == width
    assert settled.starts == pytest.approx(tuple(exact), abs=1e-4)


@given(st.sampled_from(WIDTHS), st.integers(-360, 360), st.integers(10, 400))
def test_lists_alone_are_enough(width, start, n_frames):
    exact = start + width * np.arange(n_frames)
    settled = settle_angles(Angles(stored(exact), stored(exact + width)), Hint(), n_frames, screening=False)
    assert settled.width == pytest.approx(width, rel=5e-3)
    assert settled.starts == pytest.approx(tuple(exact), abs=1e-3)


@pytest.mark.parametrize(
    "angles",
    [
        Angles(start=5.0, average=0.125),
        Angles(start=5.0, increment=0.125),
        Angles(values=(5.0,), average=0.125),
        Angles(values=tuple(5.0 + 0.125 * i for i in range(8))),
    ],
)
def test_start_and_width_are_found_wherever_they_are(angles):
    settled = settle_angles(angles, Hint(width=0.13, start=5.01), 8, screening=False)
    assert settled.width == 0.125
    assert settled.starts[0] == 5.0
    assert settled.starts[-1] == 5.875


def test_the_hint_is_the_last_resort_and_said():
    settled = settle_angles(Angles(), Hint(width=0.1, start=3.0), 3, screening=False)
    assert settled.starts == pytest.approx((3.0, 3.1, 3.2))
    assert any("info.txt" in remark for remark in settled.remarks)


def test_test_shots_are_as_wide_as_they_were_exposed_not_as_far_apart():
    angles = Angles((0.0, 90.0), (0.1, 90.1), average=0.1, increment=90.0)
    settled = settle_angles(angles, Hint(), 2, screening=True)
    assert (settled.starts, settled.width) == ((0.0, 90.0), 0.1)


def test_the_step_of_an_unpatched_screening_master_is_not_the_width():
    angles = Angles((0.0, 90.0), (90.0, 180.0), average=90.0, increment=90.0)
    settled = settle_angles(angles, Hint(run_type="screening", width=0.1), 2, screening=True)
    assert (settled.starts, settled.width) == ((0.0, 90.0), 0.1)
    assert settled.remarks


def test_angles_that_jump_by_a_turn_are_unwrapped():
    settled = settle_angles(Angles((359.8, 359.9, 0.0, 0.1), average=0.1), Hint(), 4, screening=False)
    assert settled.starts == pytest.approx((359.8, 359.9, 360.0, 360.1))


def test_a_grid_stands_still():
    settled = settle_angles(Angles((90.0,) * 5, (90.0,) * 5, average=0.0), Hint(), 5, screening=False)
    assert (settled.starts, settled.width) == ((90.0,) * 5, 0.0)
