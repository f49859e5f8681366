"""Names of files that HDF5 or DIALS read as something else."""

from __future__ import annotations

import re

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure
from beampace.eiger import FrameReader, open_container, survey, write_companion
from beampace.eiger.names import plain_name, true_name, virtual_name
from beampace.simulate.files import write_dataset
from beampace.simulate.options import FileLayout, WriteOptions
from tests.support.eiger_data import SHAPE, small_dataset, small_frame, small_frames, small_mask

AWKWARD = ["50% PEG", "a%b", "%%b", "%d%s", "x=1", "d%%", "räum 1"]


def written(directory, name, layout=FileLayout.LEGACY):
    options = WriteOptions(layout=layout, images_per_file=2)
    return write_dataset(small_dataset(4, name=name), small_mask(), small_frames(4), directory, options)


def stacked(path, name="data"):
    with h5py.File(path, "r") as handle:
        return handle[f"entry/data/{name}"][()]


@pytest.mark.parametrize("name", AWKWARD)
def test_the_companion_reaches_frames_whatever_their_files_are_called(tmp_path, name):
    container = open_container(written(tmp_path / name, name))
    out = tmp_path / f"out {name}"
    out.mkdir()
    companion = write_companion(container, survey(container), out)
    np.testing.assert_array_equal(stacked(companion.path), [small_frame(n) for n in range(1, 5)])
    np.testing.assert_array_equal(stacked(companion.path, "data_000002")[1], small_frame(4))


@pytest.mark.parametrize("name", AWKWARD)
def test_a_virtual_dataset_is_read_whatever_its_files_are_called(tmp_path, name):
    master = written(tmp_path / name, name, FileLayout.NXMX_VDS)
    np.testing.assert_array_equal(stacked(master), [small_frame(n) for n in range(1, 5)])
    container = open_container(master)
    assert survey(container).usable == 4
    np.testing.assert_array_equal(FrameReader(container).read(3), small_frame(3))


def test_a_virtual_dataset_of_a_series_of_files_is_refused(tmp_path):
    master = written(tmp_path, "lyso_1", FileLayout.NXMX_VDS)
    with h5py.File(master, "r+") as handle:
        del handle["entry/data/data"]
        whole = h5py.h5s.create_simple((4, *SHAPE), (h5py.h5s.UNLIMITED, *SHAPE))
        whole.select_hyperslab((0, 0, 0), (h5py.h5s.UNLIMITED, 1, 1), (1, 1, 1), (1, *SHAPE))
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_virtual(whole, b"part_%b.h5", b"data", h5py.h5s.create_simple((1, *SHAPE)))
        whole.select_all()
        h5py.h5d.create(handle["entry/data"].id, b"data", h5py.h5t.NATIVE_UINT32, whole, properties)
    with pytest.raises(InputError, match="series of names") as caught:
        open_container(master)
    assert caught.value.code is Failure.METADATA_INCONSISTENT


@given(st.text())
def test_what_is_spelt_for_a_virtual_dataset_is_the_name_again(name):
    assert true_name(virtual_name(name)) == name


@pytest.mark.parametrize("spelt", ["%b", "a%b", "%%%b"])
def test_a_series_of_names_is_no_name(spelt):
    with pytest.raises(ValueError, match="series"):
        true_name(spelt)


@pytest.mark.parametrize("name", [*AWKWARD, "-x", ".hidden", "a b;c", "x" * 200])
def test_the_companion_has_one_harmless_name(name):
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}", plain_name(name))


def test_an_equals_sign_stays_in_the_links_and_leaves_the_name_of_the_companion(tmp_path):
    container = open_container(written(tmp_path / "raw", "apo_x=1"))
    (tmp_path / "out").mkdir()
    companion = write_companion(container, survey(container), tmp_path / "out")
    assert companion.path.name == "apo_x_1_master.h5"
    with h5py.File(companion.path, "r") as handle:
        link = handle["entry/data"].get("data_000001", getlink=True)
    assert link.filename == "../raw/apo_x=1_data_000001.h5"


def test_an_ordinary_name_stays_as_it_is():
    assert plain_name("l-cysteine_rotational_001") == "l-cysteine_rotational_001"
