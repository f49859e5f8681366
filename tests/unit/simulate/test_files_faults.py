"""Faults cost their frames, with a reason, and nothing else."""

from __future__ import annotations

import resource
import sys

import h5py
import numpy as np
import pytest

from beampace.core.errors import InfrastructureError, InputError
from beampace.core.frames import FrameFailure, FrameState
from beampace.core.taxonomy import Failure
from beampace.eiger import FrameReader, open_container, survey, write_companion
from beampace.eiger.hdf5 import open_read
from beampace.simulate.files import write_dataset
from beampace.simulate.options import Codec, Faults, FileLayout, WriteOptions
from tests.support.eiger_data import SHAPE, small_dataset, small_frame, small_frames, small_mask

N_FRAMES = 10


def written(directory, layout=FileLayout.LEGACY, codec=Codec.BSLZ4, **faults):
    options = WriteOptions(layout=layout, codec=codec, images_per_file=3, faults=Faults(**faults))
    return write_dataset(small_dataset(N_FRAMES), small_mask(), small_frames(N_FRAMES), directory, options)


CASES = [
    ({}, {}),
    ({"stop_after": 4}, dict.fromkeys(range(5, 11), Failure.FRAMES_MISSING)),
    ({"missing": (2,)}, dict.fromkeys((4, 5, 6), Failure.FRAMES_MISSING)),
    ({"missing": (1, 4)}, dict.fromkeys((1, 2, 3, 10), Failure.FRAMES_MISSING)),
    ({"truncated": (2,)}, dict.fromkeys((4, 5, 6), Failure.FILE_TRUNCATED)),
    ({"corrupt": (5,)}, {5: Failure.FILE_TRUNCATED}),
]


@pytest.mark.parametrize(("faults", "expected"), CASES)
@pytest.mark.parametrize("layout", [FileLayout.LEGACY, FileLayout.NXMX_VDS])
@pytest.mark.parametrize("codec", [Codec.BSLZ4, Codec.LZ4])
def test_lost_frames_have_a_reason_and_the_others_are_read(tmp_path, faults, expected, layout, codec):
    container = open_container(written(tmp_path, layout, codec, **faults))
    ledger = survey(container)
    assert {number: reason.code for number, reason in ledger.failures.items()} == expected
    assert all("data_" in reason.detail for reason in ledger.failures.values())
    reader = FrameReader(container)
    for number in range(1, N_FRAMES + 1):
        if number in expected:
            with pytest.raises(InputError):
                reader.read(number)
        else:
            np.testing.assert_array_equal(reader.read(number), small_frame(number))


def test_what_is_not_there_yet_has_not_failed(tmp_path):
    ledger = survey(open_container(written(tmp_path, missing=(2,))), settled=False)
    assert ledger.count(FrameState.FAILED) == 0
    assert list(ledger.numbers(FrameState.ANNOUNCED)) == [4, 5, 6]


@pytest.mark.parametrize(("faults", "expected"), CASES)
@pytest.mark.parametrize("layout", [FileLayout.LEGACY, FileLayout.NXMX_VDS])
def test_the_companion_keeps_numbers_and_reads_lost_frames_as_no_data(tmp_path, faults, expected, layout):
    container = open_container(written(tmp_path / "raw", layout, **faults))
    (tmp_path / "out").mkdir()
    companion = write_companion(container, survey(container), tmp_path / "out")
    last = max(number for number in range(1, N_FRAMES + 1) if number not in expected)
    assert companion.n_frames == last
    assert companion.lost == tuple(number for number in expected if number <= last)
    with h5py.File(companion.path, "r") as handle:
        data = handle["entry/data"]
        assert data["data"].shape == (last, *SHAPE)
        linked = np.concatenate([data[name][()] for name in sorted(data) if name != "data"])
        for number in range(1, last + 1):
            true = np.full(SHAPE, 2**32 - 1) if number in expected else small_frame(number)
            np.testing.assert_array_equal(data["data"][number - 1], true)
            np.testing.assert_array_equal(linked[number - 1], true)
        assert handle["entry/instrument/detector/pixel_mask"].chunks is None
        assert int(handle["entry/instrument/detector/detectorSpecific/nimages"][()]) == last


def test_a_directory_that_cannot_be_written(tmp_path):
    container = open_container(written(tmp_path / "raw"))
    with pytest.raises(InfrastructureError) as caught:
        write_companion(container, survey(container), tmp_path / "nowhere")
    assert caught.value.code is Failure.NOT_WRITABLE


