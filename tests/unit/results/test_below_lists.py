"""Files with an access list of their own, beside others that everybody reads."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from beampace.results.acl import ACCESS, file_list, knows_lists
from beampace.results.below import write_below

LIST = file_list([41002, 41003])


def test_a_file_is_given_its_list_before_it_is_there(tmp_path: Path) -> None:
    if not knows_lists(tmp_path):
        pytest.skip("this file system knows no access lists")
    assert write_below(tmp_path, "page", "text", LIST)
    assert os.getxattr(tmp_path / "page", ACCESS) == LIST
    assert stat.S_IMODE((tmp_path / "page").stat().st_mode) == 0o640
    assert not write_below(tmp_path, "page", "text", LIST)


def test_another_list_is_another_file(tmp_path: Path) -> None:
    if not knows_lists(tmp_path):
        pytest.skip("this file system knows no access lists")
    assert write_below(tmp_path, "page", "text")
    assert stat.S_IMODE((tmp_path / "page").stat().st_mode) == 0o644
    assert write_below(tmp_path, "page", "text", LIST)
    assert write_below(tmp_path, "page", "text", file_list([41002]))
    assert write_below(tmp_path, "page", "text")
    assert not write_below(tmp_path, "page", "text")
    assert stat.S_IMODE((tmp_path / "page").stat().st_mode) == 0o644
