"""What others may plant in a master or a data file."""

from __future__ import annotations

import os

import h5py
import hdf5plugin
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure
from beampace.eiger import FrameReader, open_container, survey
from beampace.eiger.chunks import Layout, decode
from beampace.eiger.values import Values
from beampace.simulate.files import write_dataset
from beampace.simulate.options import WriteOptions
from tests.support.eiger_data import SHAPE, small_dataset, small_frame, small_frames, small_mask


@pytest.fixture
def master(tmp_path):
    options = WriteOptions(images_per_file=2)
    return write_dataset(small_dataset(4), small_mask(), small_frames(4), tmp_path / "raw", options)


def assert_first_file_is_refused(master, word):
    failures = survey(open_container(master)).failures
    assert sorted(failures) == [1, 2]
    assert {reason.code for reason in failures.values()} == {Failure.METADATA_INCONSISTENT}
    assert all(word in reason.detail for reason in failures.values())


def replant(master):
    handle = h5py.File(master.with_name("lyso_1_data_000001.h5"), "r+")
    del handle["entry/data/data"]
    return handle


def test_a_data_file_that_links_on_to_another_directory(master, tmp_path):
    secret = write_dataset(small_dataset(2), small_mask(), small_frames(2), tmp_path / "secret")
    with replant(master) as handle:
        target = str(secret.with_name("lyso_1_data_000001.h5"))
        handle["entry/data/data"] = h5py.ExternalLink(target, "/entry/data/data")
    assert_first_file_is_refused(master, "outside")


def test_a_data_file_that_is_a_window_on_other_bytes(master, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(2 * SHAPE[0] * SHAPE[1] * 4))
    with replant(master) as handle:
        storage = [(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)]
        handle.create_dataset("entry/data/data", (2, *SHAPE), np.uint32, external=storage)
    assert_first_file_is_refused(master, "another kind")


def test_a_data_file_that_is_virtual(master, tmp_path):
    with replant(master) as handle:
        layout = h5py.VirtualLayout((2, *SHAPE), np.uint32)
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (2, *SHAPE), np.uint32)
        handle.create_virtual_dataset("entry/data/data", layout)
    assert_first_file_is_refused(master, "virtual")