@pytest.mark.parametrize("room", [0, 100, 20000])
def test_a_full_disk(tmp_path, room):
    container = open_container(written(tmp_path / "raw"))
    ledger = survey(container)
    (tmp_path / "out").mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(InfrastructureError) as caught:
            write_companion(container, ledger, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code is Failure.DISK_FULL


def test_links_of_the_companion_are_relative(tmp_path):
    container = open_container(written(tmp_path / "raw"))
    (tmp_path / "out").mkdir()
    companion = write_companion(container, survey(container), tmp_path / "out")
    with h5py.File(companion.path, "r") as handle:
        link = handle["entry/data"].get("data_000001", getlink=True)
    assert link.filename == "../raw/lyso_1_data_000001.h5"


def test_the_companion_says_what_the_record_says(tmp_path):
    container = open_container(written(tmp_path / "raw", missing=(2,)))
    (tmp_path / "out").mkdir()
    companion = write_companion(container, survey(container), tmp_path / "out")
    again = open_container(companion.path, roots=(tmp_path / "raw",)).dataset
    record = container.dataset
    assert again.detector.origin == pytest.approx(record.detector.origin, abs=1e-9)
    assert again.scan.starts == pytest.approx(record.scan.starts)
    assert again.scan.width == record.scan.width
    assert again.goniometer == record.goniometer
    assert again.beam.wavelength == record.beam.wavelength
    assert any("placeholder" in remark for remark in companion.remarks)


def test_a_companion_of_nothing_is_refused(tmp_path):
    container = open_container(written(tmp_path / "raw", missing=(1, 2, 3, 4)))
    with pytest.raises(InputError) as caught:
        write_companion(container, survey(container), tmp_path)
    assert caught.value.code is Failure.FRAMES_MISSING


@pytest.mark.parametrize(
    ("faults", "word"),
    [
        ({"no_wavelength": True}, "wavelength"),
        ({"zero_distance": True}, "distance"),
        ({"wrong_mask": True}, "mask"),
        ({"links_outside": True}, "outside"),
    ],
)
@pytest.mark.parametrize("layout", [FileLayout.LEGACY, FileLayout.FW18, FileLayout.NXMX])
def test_bad_headers_are_named(tmp_path, faults, word, layout):
    master = written(tmp_path, layout, **faults)
    with pytest.raises(InputError) as caught:
        open_container(master)
    assert caught.value.code is Failure.METADATA_INCONSISTENT
    assert word in caught.value.detail
    assert str(master) in caught.value.detail


def test_a_planted_symbolic_link_is_not_followed(tmp_path):
    elsewhere = written(tmp_path / "elsewhere").with_name("lyso_1_data_000002.h5")
    master = written(tmp_path / "raw", missing=(2,))
    master.with_name(elsewhere.name).symlink_to(elsewhere)
    container = open_container(master)
    ledger = survey(container)
    assert {reason.code for reason in ledger.failures.values()} == {Failure.METADATA_INCONSISTENT}
    assert list(ledger.failures) == [4, 5, 6]
    with pytest.raises(InputError, match="outside"):
        FrameReader(container).read(4)


def test_a_link_planted_after_the_look_is_not_followed_either(tmp_path):
    elsewhere = written(tmp_path / "elsewhere").with_name("lyso_1_data_000002.h5")
    master = written(tmp_path / "raw")
    reader = FrameReader(open_container(master))
    planted = master.with_name(elsewhere.name)
    planted.unlink()
    planted.symlink_to(elsewhere)
    with pytest.raises(InputError, match="outside"):
        reader.read(4)


def test_a_master_reached_by_a_symbolic_link_is_read_where_it_is(tmp_path):
    master = written(tmp_path / "raw")
    (tmp_path / "mine").mkdir()
    link = tmp_path / "mine" / master.name
    link.symlink_to(master)
    assert survey(open_container(link)).usable == N_FRAMES


def test_frames_of_another_size_are_refused(tmp_path):
    master = written(tmp_path)
    with h5py.File(master.with_name("lyso_1_data_000001.h5"), "w") as handle:
        handle["entry/data/data"] = np.zeros((3, 5, 5), np.uint32)
    ledger = survey(open_container(master))
    assert {n: r.code for n, r in ledger.failures.items()} == dict.fromkeys(
        (1, 2, 3), Failure.METADATA_INCONSISTENT
    )


@pytest.mark.parametrize("shape", [(3, 70000, 10), (3, 10, 10, 2), (10,)])
def test_shapes_nobody_builds_are_refused_before_anything_is_allocated(tmp_path, shape):
    master = written(tmp_path)
    with h5py.File(master.with_name("lyso_1_data_000001.h5"), "w") as handle:
        handle.create_dataset("entry/data/data", shape, np.uint32, chunks=(1,) * len(shape))
    ledger = survey(open_container(master))
    assert ledger.failures[1].code is Failure.METADATA_INCONSISTENT


def test_too_few_frames_are_an_error_of_the_caller(tmp_path):
    with pytest.raises(ValueError, match="only 2 came"):
        write_dataset(small_dataset(3), small_mask(), small_frames(2), tmp_path)


@pytest.fixture
def opened(monkeypatch):
    """Files opened for reading since the test began, in order."""
    seen = []

    def counted(path):
        seen.append(path.name)
        return open_read(path)

    for module in ("copying", "survey"):
        monkeypatch.setattr(sys.modules[f"beampace.eiger.{module}"], "open_read", counted)
    return seen


@pytest.mark.parametrize("codec", [Codec.BSLZ4, Codec.NONE])
def test_a_file_is_closed_and_opened_again_while_it_is_copied(tmp_path, monkeypatch, opened, codec):
    monkeypatch.setattr("beampace.eiger.copying.HOLD_S", 0.0)
    options = WriteOptions(codec=codec, images_per_file=N_FRAMES)
    dataset = small_dataset(N_FRAMES)
    container = open_container(
        write_dataset(dataset, small_mask(), small_frames(N_FRAMES), tmp_path / "raw", options)
    )
    lost = {4: FrameFailure(Failure.FILE_TRUNCATED, "x.")}
    ledger = survey(container).fail(lost)
    (tmp_path / "out").mkdir()
    before = len(opened)
    companion = write_companion(container, ledger, tmp_path / "out")
    assert len(opened) - before >= N_FRAMES - 1
    with h5py.File(companion.path, "r") as handle:
        for number in range(1, N_FRAMES + 1):
            true = np.full(SHAPE, 2**32 - 1) if number == 4 else small_frame(number)
            np.testing.assert_array_equal(handle["entry/data/data"][number - 1], true)


def test_a_thorough_survey_opens_a_file_for_each_frame(tmp_path, opened):
    container = open_container(written(tmp_path))
    assert survey(container, thorough=True).usable == N_FRAMES
    assert len(opened) >= N_FRAMES
