from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.dataset import Hint
from beampace.eiger.info import parse_info, read_info

REGULAR = """run type:            regular
run name:            lyso_1_master.h5
start angle:         -12.50deg
frames:              3600
degrees/frame:       0.10deg
exposure time:       10.000ms
wavelength:          1.033A

frames: 1
"""


def test_units_glued_to_numbers_are_taken_off_and_the_flux_note_is_not_read():
    hint = parse_info(REGULAR)
    assert (hint.run_type, hint.frames, hint.start, hint.width) == ("regular", 3600, -12.5, 0.1)
    assert hint.wavelength == 1.033
    assert dict(hint.values)["run name"] == "lyso_1_master.h5"


def test_a_grid_has_columns_and_rows():
    hint = parse_info("run type: grid\ngrid: 19x4\nangle: 90.00deg\nframes: 76\n")
    assert (hint.run_type, hint.grid, hint.start, hint.width) == ("grid", (19, 4), 90.0, None)


@pytest.mark.parametrize(
    ("said", "meant"), [("rotational", "regular"), ("grid step", "grid"), ("ISMO", "ismo")]
)
def test_dialects(said, meant):
    assert parse_info(f"run type:{said}\n").run_type == meant


def test_a_key_that_fills_its_column_has_no_blank_after_the_colon():
    assert dict(parse_info("integration interval:1.5s\n").values) == {"integration interval": "1.5s"}


@pytest.mark.parametrize("text", ["", "frames: many\ngrid: x\nwavelength: -\n", "no colon at all\n"])
def test_what_is_not_understood_is_none(text):
    hint = parse_info(text)
    assert (hint.frames, hint.grid, hint.wavelength, hint.start) == (None, None, None, None)


@given(st.text())
def test_no_text_breaks_it(text):
    assert isinstance(parse_info(text), Hint)


@pytest.mark.parametrize("planted", ["link", "pipe", "directory"])
def test_what_somebody_planted_is_not_read(tmp_path, planted):
    (tmp_path / "secret").write_text(REGULAR)
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "info.txt"
    if planted == "link":
        path.symlink_to(tmp_path / "secret")
    elif planted == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    assert read_info(path.parent) == Hint()


def test_no_file_is_no_hint(tmp_path):
    assert read_info(tmp_path) == Hint()
