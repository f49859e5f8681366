"""Announcements: what is accepted, and what is told of those that never come true."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from beampace.core.errors import InputError
from beampace.watch import Announcement, WatchSettings
from beampace.watch.announce import Announced, accepted
from beampace.watch.inside import place_of, proven_inside


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    raw = tmp_path.resolve() / "current" / "raw"
    (raw / "lyso" / "rotational_001").mkdir(parents=True)
    (raw / "lyso" / "rotational_001" / "lyso_1_master.h5").touch()
    return raw


def at(path: Path) -> Announcement:
    return Announcement(path=path)


def test_masters_and_run_directories_present_or_not(raw: Path) -> None:
    for name in ("lyso/rotational_001/lyso_1_master.h5", "lyso/rotational_001", "new/a_master.h5", "new"):
        assert accepted(at(raw / name), raw).path == raw / name


def test_another_view_of_raw_is_resolved(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "view").symlink_to(raw.parent)
    seen = tmp_path / "view" / "raw" / "lyso" / "rotational_001"
    assert accepted(at(seen), raw).path == raw / "lyso" / "rotational_001"


def test_what_lies_elsewhere_is_refused(raw: Path, tmp_path: Path) -> None:
    (raw / "etc").symlink_to("/etc")
    (tmp_path / "rawer").mkdir()
    paths = [raw / "etc" / "x_master.h5", raw / ".." / "x_master.h5", Path("/etc"), raw, Path("raw/x"),
             tmp_path / "rawer" / "x_master.h5", raw / "a" / ".." / ".." / "x", raw / "bad\nname",
             raw / ("x" * 300), Path("/a\0b")]  # fmt: skip
    for path in paths:
        with pytest.raises(InputError) as caught:
            accepted(at(path), raw)
        assert caught.value.code == "bad_request"
        assert caught.value.words.isprintable()


def test_what_can_never_be_a_dataset_is_refused(raw: Path) -> None:
    run = raw / "lyso" / "rotational_001"
    (run / "info.txt").touch()
    os.mkfifo(run / "pipe_master.h5")
    (run / "directory_master.h5").mkdir()
    for name in ("info.txt", "pipe_master.h5", "directory_master.h5", "x_data_000001.h5", ".x_master.h5"):
        with pytest.raises(InputError):
            accepted(at(run / name), raw)
    with pytest.raises(InputError) as caught:
        accepted(at(run / "x_data_000001.h5"), raw)
    assert "x_master.h5" in caught.value.next_step


@pytest.mark.parametrize(
    "wrong",
    [{"group": "../x"}, {"group": "-rf"}, {"sample": "a b"}, {"frames": 0}, {"kind": "powder"}, {"x": 1}],
)
def test_particulars_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Announcement.model_validate({"path": "/raw/x", **wrong})


def test_a_loop_of_links_is_refused(raw: Path) -> None:
    (raw / "loop").symlink_to(raw / "loop")
    with pytest.raises(InputError):
        accepted(at(raw / "loop"), raw)


def test_what_never_comes_is_told_for_an_hour() -> None:
    announced = Announced(WatchSettings(announced_for_s=600.0))
    announced.add(at(Path("/raw/a_master.h5")), 0.0)
    assert list(announced.waiting(599.0)) == ["/raw/a_master.h5"]
    assert not announced.troubles(599.0)
    assert not list(announced.waiting(600.0))
    assert [t.words for t in announced.troubles(600.0)] == ["It was announced but never seen."]
    announced.add(at(Path("/raw/a_master.h5")), 700.0)
    assert not announced.troubles(701.0)
    announced.found("/raw/a_master.h5")
    assert not list(announced.waiting(9000.0))
    assert not announced.troubles(9000.0)


def test_only_so_many_wait() -> None:
    announced = Announced(WatchSettings(max_announced=2))
    announced.add(at(Path("/raw/a")), 0.0)
    assert not announced.is_full
    announced.add(at(Path("/raw/b")), 0.0)
    assert announced.is_full


def test_place(raw: Path) -> None:
    master = proven_inside(raw / "lyso" / "rotational_001" / "lyso_1_master.h5", raw)
    assert place_of(master, raw) == "lyso/rotational_001"
    assert place_of(raw / "x_master.h5", raw) == "."
