"""Where a job reads and writes is proven: links, strangers, races, modes."""

from __future__ import annotations

import os
import stat
import threading

import pytest

from beampace.core.errors import BeampaceError
from beampace.work.place import check_master, numbered_below


@pytest.fixture
def root(tmp_path):
    (tmp_path / "raw/user/scan").mkdir(parents=True)
    (tmp_path / "raw/user/scan/x_master.h5").touch()
    return tmp_path


def test_a_master_where_it_belongs(root):
    master = root / "raw/user/scan/x_master.h5"
    check_master(master, root / "raw")
    (root / "current").symlink_to(root)
    check_master(root / "current/raw/user/scan/x_master.h5", root / "current/raw")
    check_master(root / "raw/user/late/not_yet_master.h5", root / "raw")
    (root / "raw/user/own").symlink_to(root / "raw/user/scan")
    check_master(root / "raw/user/own/x_master.h5", root / "raw")


@pytest.mark.parametrize("path", ["/etc/passwd", "raw", "raw/../secret", "raw/user/out/x", "raw/user/loop/x"])
def test_a_master_elsewhere(root, path):
    (root / "secret").touch()
    (root / "raw/user/out").symlink_to("/etc")
    (root / "raw/user/loop").symlink_to(root / "raw/user/loop")
    with pytest.raises(BeampaceError, match="bad_request"):
        check_master(root / path, root / "raw")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give links away")
def test_a_link_of_a_stranger(root):
    link = root / "raw/user/planted"
    link.symlink_to(root / "raw/user/scan")
    os.lchown(link, 12345, 12345)
    with pytest.raises(BeampaceError, match="another user"):
        check_master(link / "x_master.h5", root / "raw")


def test_numbers_go_on_and_gaps_are_not_filled(root):
    place = root / "processed/user/scan/beampace"
    assert numbered_below(root / "processed", place, "look") == place / "look_001"
    (place / "look_007").mkdir()
    (place / "look_x").mkdir()
    assert numbered_below(root / "processed", place, "look") == place / "look_008"
    assert numbered_below(root / "processed", place, "process").name == "process_001"


def test_two_at_once_get_two(root):
    place, made = root / "processed/user/scan/beampace", []
    threads = [
        threading.Thread(target=lambda: made.append(numbered_below(root / "processed", place, "look")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in made) == [f"look_{number:03d}" for number in range(1, 9)]


@pytest.mark.parametrize("at", ["user", "user/scan", "user/scan/beampace"])
def test_links_on_the_way_are_not_followed(root, at):
    (root / "elsewhere").mkdir()
    link = root / "processed" / at
    link.parent.mkdir(parents=True)
    link.symlink_to(root / "elsewhere")
    with pytest.raises(BeampaceError, match="symbolic link") as caught:
        numbered_below(root / "processed", root / "processed/user/scan/beampace", "look")
    assert caught.value.code == "not_writable" and not list((root / "elsewhere").iterdir())


def test_a_root_behind_a_link_is_where_it_leads(root):
    (root / "processed").mkdir()
    (root / "view").symlink_to(root / "processed")
    made = numbered_below(root / "view", root / "view/user/beampace", "look")
    assert (
        made == root / "view/user/beampace/look_001" and (root / "processed/user/beampace/look_001").is_dir()
    )
    assert numbered_below(root / "view", root / "processed/user/beampace", "look").name == "look_002"


def test_places_that_are_no_place_for_results(root):
    for place in (root / "raw/user", root / "processed/../raw/user", root):
        with pytest.raises(BeampaceError, match="bad_request"):
            numbered_below(root / "processed", place, "look")
    (root / "processed").mkdir()
    (root / "processed/user").write_text("a file")
    with pytest.raises(BeampaceError, match="not_writable"):
        numbered_below(root / "processed", root / "processed/user/beampace", "look")


@pytest.mark.parametrize(("above", "expected"), [(0o755, 0o755), (0o2770, 0o2770), (0o2775, 0o2755)])
def test_modes_fit_the_directory_above_whatever_the_umask(root, above, expected):
    (root / "processed").mkdir()
    (root / "processed").chmod(above)
    before = os.umask(0o077)
    try:
        made = numbered_below(root / "processed", root / "processed/user/beampace", "look")
    finally:
        os.umask(before)
    for path in (made, made.parent, made.parent.parent):
        assert stat.S_IMODE(path.stat().st_mode) == expected, path
