"""A dataset being written by another process while our readers run, and P11's patch among them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError
from beampace.eiger import FollowSettings, FrameReader, follow, open_container, survey, write_companion
from beampace.simulate.files import write_dataset
from beampace.simulate.options import Codec, FileLayout, InfoFile, WriteOptions
from tests.support.eiger_data import SHAPE, small_dataset, small_frame, small_frames, small_mask

PATCHER = """
import sys, time
import h5py
failed = 0
for turn in range(int(sys.argv[2])):
    try:
        with h5py.File(sys.argv[1], "r+") as handle:
            handle.require_group("entry/source").attrs["turn"] = turn
            time.sleep(0.005)
    except OSError as error:
        print(error, file=sys.stderr)
        failed += 1
    time.sleep(0.01)
print(failed)
"""
"""P11's patch, again and again: r+ with HDF5's default locking, in a process of its own."""

OLD_READER = """
import json, sys
import h5py
with h5py.File(sys.argv[1], "r") as handle:
    data = handle["entry/data"]
    names = [name for name in sorted(data) if name != "data"] or ["data"]
    shapes = [list(data[name].shape) for name in names]
    mask = handle["entry/instrument/detector/detectorSpecific/pixel_mask"][()]
print(json.dumps([h5py.version.hdf5_version, shapes, int((mask != 0).sum())]))
"""


def patched(master: Path, turns: int) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k != "HDF5_USE_FILE_LOCKING"}
    return subprocess.Popen(
        [sys.executable, "-c", PATCHER, str(master), str(turns)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def master(tmp_path) -> Path:
    options = WriteOptions(images_per_file=3)
    return write_dataset(small_dataset(), small_mask(), small_frames(7), tmp_path / "raw", options)


def test_the_master_can_be_patched_while_every_reader_runs(master, tmp_path):
    patcher, rounds = patched(master, 60), 0
    while patcher.poll() is None:
        try:
            container = open_container(master)
            container.mask()
            FrameReader(container).read(1)
            out = tmp_path / f"out_{rounds}"
            out.mkdir()
            write_companion(container, survey(container), out)
        except InputError:
            pass  # the master was being written at that moment: not yet
        rounds += 1
    output, errors = patcher.communicate()
    assert output.strip() == "0", errors
    assert rounds > 5


def test_a_handle_of_ours_that_stays_open_does_not_lock(master):
    from beampace.eiger import open_read

    with open_read(master):
        patcher = patched(master, 3)
        output, errors = patcher.communicate(timeout=60)
    assert output.strip() == "0", errors


def test_an_ordinary_reader_would_be_in_the_way(master):
    """The control: without it the two tests above could not fail."""
    with h5py.File(master, "r", locking=True):
        patcher = patched(master, 2)
        output, _ = patcher.communicate(timeout=60)
    assert output.strip() == "2"


@pytest.mark.parametrize("layout", [FileLayout.LEGACY, FileLayout.FW18, FileLayout.NXMX_VDS])
@pytest.mark.parametrize("master_last", [False, True])
def test_a_dataset_is_followed_while_it_is_written(tmp_path, layout, master_last):
    dataset = small_dataset(30)
    options = WriteOptions(
        layout=layout,
        images_per_file=4,
        rate=40.0,
        master_last=master_last,
        patch=True,
        patch_delay=0.3,
        info=InfoFile.AFTER,
    )
    pool = ThreadPoolExecutor(1)
    writing = pool.submit(write_dataset, dataset, small_mask(), small_frames(30), tmp_path, options)
    settings = FollowSettings(poll_s=0.05, quiet_s=5.0, appear_s=5.0, patch_s=0.6)
    read: dict[int, bool] = {}
    looks = 0
    for snapshot in follow(tmp_path / "lyso_1_master.h5", settings):
        looks += 1
        reader = FrameReader(snapshot.container, snapshot.blocks)
        for first, last in snapshot.ledger.ranges(1):
            for number in range(first, last + 1):
                if number not in read:
                    read[number] = bool((reader.read(number) == small_frame(number)).all())
    writing.result()
    pool.shutdown()
    assert read == dict.fromkeys(range(1, 31), True)
    assert looks > 3 or master_last
    assert not snapshot.ledger.failures
    with h5py.File(tmp_path / "lyso_1_master.h5", "r") as handle:
        assert "source" in handle["entry"]


def test_frames_do_not_pile_up_in_the_writer(tmp_path):
    """Streaming: a frame is asked for only when the one before is in the file."""
    alive: list[int] = []

    def frames():
        for number in range(1, 21):
            alive.append(number)
            yield small_frame(number)
            if number > 1:
                written = sum(1 for _ in tmp_path.glob("*_data_*.h5"))
                assert written >= (number - 1) // 2

    write_dataset(small_dataset(20), small_mask(), frames(), tmp_path, WriteOptions(images_per_file=2))
    assert alive == list(range(1, 21))


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="no system Python")
@pytest.mark.parametrize("layout", list(FileLayout))
def test_hdf5_of_the_system_reads_what_we_write(tmp_path, layout):
    """HDF5 1.10 is what DIALS of Debian 12 and the XDS plug-ins have."""
    probe = subprocess.run(["/usr/bin/python3", "-c", "import h5py"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("the system Python has no h5py")
    options = WriteOptions(layout=layout, codec=Codec.BSLZ4, images_per_file=3)
    master = write_dataset(small_dataset(), small_mask(), small_frames(7), tmp_path / "raw", options)
    container = open_container(master)
    (tmp_path / "out").mkdir()
    companion = write_companion(container, survey(container), tmp_path / "out")
    for path in (master, companion.path):
        done = subprocess.run(
            ["/usr/bin/python3", "-c", OLD_READER, str(path)], capture_output=True, text=True, check=True
        )
        version, shapes, masked = json.loads(done.stdout)
        assert sum(shape[0] for shape in shapes) == 7, version
        assert {tuple(shape[1:]) for shape in shapes} == {SHAPE}
        assert masked == int(np.count_nonzero(small_mask()))


def test_a_screening_master_is_patched_as_p11_does(tmp_path):
    dataset = small_dataset(width=0.1, starts=(0.0, 90.0), kind=DatasetKind.SCREENING)
    options = WriteOptions(layout=FileLayout.FW18, images_per_file=1, patch=True, patch_delay=0.0)
    master = write_dataset(dataset, small_mask(), small_frames(2), tmp_path / "screening_001", options)
    with h5py.File(master, "r") as handle:
        omega = handle["entry/sample/transformations/omega"]
        assert "transformation_type" not in omega.attrs
        assert tuple(omega.attrs["vector"]) == (1.0, 0.0, 0.0)
        assert not [name for name in handle["entry/sample/goniometer"] if name.startswith("phi")]
    found = open_container(master).dataset
    assert found.scan == dataset.scan
    assert found.goniometer.axis == (1.0, 0.0, 0.0)
