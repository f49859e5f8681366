"""Access lists: their bytes against the kernel's and setfacl's, and what they do to whom."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.results import acl
from beampace.results.acl import (
    Entry,
    closed_list,
    decode,
    encode,
    hands_on,
    is_closed,
    knows_lists,
    set_lists,
)

ROOT_ONLY = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as other accounts")
WRITER, READER, STRANGER = 41001, 41002, 41003
NUMBERS = st.integers(0, 2**32 - 2)


@pytest.fixture(params=["/tmp", "/dev/shm"])
def place(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A directory that every account may pass through, on a disk and in memory."""
    path = Path(tempfile.mkdtemp(dir=request.param))
    path.chmod(0o755)
    if not knows_lists(path):
        shutil.rmtree(path)
        pytest.skip(f"{request.param} knows no access lists")
    yield path
    shutil.rmtree(path)


def close(path: Path, writers: tuple[int, ...], readers: tuple[int, ...] = ()) -> None:
    path.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDONLY)
    try:
        wanted = closed_list(writers, readers)
        assert set_lists(handle, wanted, wanted)
        acl.set_mode(handle, 0o3770)
    finally:
        os.close(handle)


def may(number: int, code: str, *paths: Path) -> bool:
    """Whether an account without any group can run a line of Python on paths."""
    program = f"import os, sys; os.umask(0); {code}"
    switch = ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups"]
    done = subprocess.run(
        [*switch, "/usr/bin/python3", "-c", program, *paths], capture_output=True, text=True
    )
    assert done.returncode == 0 or "PermissionError" in done.stderr, done.stderr
    return done.returncode == 0


@given(
    st.lists(st.builds(Entry, st.sampled_from([1, 2, 4, 8, 16, 32]), st.integers(0, 7), NUMBERS), max_size=9)
)
def test_what_is_encoded_is_decoded_in_the_order_of_the_tags(entries: list[Entry]) -> None:
    assert decode(encode(entries)) == tuple(sorted(entries, key=lambda one: (one.tag, one.number)))


@given(st.sets(NUMBERS, max_size=5), st.sets(NUMBERS, max_size=5))
def test_a_closed_list_names_everybody_once(writers: set[int], readers: set[int]) -> None:
    named = {
        one.number: one.permissions for one in decode(closed_list(writers, readers)) if one.tag == acl.USER
    }
    assert named == {**dict.fromkeys(readers, 5), **dict.fromkeys(writers, 7)}


@pytest.mark.parametrize("content", [b"", b"\2\0\0", b"\1\0\0\0", b"\2\0\0\0\1\0\7\0"])
def test_what_is_no_list(content: bytes) -> None:
    with pytest.raises(ValueError, match="no access list"):
        decode(content)


def test_the_bytes_are_those_of_setfacl(place: Path) -> None:
    if shutil.which("setfacl") is None:
        pytest.skip("setfacl is not installed")
    (place / "theirs").mkdir(mode=0o700)
    text = f"u::rwx,u:{WRITER}:rwx,u:{READER}:r-x,g::---,m::rwx,o::---"
    subprocess.run(["setfacl", "-m", text, place / "theirs"], check=True)
    assert os.getxattr(place / "theirs", acl.ACCESS) == closed_list([WRITER], [READER])
    close(place / "ours", (WRITER,), (READER,))
    said = subprocess.run(["getfacl", "-cnp", place / "ours"], capture_output=True, text=True, check=True)
    wanted = {f"{which}{entry}" for which in ("", "default:") for entry in _words()}
    assert set(said.stdout.split()) == wanted


def _words() -> tuple[str, ...]:
    return "user::rwx", f"user:{WRITER}:rwx", f"user:{READER}:r-x", "group::---", "mask::rwx", "other::---"


