"""Angles: nothing is rounded, sweeps cover every frame once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.scan import Scan

widths = st.sampled_from([0.1, 0.125, 0.025, 0.0333333, 0.5, -0.1, -0.25, 1.0])
starts = st.floats(-720, 1200).map(lambda value: round(value, 4))


@given(starts, widths, st.integers(1, 500))
def test_an_even_scan_is_one_sweep_and_keeps_its_width(start, width, n_frames):
    scan = Scan.even(start, width, n_frames, 0.01, 0.01)
    assert scan.sweeps() == ((1, n_frames),)
    assert scan.is_continuous
    assert scan.total == pytest.approx(abs(width) * n_frames)
    assert scan.starts[-1] == pytest.approx(start + (n_frames - 1) * width, abs=1e-9)


@given(starts, widths, st.lists(st.booleans(), min_size=1, max_size=60))
def test_sweeps_cover_every_frame_once_and_break_at_gaps(start, width, jumps):
    angles, angle = [start], start
    for jump in jumps:
        angle += width + (30.0 if jump else 0.0)
        angles.append(angle)
    runs = Scan(tuple(angles), width, 0.01, 0.01).sweeps()
    assert [n for first, last in runs for n in range(first, last + 1)] == list(range(1, len(angles) + 1))
    assert len(runs) == 1 + sum(jumps)


@given(starts, widths, st.integers(2, 100), st.data())
def test_a_part_has_the_angles_of_its_frames(start, width, n_frames, data):
    scan = Scan.even(start, width, n_frames, 0.01, 0.01)
    first = data.draw(st.integers(1, n_frames))
    last = data.draw(st.integers(first, n_frames))
    assert scan.part(first, last).starts == scan.starts[first - 1 : last]


@pytest.mark.parametrize("bad", [(0, 3), (3, 2), (1, 11)])
def test_a_part_outside_the_scan_is_refused(bad):
    with pytest.raises(ValueError, match="not within"):
        Scan.even(0, 0.1, 10, 0.01, 0.01).part(*bad)
