"""Values in a master that nobody can use: named, never a crash."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure
from beampace.eiger import open_container, survey
from beampace.eiger.info import parse_info
from beampace.eiger.moment import parse_time
from beampace.simulate.files import write_dataset
from beampace.simulate.options import FileLayout, WriteOptions
from tests.support.eiger_data import small_dataset, small_frames, small_mask

OMEGA = "entry/sample/transformations/omega"


@pytest.fixture
def master(tmp_path):
    options = WriteOptions(layout=FileLayout.FW18, images_per_file=2)
    return write_dataset(small_dataset(4), small_mask(), small_frames(4), tmp_path, options)


def refusal(master):
    with pytest.raises(InputError) as caught:
        open_container(master)
    assert caught.value.code is Failure.METADATA_INCONSISTENT
    assert str(master) in caught.value.detail
    return caught.value.detail


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("suffix", "word"), [("", "begins"), ("_end", "ends")])
def test_an_angle_that_is_not_finite(master, value, suffix, word):
    with h5py.File(master, "r+") as handle:
        handle[OMEGA + suffix][2] = value
    assert f"frame 3 {word} at the angle {value}" in refusal(master)


@pytest.mark.parametrize("value", ["along x", np.bytes_("1 0 0"), np.array([b"a", b"b", b"c"])])
def test_a_vector_in_words(master, value):
    with h5py.File(master, "r+") as handle:
        handle[OMEGA].attrs["vector"] = value
    assert "transformations/omega has the vector" in refusal(master)


@pytest.mark.parametrize(
    ("value", "transmission", "remarked"),
    [(0.3, 0.3, 0), (np.float32(0.3), 0.3, 0), (12.5, 0.125, 1), (-1.0, None, 0), (0.0, None, 0),
     (101.0, None, 0), (np.nan, None, 0), ("much", None, 0), (np.array([0.3, 0.3]), 0.3, 0)],
)  # fmt: skip
def test_transmissions_that_are_and_are_not_one(master, value, transmission, remarked):
    """P11 writes -1 when the filters do not answer."""
    with h5py.File(master, "r+") as handle:
        handle["entry/instrument/attenuator/attenuator_transmission"] = value
    found = open_container(master).dataset
    assert found.transmission == transmission
    assert sum("per cent" in remark for remark in found.remarks) == remarked


def test_angles_too_far_apart_for_numbers(master):
    with h5py.File(master, "r+") as handle:
        del handle[OMEGA]
        handle[OMEGA] = np.array([-1.7e308, 1.7e308, 0, 0])
        handle[OMEGA].attrs["vector"] = (-1.0, 0.0, 0.0)
    refusal(master)


def test_a_master_whose_data_is_a_single_number(master):
    with h5py.File(master, "r+") as handle:
        for name in list(handle["entry/data"]):
            del handle[f"entry/data/{name}"]
        handle["entry/data/data"] = 5
    refusal(master)


@pytest.mark.parametrize("value", ["two", b"3", np.array([], np.uint32), np.nan])
def test_an_image_number_that_is_none(master, value):
    with h5py.File(master.with_name("lyso_1_data_000001.h5"), "r+") as handle:
        handle["entry/data/data"].attrs["image_nr_low"] = value
    assert survey(open_container(master)).usable == 4


def test_a_data_file_without_any_shape_costs_its_frames(master):
    with h5py.File(master.with_name("lyso_1_data_000001.h5"), "r+") as handle:
        del handle["entry/data/data"]
        handle["entry/data/data"] = h5py.Empty("u4")
    assert sorted(survey(open_container(master)).failures) == [1, 2]


def test_numbers_of_info_txt_that_are_too_large():
    text = f"start angle: 1e999deg\nframes: {'9' * 5000}\ngrid: {'9' * 5000}x3\n"
    hint = parse_info(text)
    assert (hint.start, hint.frames, hint.grid) == (None, None, None)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00"])
def test_a_time_beyond_the_calendar_is_none(text):
    assert parse_time(text) is None
