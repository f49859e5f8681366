"""Writing whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import signal

import pytest

from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure
from beampace.core.verdict import Verdict
from beampace.results.build import build_result
from beampace.results.schema import Result
from beampace.results.write import write_bytes, write_result, write_text, write_through


def names(directory) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_closed_umask_leaves_a_readable_file(tmp_path) -> None:
    before = os.umask(0o077)
    try:
        path = write_text(tmp_path / "x.txt", "ä")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.read_bytes() == "ä".encode()
    assert names(tmp_path) == ["x.txt"]


def test_result_is_replaced_whole(tmp_path) -> None:
    made = build_result("process", None, None, None, None, Verdict("cancelled", "Cancelled.", "Start again."))
    write_result(tmp_path, made)
    path = write_result(tmp_path, made)
    assert path.name == "result.json"
    assert Result.from_json(path.read_text()) == made
    assert names(tmp_path) == ["result.json"]


def test_reader_keeps_the_old_file(tmp_path) -> None:
    path = write_text(tmp_path / "x.txt", "old")
    with path.open() as reader:
        write_text(path, "new and longer")
        assert reader.read() == "old"
    assert path.read_text() == "new and longer"


def test_interrupted_writing_leaves_nothing(tmp_path) -> None:
    path = write_text(tmp_path / "x.txt", "old")

    def interrupted(temporary) -> None:
        temporary.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_through(path, interrupted)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["x.txt"]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, Failure.DISK_FULL),
        (errno.EDQUOT, Failure.DISK_FULL),
        (errno.EROFS, Failure.NOT_WRITABLE),
        (errno.EACCES, Failure.NOT_WRITABLE),
    ],
)
def test_refusals_are_told_plainly(tmp_path, number, code) -> None:
    def refused(temporary) -> None:
        raise OSError(number, os.strerror(number), str(temporary))

    with pytest.raises(InfrastructureError, match=r"x\.txt") as caught:
        write_through(tmp_path / "x.txt", refused)
    assert caught.value.code is code
    assert names(tmp_path) == []


def test_other_errors_stay_what_they_are(tmp_path) -> None:
    def broken(temporary) -> None:
        raise OSError(errno.EIO, "input/output error")

    with pytest.raises(OSError, match="input/output"):
        write_through(tmp_path / "x.txt", broken)


def test_file_that_may_not_grow(tmp_path) -> None:
    """A real refusal of the kernel in the middle of writing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(InfrastructureError) as caught:
            write_bytes(tmp_path / "x.bin", bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.code is Failure.DISK_FULL
    assert names(tmp_path) == []


def test_directory_that_is_not_there(tmp_path) -> None:
    with pytest.raises(InfrastructureError) as caught:
        write_text(tmp_path / "missing" / "x.txt", "x")
    assert caught.value.code is Failure.NOT_WRITABLE
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError) as caught:
        write_text(tmp_path / "file" / "x.txt", "x")
    assert caught.value.code is Failure.NOT_WRITABLE


def test_directory_without_rights(tmp_path) -> None:
    tmp_path.chmod(0o555)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)  # root may write anywhere
    try:
        with pytest.raises(InfrastructureError) as caught:
            write_text(tmp_path / "x.txt", "x")
    finally:
        os.seteuid(was)
    assert caught.value.code is Failure.NOT_WRITABLE
