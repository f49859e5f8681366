"""Files that cannot be reached: not yet, not for this account, or no files at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from beampace.core.errors import InputError
from beampace.core.taxonomy import Exit, Failure
from beampace.eiger import FollowSettings, FrameReader, follow, open_container, survey
from beampace.simulate.files import write_dataset
from beampace.simulate.options import WriteOptions
from tests.support.eiger_data import small_dataset, small_frames, small_mask

NOBODY = 65534


@pytest.fixture
def master(tmp_path):
    options = WriteOptions(images_per_file=2)
    return write_dataset(small_dataset(4), small_mask(), small_frames(4), tmp_path / "raw", options)


@contextmanager
def without_rights(path: Path) -> Iterator[None]:
    """A file this account may not read, also when it is root's."""
    before, user = path.stat().st_mode, os.geteuid()
    path.chmod(0)
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        path.chmod(before)


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO])
def test_a_file_system_that_loses_the_master_for_a_while_is_not_yet(master, monkeypatch, number):
    true_stat, now = Path.stat, 0.0

    def stat(path, **options):
        if path == master and now < 2.0:
            raise OSError(number, os.strerror(number), str(path))
        return true_stat(path, **options)

    def sleep(seconds):
        nonlocal now
        now += seconds

    monkeypatch.setattr(Path, "stat", stat)
    settings = FollowSettings(appear_s=5.0)
    assert [s.ledger.usable for s in follow(master, settings, clock=lambda: now, sleep=sleep)] == [4]
    assert now >= 2.0


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO])
def test_a_master_that_hdf5_cannot_open_now_is_not_yet(master, monkeypatch, number):
    def lost(*_args, **_options):
        raise OSError(number, f"Unable to open file (errno = {number})")

    monkeypatch.setattr("beampace.eiger.hdf5.h5py.File", lost)
    with pytest.raises(InputError, match="cannot be reached"):
        next(follow(master, FollowSettings(quiet_s=0.0)))


def test_a_master_this_account_may_not_read(master):
    with without_rights(master), pytest.raises(InputError, match="may not be read by this account") as caught:
        open_container(master)
    assert caught.value.code is Failure.NOT_A_DATASET
    assert caught.value.entry.exit is Exit.BAD_INPUT
    assert "right to read" in caught.value.next_step


def test_data_files_this_account_may_not_read(master):
    container = open_container(master)
    with without_rights(master.with_name("lyso_1_data_000001.h5")):
        ledger = survey(container)
    assert ledger.failures[1].code is Failure.FRAMES_MISSING
    assert "may not be read by this account" in ledger.failures[1].detail
    assert "lyso_1_data_000001.h5" in ledger.failures[1].detail


def test_a_pipe_in_the_place_of_a_master_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x_master.h5")
    with pytest.raises(InputError, match="no ordinary file") as caught:
        open_container(tmp_path / "x_master.h5")
    assert caught.value.code is Failure.NOT_A_DATASET


def test_a_pipe_in_the_place_of_a_data_file_costs_its_frames(master):
    planted = master.with_name("lyso_1_data_000001.h5")
    planted.unlink()
    os.mkfifo(planted)
    container = open_container(master)
    failures = survey(container).failures
    assert sorted(failures) == [1, 2]
    assert failures[1].code is Failure.FRAMES_MISSING
    assert "no ordinary file" in failures[1].detail
    with pytest.raises(InputError, match="no ordinary file"):
        FrameReader(container).read(1)


def test_a_device_is_no_master(tmp_path):
    (tmp_path / "x_master.h5").symlink_to("/dev/zero")
    with pytest.raises(InputError, match="no ordinary file"):
        open_container(tmp_path / "x_master.h5")