def test_a_value_of_the_master_that_lies_elsewhere_is_absent(master, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as handle:
        handle["mask"] = np.ones(SHAPE, np.uint32)
    with h5py.File(master, "r+") as handle:
        specific = handle["entry/instrument/detector/detectorSpecific"]
        del specific["pixel_mask"]
        specific["pixel_mask"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "mask")
        assert Values(handle).dataset(specific.name + "/pixel_mask") is None
    assert not open_container(master).mask().any()


def test_a_value_in_a_file_beside_the_master_is_read(master):
    with h5py.File(master.with_name("meta.h5"), "w") as handle:
        handle["mask"] = np.ones(SHAPE, np.uint32)
    with h5py.File(master, "r+") as handle:
        specific = handle["entry/instrument/detector/detectorSpecific"]
        del specific["pixel_mask"]
        specific["pixel_mask"] = h5py.ExternalLink("meta.h5", "mask")
    assert open_container(master).mask().all()


@pytest.mark.parametrize("chunks", [(17, 8, 8), (16, 8192, 8192)])
def test_chunks_that_are_far_larger_than_a_frame_cost_their_frames(master, chunks):
    with replant(master) as handle:
        space = {"maxshape": (None, None, None), "chunks": chunks, "compression": "gzip"}
        handle.create_dataset("entry/data/data", (2, *SHAPE), np.uint32, **space)
    assert_first_file_is_refused(master, "chunks")


def test_chunks_of_a_few_frames_are_read(master):
    with replant(master) as handle:
        frames = np.stack([small_frame(1), small_frame(2)])
        handle.create_dataset("entry/data/data", data=frames, chunks=(2, 32, 32), compression="gzip")
    container = open_container(master)
    assert survey(container).usable == 4
    np.testing.assert_array_equal(FrameReader(container).read(2), small_frame(2))


@pytest.mark.parametrize("way", ["pipe.h5", "./pipe.h5", "soft"])
def test_a_link_inside_a_file_to_a_pipe_is_not_waited_for(master, way):
    os.mkfifo(master.with_name("pipe.h5"))
    link = h5py.ExternalLink("pipe.h5" if way == "soft" else way, "/x")
    with replant(master) as handle:
        handle["planted"] = link
        handle["entry/data/data"] = h5py.SoftLink("/planted") if way == "soft" else link
    with h5py.File(master, "r+") as handle:
        handle["planted"] = link
        detector = handle["entry/instrument/detector"]
        del detector["description"]
        detector["description"] = h5py.SoftLink("/planted") if way == "soft" else link
    container = open_container(master)
    assert container.dataset.detector.description == ""
    assert sorted(survey(container).failures) == [1, 2]


def test_soft_links_in_a_circle_end(master):
    with h5py.File(master, "r+") as handle:
        detector = handle["entry/instrument/detector"]
        del detector["description"]
        detector["description"] = h5py.SoftLink("round")
        detector["round"] = h5py.SoftLink("description")
    assert open_container(master).dataset.detector.description == ""


@pytest.fixture(scope="module")
def chunks():
    """The chunk of one frame in both codecs."""
    found = {}
    for codec, options in (("bslz4", hdf5plugin.Bitshuffle()), ("lz4", hdf5plugin.LZ4())):
        with h5py.File(codec, "w", driver="core", backing_store=False) as handle:
            made = handle.create_dataset("x", (1, *SHAPE), np.uint32, chunks=(1, *SHAPE), **options)
            made[0] = small_frame(1)
            found[codec] = made.id.read_direct_chunk((0, 0, 0))[1]
    return found


@pytest.mark.parametrize("codec", ["bslz4", "lz4"])
@settings(max_examples=150)
@given(data=st.data())
def test_no_damage_to_a_chunk_does_more_than_lose_the_frame(chunks, codec, data):
    chunk = bytearray(chunks[codec])
    layout = Layout((1, *SHAPE), np.dtype(np.uint32), codec)
    for _ in range(data.draw(st.integers(1, 4))):
        chunk[data.draw(st.integers(0, len(chunk) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(chunk)))
    for damaged in (bytes(chunk), bytes(chunk[:cut])):
        try:
            assert decode(damaged, layout, "a frame").shape == SHAPE
        except InputError as error:
            assert error.code is Failure.FILE_TRUNCATED


def test_an_undamaged_chunk_decodes(chunks):
    for codec, chunk in chunks.items():
        layout = Layout((1, *SHAPE), np.dtype(np.uint32), codec)
        np.testing.assert_array_equal(decode(chunk, layout, "a frame"), small_frame(1))


@pytest.mark.parametrize("codec", ["bslz4", "lz4"])
@settings(max_examples=150)
@given(data=st.data())
def test_the_decoder_without_the_fast_library_is_as_patient(chunks, codec, data):
    chunk = bytearray(chunks[codec])
    chunk[data.draw(st.integers(8, len(chunk) - 1))] ^= data.draw(st.integers(1, 255))
    layout = Layout((1, *SHAPE), np.dtype(np.uint32), codec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("beampace.eiger.chunks.decoder", lambda: None)
        try:
            assert decode(bytes(chunk), layout, "a frame").shape == SHAPE
        except InputError as error:
            assert error.code is Failure.FILE_TRUNCATED


@settings(max_examples=150)
@given(data=st.data())
def test_both_decoders_agree_on_every_size_and_type(data):
    shape = (data.draw(st.integers(1, 90)), data.draw(st.integers(1, 90)))
    dtype = np.dtype(data.draw(st.sampled_from(["u1", "u2", "u4"])))
    seed, block = data.draw(st.integers(0, 99)), data.draw(st.sampled_from([0, 8, 64, 1024]))
    frame = np.random.default_rng(seed).poisson(2, shape).astype(dtype)
    with h5py.File("x", "w", driver="core", backing_store=False) as handle:
        options = hdf5plugin.Bitshuffle(nelems=block)
        made = handle.create_dataset("x", (1, *shape), dtype, chunks=(1, *shape), **options)
        made[0] = frame
        chunk = made.id.read_direct_chunk((0, 0, 0))[1]
    layout = Layout((1, *shape), dtype, "bslz4")
    np.testing.assert_array_equal(decode(chunk, layout, "a frame"), frame)
    buffer = np.zeros(shape, dtype)
    assert decode(chunk, layout, "a frame", buffer) is buffer
    np.testing.assert_array_equal(buffer, frame)


@pytest.mark.parametrize("place", ["entry/data/data", "entry/data", "entry/instrument/detector", "entry"])
def test_a_group_of_a_master_that_is_a_pipe_is_not_waited_for(master, place):
    os.mkfifo(master.with_name("pipe.h5"))
    with h5py.File(master, "r+") as handle:
        if place == "entry/data/data":
            for name in list(handle["entry/data"]):
                del handle[f"entry/data/{name}"]
        else:
            del handle[place]
        handle[place] = h5py.ExternalLink("pipe.h5", "/x")
    try:
        assert survey(open_container(master)).usable == 0
    except InputError as error:
        assert error.code is Failure.NOT_A_DATASET
