"""Charts of a terminal, and the options of map."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from rich.console import Console

from beampace.cli.look_chart import bars, binned, show_chart
from beampace.cli.map import parse_size, parse_step
from beampace.core.errors import InputError


def test_bars_rise_with_the_values():
    lines = bars([0.0, 5.0, 10.0, None], [False] * 4, 2)
    assert lines == ["  █ ", " ██·"]


def test_failed_frames_are_marked_and_never_zero():
    assert bars([4.0, None], [False, True], 1) == ["█x"]


def test_bins_cover_all_values_once():
    parts = binned(1003, 90)
    assert len(parts) == 90 and parts[0][0] == 0 and parts[-1][1] == 1003
    assert all(a[1] == b[0] for a, b in pairwise(parts))


@pytest.mark.parametrize("n", [0, 1, 2, 500])
def test_any_length_can_be_shown(n):
    stream = io.StringIO()
    columns = {
        "frame": tuple(range(1, n + 1)),
        "verdict": ("good",) * n,
        "spots": tuple(range(n)),
        "d_min": (2.0,) * n,
    }
    show_chart(columns, Console(file=stream, width=80))
    assert all(len(line) <= 80 for line in stream.getvalue().splitlines())
    assert bool(stream.getvalue()) == (n > 1)


def test_options_of_a_grid():
    assert parse_size("20x15") == (20, 15) and parse_size(None) is None
    assert parse_step("20,10.5") == (20.0, 10.5) and parse_step("20") == (20.0, 20.0)


@pytest.mark.parametrize("text", ["20", "0x5", "-3x4", "axb", "3x4x5", "9999999x9999999"])
def test_an_impossible_size_is_refused(text):
    with pytest.raises(InputError):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "a,b", "0,5", "1,2,3", "nan,3", "-1"])
def test_an_impossible_step_is_refused(text):
    with pytest.raises(InputError):
        parse_step(text)
