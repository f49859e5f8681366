"""What an attempt left is read with nothing trusted: another account may have made it."""

import os
from pathlib import Path

import pytest

from beampace.cluster import read_exit
from beampace.cluster.environment import own_environment
from beampace.cluster.files import mark, read_plain
from beampace.service.attempt_files import ending_of, progress_of, result_directory, result_of, started_at
from tests.support.desk import result

NAMES = ("exit.json", "ending", "result_directory", "result.json", "progress.json", "pid.json")


def plant_link_to_nowhere_ending(path: Path) -> None:
    path.symlink_to("/dev/zero")


def plant_fifo(path: Path) -> None:
    os.mkfifo(path)


def plant_directory(path: Path) -> None:
    path.mkdir()


def plant_link_to_a_good_file(path: Path) -> None:
    good = path.parent.parent / "good"
    good.write_text(result("k", "diffraction", 3).model_dump_json(by_alias=True))
    path.symlink_to(good)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "plant", [plant_link_to_nowhere_ending, plant_fifo, plant_directory, plant_link_to_a_good_file]
)
def test_what_is_no_ordinary_file_says_nothing_and_holds_nobody_up(tmp_path: Path, plant) -> None:
    attempt = tmp_path / "attempt"
    attempt.mkdir()
    for name in NAMES:
        plant(attempt / name)
        (tmp_path / "good").unlink(missing_ok=True) if plant is not plant_link_to_a_good_file else None
    assert read_exit(attempt) is None
    assert ending_of(attempt) == ""
    assert result_directory(attempt, tmp_path) is None
    assert result_of(attempt, "k") is None
    assert progress_of(attempt) is None
    assert started_at(attempt) is None


def test_an_ordinary_result_is_read(tmp_path: Path) -> None:
    from beampace.results import write_result

    write_result(tmp_path, result("k", "diffraction", 3))
    assert result_of(tmp_path, "k") is not None
    assert result_of(tmp_path, "another") is None


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read_plain(tmp_path / "x", 5) == b"12345"
    with pytest.raises(ValueError, match="at most 4"):
        read_plain(tmp_path / "x", 4)


def test_a_mark_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "cancel").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        mark(tmp_path / "cancel")
    assert not (tmp_path / "elsewhere").exists()
    mark(tmp_path / "other")
    mark(tmp_path / "other")
    assert (tmp_path / "other").read_bytes() == b""


def test_jobs_see_no_variable_that_may_hold_a_secret() -> None:
    given = {
        "PATH": "/bin",
        "SLURM_CONF": "/x",
        "BEAMPACE_STORE__URL": "postgresql://a:b@c/d",
        "PGPASSWORD": "x",
        "SLURM_JWT": "x",
        "MY_API_TOKEN": "x",
        "SSH_AUTH_SOCK": "/x",
    }
    assert own_environment(given) == {"PATH": "/bin", "SLURM_CONF": "/x"}
