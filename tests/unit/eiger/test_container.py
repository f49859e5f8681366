"""Bad arguments, identity and reading into a buffer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError
from beampace.core.frames import FrameState
from beampace.core.taxonomy import Failure
from beampace.eiger import FrameReader, open_container, read_dataset, survey
from beampace.simulate.files import write_dataset
from tests.support.eiger_data import SHAPE, small_dataset, small_frame, small_frames, small_mask


@pytest.fixture
def master(tmp_path):
    return write_dataset(small_dataset(4), small_mask(), small_frames(4), tmp_path / "raw")


def refused(path) -> InputError:
    with pytest.raises(InputError) as caught:
        read_dataset(path)
    return caught.value


def test_no_such_file(tmp_path):
    error = refused(tmp_path / "x_master.h5")
    assert error.code is Failure.NOT_A_DATASET
    assert "x_master.h5" in error.detail


def test_not_hdf5(tmp_path):
    (tmp_path / "x_master.h5").write_text("hello")
    assert "not an HDF5 file" in refused(tmp_path / "x_master.h5").detail


def test_a_data_file_says_which_master_to_give(master):
    error = refused(master.with_name("lyso_1_data_000001.h5"))
    assert error.code is Failure.NOT_A_DATASET
    assert error.next_step == f"Give {master}."


def test_a_directory_lists_its_masters(master, tmp_path):
    assert "lyso_1_master.h5" in refused(master.parent).detail
    (tmp_path / "empty").mkdir()
    assert "no master file" in refused(tmp_path / "empty").detail


def test_an_empty_and_a_cut_master_are_truncated(master):
    content = master.read_bytes()
    for size in (0, len(content) // 2):
        master.write_bytes(content[:size])
        assert refused(master).code is Failure.FILE_TRUNCATED


def test_hdf5_without_a_detector(tmp_path):
    with h5py.File(tmp_path / "x_master.h5", "w") as handle:
        handle["something"] = 1
    assert refused(tmp_path / "x_master.h5").code is Failure.NOT_A_DATASET


def test_a_master_without_links(master):
    with h5py.File(master, "r+") as handle:
        del handle["entry/data/data_000001"]
    assert "names no data files" in refused(master).detail


@pytest.mark.parametrize("number", [0, 1e9])
def test_impossible_numbers_of_frames(master, number):
    with h5py.File(master, "r+") as handle:
        handle["entry/instrument/detector/detectorSpecific/nimages"][()] = number
    assert refused(master).code is Failure.METADATA_INCONSISTENT


def test_the_identity_is_not_the_path(master, tmp_path):
    copy = write_dataset(small_dataset(4, name="renamed"), small_mask(), small_frames(4), tmp_path / "copy")
    assert read_dataset(copy).id == read_dataset(master).id
    assert read_dataset(copy).name == "renamed"


def test_without_serial_or_time_the_first_chunk_identifies(master):
    with h5py.File(master, "r+") as handle:
        del handle["entry/instrument/detector/detectorSpecific/data_collection_date"]
    one = read_dataset(master).id
    assert one.startswith("sha256-")
    assert one.endswith("-4")


def test_a_new_series_has_a_new_identity(master):
    before = read_dataset(master).id
    with h5py.File(master, "r+") as handle:
        handle["entry/instrument/detector/detectorSpecific/series_id"] = 17
    assert read_dataset(master).id != before
    assert read_dataset(master).id.endswith("17")


def test_a_frame_can_be_read_into_a_buffer(master):
    reader, buffer = FrameReader(open_container(master)), np.empty(SHAPE, np.uint32)
    for number in (1, 4):
        assert reader.read(number, buffer) is buffer
        np.testing.assert_array_equal(buffer, small_frame(number))
    with pytest.raises(TypeError):
        reader.read(1, np.empty(SHAPE, np.uint16))


@pytest.mark.parametrize("number", [0, 5])
def test_there_is_no_frame_outside(master, number):
    with pytest.raises(IndexError):
        FrameReader(open_container(master)).read(number)


def test_threads_with_a_reader_each_do_not_disturb_one_another(master):
    container = open_container(master)

    def read_all(_: int) -> bool:
        reader, buffer = FrameReader(container), np.empty(SHAPE, np.uint32)
        return all((reader.read(n, buffer) == small_frame(n)).all() for n in (1, 2, 3, 4) * 10)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read_all, range(8)))


def test_soft_links_are_followed(master):
    with h5py.File(master, "r+") as handle:
        detector = handle["entry/instrument/detector"]
        detector.move("beam_center_x", "beam_centre_moved")
        detector["beam_center_x"] = h5py.SoftLink("/entry/instrument/detector/beam_centre_moved")
    assert read_dataset(master).detector.origin[0] == pytest.approx(-41.5 * 0.075)


def test_values_may_be_arrays_of_one(master):
    with h5py.File(master, "r+") as handle:
        for path in ("beam/incident_wavelength", "detector/detector_distance"):
            group, name = handle["entry/instrument"], path
            value, unit = group[name][()], group[name].attrs["units"]
            del group[name]
            group[name] = np.array([value])
            group[name].attrs["units"] = unit
    found = read_dataset(master)
    assert found.beam.wavelength == 1.0332
    assert found.detector.distance == pytest.approx(150.0)


def test_the_frames_know_their_depth_best(tmp_path):
    dataset = small_dataset(2, depth=16)
    master = write_dataset(dataset, small_mask(), small_frames(2), tmp_path / "raw")
    with h5py.File(master, "r+") as handle:
        handle["entry/instrument/detector/bit_depth_image"][()] = 32
        specific = handle["entry/instrument/detector/detectorSpecific"]
        specific["countrate_correction_count_cutoff"][()] = 500000
    found = read_dataset(master)
    assert (found.detector.bit_depth, found.detector.saturation) == (16, 65534)
    assert any("16 bits" in remark for remark in found.remarks)


def test_no_data_files_at_all(master):
    master.with_name("lyso_1_data_000001.h5").unlink()
    container = open_container(master)
    assert container.dataset.n_announced == 4
    assert survey(container).count(FrameState.FAILED) == 4


def test_a_link_to_a_master_is_the_dataset_it_leads_to(tmp_path, monkeypatch):
    raw = tmp_path / "screening_001"
    master = write_dataset(small_dataset(4), small_mask(), small_frames(4), raw)
    (raw / "info.txt").write_text("run type: regular\nframes: 4\ndegrees/frame: 0.13deg\n")
    link = tmp_path / "mine" / "x_master.h5"
    link.parent.mkdir()
    link.symlink_to(master)
    found = read_dataset(link)
    assert (found.hint.run_type, found.hint.width) == ("regular", 0.13)
    assert found.kind is read_dataset(master).kind is DatasetKind.ROTATION
    (raw / "info.txt").unlink()
    assert read_dataset(link).kind is read_dataset(master).kind is DatasetKind.SCREENING
    monkeypatch.chdir(raw)
    assert read_dataset(Path(master.name)).kind is DatasetKind.SCREENING
