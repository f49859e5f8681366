import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure
from beampace.eiger import plain_name
from beampace.work.directory import open_to_readers, os_failure, result_directory


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def tight_umask():
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_numbers_rise_and_nothing_is_used_twice(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: result_directory(None, "lyso", "process", tmp_path), range(24)))
    assert sorted(path.name for path in made) == [f"process_{n:03d}" for n in range(1, 25)]


@pytest.mark.usefixtures("tight_umask")
def test_others_may_read_whatever_the_umask(tmp_path):
    tmp_path.chmod(0o755)
    made = result_directory(None, "lyso", "process", tmp_path)
    (made / "sub").mkdir()
    (made / "sub" / "file").write_text("x")
    open_to_readers(made)
    assert mode(made) == mode(made / "sub") == mode(tmp_path / "beampace") == 0o755
    assert mode(made / "sub" / "file") == 0o644


def test_a_directory_with_something_in_it_is_a_bad_request(tmp_path):
    (tmp_path / "out").mkdir()
    assert result_directory(tmp_path / "out", "x", "process", tmp_path) == tmp_path / "out"
    (tmp_path / "out" / "file").write_text("mine")
    with pytest.raises(InputError) as caught:
        result_directory(tmp_path / "out", "x", "process", tmp_path)
    assert caught.value.code is Failure.BAD_REQUEST
    assert (tmp_path / "out" / "file").read_text() == "mine"


def test_a_place_that_refuses_is_not_writable(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(Exception, match="file") as caught:
        result_directory(tmp_path / "file" / "out", "x", "process", tmp_path)
    assert caught.value.code is Failure.NOT_WRITABLE


def test_names_stay_within_their_place():
    assert plain_name("../../etc/passwd") == "etc_passwd"
    assert plain_name("lyso_1") == "lyso_1"
    assert plain_name("..") == "dataset"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, Failure.DISK_FULL),
        (errno.EROFS, Failure.NOT_WRITABLE),
        (errno.EIO, Failure.ENGINE_FAILED),
    ],
)
def test_the_operating_systems_words(number, code):
    assert os_failure(OSError(number, os.strerror(number)), "/there").code is code


@pytest.mark.usefixtures("tight_umask")
def test_a_closed_group_directory_hands_its_group_and_its_modes_on(tmp_path):
    tmp_path.chmod(0o2770)
    made = result_directory(tmp_path / "new" / "out", "lyso", "process", tmp_path)
    (made / "sub").mkdir()
    (made / "sub" / "file").write_text("x")
    open_to_readers(made)
    assert mode(made) == mode(made / "sub") == mode(tmp_path / "new") == 0o2770
    assert mode(made / "sub" / "file") == mode(made / "log.txt") == 0o640
    assert (made / "sub" / "file").stat().st_gid == tmp_path.stat().st_gid


def test_set_group_id_is_kept_where_everybody_may_read(tmp_path):
    tmp_path.chmod(0o2775)
    made = result_directory(None, "lyso", "process", tmp_path)
    (made / "sub").mkdir()
    open_to_readers(made)
    assert mode(made) == mode(made / "sub") == 0o2755


def test_the_users_own_directory_keeps_its_mode(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine").chmod(0o700)
    made = result_directory(tmp_path / "mine", "lyso", "process", tmp_path)
    (made / "file").write_text("x")
    (made / "file").chmod(0o600)
    open_to_readers(made)
    assert mode(made) == 0o700
    assert mode(made / "file") == 0o644


def test_a_mode_that_cannot_be_set_costs_nothing(tmp_path, monkeypatch, caplog):
    def refuse(self, mode):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(self))

    monkeypatch.setattr("pathlib.Path.chmod", refuse)
    made = result_directory(tmp_path / "a" / "out", "lyso", "process", tmp_path)
    open_to_readers(made)
    assert "cannot be set" in caplog.text


def test_one_of_several_gets_the_directory_they_all_asked_for(tmp_path):
    def ask(_):
        try:
            return result_directory(tmp_path / "out", "lyso", "process", tmp_path)
        except InputError as error:
            return error.code

    (tmp_path / "out").mkdir()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(16)))
    assert answers.count(tmp_path / "out") == 1
    assert answers.count(Failure.BAD_REQUEST) == 15


def test_who_looked_while_it_was_empty_does_not_get_it_either(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    result_directory(tmp_path / "out", "lyso", "process", tmp_path)
    monkeypatch.setattr("pathlib.Path.iterdir", lambda self: iter(()))
    with pytest.raises(InputError) as caught:
        result_directory(tmp_path / "out", "lyso", "process", tmp_path)
    assert caught.value.code is Failure.BAD_REQUEST


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_link_that_leads_nowhere_is_a_bad_request(tmp_path, below):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError) as caught:
        result_directory(tmp_path / "link" / below, "lyso", "process", tmp_path)
    assert caught.value.code is Failure.BAD_REQUEST
    assert not (tmp_path / "nowhere").exists()


def test_a_file_is_a_bad_request(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError) as caught:
        result_directory(tmp_path / "file", "lyso", "process", tmp_path)
    assert caught.value.code is Failure.BAD_REQUEST