@ROOT_ONLY
def test_a_closed_directory_and_what_is_made_in_it(place: Path) -> None:
    close(place / "a", (WRITER,), (READER,))
    below, file = place / "a/deep/er", place / "a/deep/er/file"
    assert may(WRITER, "os.makedirs(sys.argv[1]); open(sys.argv[2], 'w').write('x')", below, file)
    for number, allowed in ((WRITER, True), (READER, True), (STRANGER, False)):
        assert may(number, "os.listdir(sys.argv[1])", place / "a") is allowed
        assert may(number, "os.listdir(sys.argv[1])", below) is allowed
        assert may(number, "open(sys.argv[1]).read()", file) is allowed
    assert not may(READER, "open(sys.argv[1], 'a')", file)
    assert not may(READER, "os.mkdir(sys.argv[1])", below / "mine")
    assert is_closed(place / "a")
    assert is_closed(below)
    assert hands_on(below)


@ROOT_ONLY
def test_a_mode_of_0640_leaves_readers_to_read_and_lets_no_group_in(place: Path) -> None:
    close(place / "a", (WRITER,), (READER,))
    file = place / "a/file"
    assert may(WRITER, "open(sys.argv[1], 'w').write('x'); os.chmod(sys.argv[1], 0o600)", file)
    assert not may(READER, "open(sys.argv[1])", file)
    assert may(WRITER, "os.chmod(sys.argv[1], 0o640)", file)
    assert may(READER, "open(sys.argv[1])", file)
    os.chown(file, -1, STRANGER)  # the owning group has no rights either
    assert not may(STRANGER, "open(sys.argv[1])", file)


def test_lists_are_taken_away_again(place: Path) -> None:
    close(place / "a", (WRITER,))
    handle = os.open(place / "a", os.O_RDONLY)
    acl.drop_lists(handle)
    acl.drop_lists(handle)
    os.fchmod(handle, 0o755)
    os.close(handle)
    assert not hands_on(place / "a")
    assert not is_closed(place / "a")
    assert stat.S_IMODE((place / "a").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("mode", "closed"), [(0o2770, True), (0o2750, True), (0o770, False), (0o2775, False)]
)
def test_without_lists_set_group_id_says_what_is_closed(place: Path, mode: int, closed: bool) -> None:
    (place / "a").mkdir()
    (place / "a").chmod(mode)
    assert is_closed(place / "a") is closed


def test_a_file_system_that_knows_none(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    handle = os.open(place, os.O_RDONLY)
    monkeypatch.setattr(os, "setxattr", refuse)
    monkeypatch.setattr(os, "getxattr", refuse)
    assert not knows_lists(place)
    assert not set_lists(handle, closed_list([WRITER]), closed_list([WRITER]))
    assert not hands_on(place)
    acl.drop_lists(handle)
    os.close(handle)


def test_a_refusal_for_another_reason_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no")

    monkeypatch.setattr(os, "setxattr", refuse)
    handle = os.open(place, os.O_RDONLY)
    with pytest.raises(PermissionError):
        set_lists(handle, closed_list([WRITER]), closed_list([WRITER]))
    os.close(handle)


def test_only_modes_of_own_plain_files_are_set(place: Path) -> None:
    (place / "secret").write_text("x")
    (place / "plain").write_text("x")
    (place / "link").symlink_to(place / "secret")
    os.mkfifo(place / "pipe")
    (place / "second").hardlink_to(place / "secret")
    (place / "strange").write_text("x")
    for path in (place / "secret", place / "plain", place / "strange"):
        path.chmod(0o600)
    if os.getuid() == 0:
        os.chown(place / "strange", STRANGER, STRANGER)
    handle = os.open(place, os.O_RDONLY)
    for name in ("plain", "link", "pipe", "second", "missing", *(["strange"] if os.getuid() == 0 else [])):
        acl.set_own_mode(handle, name, 0o644)
    os.close(handle)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (place / "secret", place / "plain")}
    assert modes == {"secret": 0o600, "plain": 0o644}
    assert stat.S_IMODE((place / "strange").stat().st_mode) == 0o600
